"""What operators ask: alive, ready, and the figures that alarms are set on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django import app

from bookings.job_queue import oldest_wait_seconds, read_pulse
from bookings.models import Booking
from config.metrics import read_figures
from meetings.models import Meeting, MeetingLink
from payments.models import Payment, WebhookEvent
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_payment, make_tutor, make_user

TOKEN = "a token of the operators"


def beat(*seconds_ago: float) -> None:
    """Register workers whose last sign of life is that old."""
    with connection.cursor() as cursor:
        for seconds in seconds_ago:
            at = timezone.now() - timedelta(seconds=seconds)
            cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [at])


def add_job(waiting: timedelta = timedelta()) -> None:
    """Add a job that could have run since then."""
    app.configure_task("linkpool.unknown", schedule_at=timezone.now() - waiting).defer()


def figures() -> dict[str, float]:
    """Return every figure by its name and label value, such as `linkpool_links.retired`."""
    return {
        ".".join([figure.name, *labels]): value
        for figure in read_figures(timezone.now())
        for labels, value in figure.values.items()
    }


def test_alive_asks_nothing_of_the_database(client):
    # without the fixture of the database a query would fail this test
    for path in ("/health/live", "/health/live/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.django_db
def test_ready_tells_of_database_worker_and_queue(client):
    beat(300, 5)
    add_job(timedelta(seconds=90))

    answer = client.get("/health/ready")

    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("max-age=0")
    assert (told["ready"], told["database"], told["workers"]) == (True, "answers", 2)
    assert 5 <= told["worker_heartbeat_seconds"] < 60
    assert 90 <= told["oldest_job_seconds"] < 150


@pytest.mark.django_db
def test_ready_does_not_depend_on_a_worker(client):
    answer = client.get("/health/ready/")

    assert answer.status_code == 200
    assert (answer.json()["workers"], answer.json()["worker_heartbeat_seconds"]) == (0, None)


@pytest.mark.django_db
def test_site_that_is_well_says_so(client):
    beat(5)

    told = client.get("/health/ready").json()

    assert (told["status"], told["degraded"], told["overdue_meetings"]) == ("ok", [], 0)


@pytest.mark.django_db
def test_what_another_web_server_would_not_mend_is_told_and_takes_none_out(client, settings, ada, sam):
    settings.ALERT_QUEUE_MINUTES, settings.ALERT_HOURS_AHEAD = 5, 24
    now = timezone.now()
    beat(120)
    add_job(timedelta(minutes=6))
    late = make_booking(sam, ada, during=an_hour(now + timedelta(hours=2)), status=Booking.Status.PAID)
    make_meeting(late, requested_at=now - timedelta(minutes=6))

    answer = client.get("/health/ready")

    told = answer.json()
    assert answer.status_code == 200
    assert (told["ready"], told["status"], told["overdue_meetings"]) == (True, "degraded", 1)
    assert told["degraded"] == ["worker_silent", "queue_late", "meetings_overdue"]
    assert late.reference not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_the_database_but_alive():
    connection.close()
    before = dict(connection.settings_dict)
    connection.settings_dict.update(HOST="127.0.0.1", PORT="1", EMBEDDED_DATA="")
    try:
        ready, alive = Client().get("/health/ready"), Client().get("/health/live")
    finally:
        connection.close()
        connection.settings_dict.update(before)

    assert (ready.status_code, ready.json()["success"]) == (503, False)
    assert alive.status_code == 200


@pytest.mark.django_db
def test_a_job_for_later_is_not_late():
    app.configure_task("linkpool.unknown", schedule_in={"hours": 1}).defer()

    assert oldest_wait_seconds(timezone.now()) == 0


@pytest.mark.django_db
def test_a_job_without_a_time_waits_since_it_was_added():
    app.configure_task("linkpool.unknown").defer()

    assert oldest_wait_seconds(timezone.now() + timedelta(minutes=2)) >= 120


@pytest.mark.django_db
def test_pulse_is_that_of_the_liveliest_worker():
    beat(500, 20)

    pulse = read_pulse(timezone.now())

    assert pulse.workers == 2
    assert 20 <= (pulse.heartbeat_seconds or 0) < 60


@pytest.mark.django_db
def test_figures_count_what_an_alarm_needs(ada, sam, kim):
    now = timezone.now()
    soon = an_hour(now + timedelta(minutes=5))
    running = make_booking(sam, ada, during=an_hour(now - timedelta(minutes=5)), status=Booking.Status.PAID)
    reserved = (running.starts_at, running.ends_at)
    make_meeting(running, status=Meeting.Status.READY, link=make_link(), reserved=reserved)
    make_meeting(make_booking(kim, make_tutor(), during=soon, status=Booking.Status.PAID))
    make_booking(make_user(), make_tutor(), during=soon, status=Booking.Status.PAID)  # whose news was lost
    make_booking(kim, ada, during=an_hour(now - timedelta(days=2)), status=Booking.Status.PAID)  # over
    make_link(status=MeetingLink.Status.RETIRED)
    make_payment(make_order(kim), status=Payment.Status.NEEDS_REVIEW)
    WebhookEvent.objects.create(gateway="midtrans", dedupe_key="1", body=b"{}", next_attempt_at=now, state="failed")
    add_job()

    found = figures()

    assert {name: value for name, value in found.items() if value and "seconds" not in name} == {
        "linkpool_paid_without_link": 2,
        "linkpool_meetings_without_address.preparing": 1,
        "linkpool_meetings_without_address.unplanned": 1,
        "linkpool_bookings.paid": 4,
        "linkpool_meetings.waiting": 1,
        "linkpool_meetings.ready": 1,
        "linkpool_links.available": 1,
        "linkpool_links.retired": 1,
        "linkpool_links_in_use": 1,
        "linkpool_links_peak_today": 1,
        "linkpool_links_peak_ahead": 1,
        "linkpool_payments.needs_review": 1,
        "linkpool_webhook_events.failed": 1,
        "linkpool_jobs.todo": 1,
    }
    assert found["linkpool_meetings.failed"] == 0


@pytest.mark.django_db
def test_metrics_are_written_as_prometheus_reads_them(client, settings, django_assert_max_num_queries):
    settings.METRICS_TOKEN = TOKEN
    make_link()

    with django_assert_max_num_queries(24):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    lines = answer.content.decode().splitlines()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE linkpool_links gauge" in lines
    assert 'linkpool_links{state="available"} 1' in lines
    assert "linkpool_paid_without_link 0" in lines
    assert all(line.startswith(("# HELP linkpool_", "# TYPE linkpool_", "linkpool_")) for line in lines)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "debug", "sent", "status"),
    [
        (TOKEN, False, f"Bearer {TOKEN}", 200),
        (TOKEN, False, f"bearer {TOKEN}", 200),
        (TOKEN, False, "", 401),
        (TOKEN, False, "Bearer wrong", 401),
        (TOKEN, False, "Bearer ünïcode", 401),
        (TOKEN, False, f"Basic {TOKEN}", 401),
        (TOKEN, True, "", 401),
        ("", True, "", 200),
        ("", False, "", 401),
        ("", False, "Bearer ", 401),
    ],
)
def test_metrics_are_for_those_who_have_the_token(client, settings, token, debug, sent, status):
    settings.METRICS_TOKEN, settings.DEBUG = token, debug

    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})

    assert answer.status_code == status
    assert ("linkpool_" in answer.content.decode()) == (status == 200)
