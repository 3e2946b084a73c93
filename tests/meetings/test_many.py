"""Hundreds of sessions without a meeting: in parallel, never twice, and taken up where the time ran out."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from meetings import many, planning, vendor_rounds
from meetings.errors import ProviderUnavailable
from meetings.many import provide_missing, share_out
from meetings.models import Meeting
from tests.conftest import Drain
from tests.factories import make_link, make_tutor
from tests.meetings.acme import ACME, Acme
from tests.meetings.making import lesson, paid_booking
from tests.race import race

A_MINUTE = timedelta(minutes=1)


def missing(number: int) -> None:
    for place in range(number):
        paid_booking(lesson(place), tutor=make_tutor(meeting_provider="acme"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("IT-02", "IT-03")
def test_vendor_is_asked_from_several_threads_and_each_session_once(acme: Acme):
    missing(20)
    at_once, most, lock = 0, 0, threading.Lock()

    def linger() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)  # the vendor takes its time
        with lock:
            at_once -= 1

    acme.plan = [linger] * 20
    outcomes = race(lambda _number: provide_missing(within=A_MINUTE), threads=2)

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert Meeting.objects.filter(status="ready", provider="acme").count() == 20
    assert (len(ACME.rooms), ACME.calls.count("create")) == (20, 20)
    assert 2 < most <= 2 * many.THREADS


@pytest.mark.django_db(transaction=True)
def test_threads_leave_no_connection_behind(acme: Acme):
    missing(10)
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with connection.cursor() as cursor:
        cursor.execute(count)
        before = cursor.fetchone()
        assert provide_missing(within=A_MINUTE).tally.ready == 10
        deadline = time.monotonic() + 20
        after = None
        while after != before and time.monotonic() < deadline:
            cursor.execute(count)
            after = cursor.fetchone()
    assert after == before


@pytest.mark.django_db(transaction=True)
def test_what_was_not_tried_in_time_is_left_for_the_next_call(acme: Acme):
    missing(6)
    provided = provide_missing(within=timedelta())
    assert (provided.tally.total, provided.left) == (0, 6)
    provided = provide_missing(within=A_MINUTE)
    assert (provided.tally.ready, provided.left) == (6, 0)
    assert provide_missing(within=A_MINUTE).tally.total == 0


@pytest.mark.django_db
def test_vendor_that_asked_to_wait_is_not_asked_by_who_wants_all(acme: Acme):
    missing(1)
    acme.plan = [ProviderUnavailable(after=timedelta(seconds=90))]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _call in range(2):
            provided = provide_missing(within=A_MINUTE)
            assert (provided.tally.ready, len(provided.tally.errors), provided.left) == (0, 1, 0)
        assert ACME.calls == ["create"]
        clock.shift(timedelta(seconds=90))
        assert provide_missing(within=A_MINUTE).tally.ready == 1


@pytest.mark.django_db(transaction=True)
def test_command_provides_at_vendors_and_from_the_pool(acme: Acme, capsys):
    missing(3)
    make_link()
    paid_booking(), paid_booking()
    call_command("provision_meetings")
    assert "4 of 5 waiting meetings are ready now." in capsys.readouterr().out


@pytest.mark.django_db
def test_round_gives_each_meeting_at_a_vendor_a_job_and_only_one(acme: Acme, drain: Drain):
    missing(3)
    for booking in planning.sessions_without_address(timezone.now()):
        many._planned(booking.pk)
    for _round in range(2):
        assert share_out(timezone.now()).total == 0
    ran = drain()
    assert Meeting.objects.filter(status="ready").count() == 3
    assert len(ACME.rooms) == 3
    assert len(ran) <= 6  # one from the plan, one from the rounds


@pytest.mark.django_db
def test_round_ends_in_time_where_the_pool_is_full_and_the_next_vendor_hangs(acme: Acme, monkeypatch: pytest.MonkeyPatch):
    for place in range(3):
        planning.plan_meeting(paid_booking(lesson(place), tutor=make_tutor(fallback_providers=["acme"])))
    with monkeypatch.context() as short:
        short.setattr(vendor_rounds, "ROUND_SECONDS", 0.0)
        assert share_out(timezone.now()).total == 0
    assert share_out(timezone.now()).ready == 3
    assert acme.calls == ["create"] * 3
