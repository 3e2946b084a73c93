"""The figures of the meetings as Prometheus reads them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from config.figures import Figure, labelled, single
from config.metrics import render_metrics
from meetings.kept_calls import close_days, delete_old_calls
from meetings.models import Alert, Meeting, ProviderCall, VideoConnection
from tests.factories import an_hour, make_link
from tests.meetings.making import lesson, make_call, make_connection, ready_meeting, waiting_meeting

LINE = re.compile(r"""linkpool_[a-z_]+(?:\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? -?[0-9.]+(?:e[+-]?[0-9]+)?""")
Outcome = ProviderCall.Outcome


def read() -> list[str]:
    return render_metrics(timezone.now()).splitlines()


@pytest.mark.django_db
def test_figures_of_meetings_are_those_of_the_rows():
    now = timezone.now()
    waiting_meeting(lesson(0), trouble=Meeting.Trouble.POOL_FULL)
    waiting_meeting(an_hour(now + timedelta(hours=2)), requested_at=now - timedelta(hours=1))
    ready_meeting(lesson(5), provider="zoom", requested_at=now, ready_at=now + timedelta(seconds=4), passed_over=["google"])
    make_link()
    for outcome in [Outcome.DONE] * 3 + [Outcome.UNAVAILABLE] * 2:
        make_call("zoom", outcome, seconds=0.5)
    for number in range(1, 22):
        make_call("google", seconds=float(number))
    make_call("google", seconds=99, began_at=now - timedelta(hours=25))
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=now)
    Alert.objects.create(kind=Alert.Kind.POOL, begun_at=now)

    lines = read()

    assert {
        "linkpool_paid_without_link 2",
        'linkpool_meetings_without_address{reason="pool_full"} 1',
        'linkpool_meetings_without_address{reason="preparing"} 1',
        'linkpool_meetings_without_address{reason="reconnect"} 0',
        "linkpool_meetings_overdue 1",
        'linkpool_meetings_asked_today{provider="google"} 1',
        'linkpool_meetings_ready_today{provider="google"} 0',
        'linkpool_meetings_ready_today{provider="zoom"} 1',
        'linkpool_meeting_ready_seconds_median_today{provider="zoom"} 4',
        'linkpool_provider_calls_total{provider="zoom",outcome="done"} 3',
        'linkpool_provider_calls_total{provider="zoom",outcome="unavailable"} 2',
        'linkpool_provider_call_seconds_total{provider="zoom",outcome="done"} 1.5',
        'linkpool_provider_call_seconds{provider="google",quantile="0.5"} 11',
        'linkpool_provider_call_seconds{provider="google",quantile="0.95"} 20',
        'linkpool_provider_call_seconds{provider="google",quantile="1"} 21',
        'linkpool_provider_call_seconds{provider="zoom",quantile="1"} 0.5',
        'linkpool_provider_success_ratio{provider="zoom"} 0.6',
        "linkpool_connections_broken 1",
        "linkpool_links_peak_ahead 0",
        'linkpool_alert{kind="pool"} 1',
        'linkpool_alert{kind="queue"} 0',
        "# TYPE linkpool_provider_calls_total counter",
        "# TYPE linkpool_meetings_overdue gauge",
    } <= set(lines)


@pytest.mark.django_db
def test_every_line_is_one_that_prometheus_reads_and_every_figure_is_explained_once():
    make_call("zoom")
    ready_meeting(ready_at=timezone.now())

    lines = read()

    samples = [line for line in lines if not line.startswith("#")]
    assert [line for line in samples if not LINE.fullmatch(line)] == []
    helped = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert helped == typed == list(dict.fromkeys(re.split(r"[{ ]", line)[0] for line in samples))
    assert len(set(samples)) == len(samples)


@pytest.mark.django_db
def test_metrics_name_nobody_and_tell_no_address():
    meeting = ready_meeting(provider="zoom", ready_at=timezone.now())
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now(), account="ada.private@example.com")
    make_call("zoom", Outcome.UNAVAILABLE, meeting=meeting, detail="secret detail")

    told = "\n".join(read())

    assert not re.search(r"@|https?:|secret detail|BK-", told)


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 50])
def test_metrics_take_as_many_queries_for_fifty_rows_as_for_one(rows: int, django_assert_num_queries):
    for number in range(rows):
        meeting = waiting_meeting(lesson(number), trouble=Meeting.Trouble.POOL_FULL)
        make_call(f"vendor{number % 3}", meeting=meeting)

    with django_assert_num_queries(24):
        read()


@pytest.mark.django_db
def test_counters_never_fall_when_calls_are_deleted(settings):
    settings.CALLS_KEPT_DAYS = 90
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(3):
            make_call("zoom", seconds=0.25)
        before = [line for line in read() if "_total" in line]
        clock.shift(timedelta(days=91))
        assert [line for line in read() if "_total" in line] == before
        close_days(timezone.now())
        assert [line for line in read() if "_total" in line] == before
        assert delete_old_calls(timezone.now()) == 3
        assert [line for line in read() if "_total" in line] == before
        make_call("zoom", seconds=0.25)

        assert 'linkpool_provider_calls_total{provider="zoom",outcome="done"} 4' in read()


def test_values_of_labels_are_written_as_prometheus_reads_them():
    assert list(labelled("a", "b", "c", {'"\\\n': 1}).lines())[-1] == r'a{c="\"\\\n"} 1'


def test_large_figures_are_written_in_full_and_figures_without_a_value_not_at_all():
    assert list(single("a", "b", 12_345_678).lines())[-1] == "a 12345678"
    assert list(Figure("a", "b", {}).lines()) == []
