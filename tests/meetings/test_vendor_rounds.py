"""Rounds that ask vendors: one at a time, each over in time, and nobody waits twice for a vendor that is silent."""

from __future__ import annotations

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from meetings import vendor_rounds
from meetings.errors import ProviderCannot, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.vendor_rounds import VendorRound
from tests.meetings.making import make_connection
from tests.workers import take_up_dead_workers_jobs

ROUNDS = ["meetings.provision_meetings", "meetings.make_way", "meetings.end_calls"]


def in_line(task: str, minute: int) -> None:
    app.configure_task(task).defer(timestamp=60 * minute)


def taken() -> int | None:
    """What a worker that is free begins with now: the minute of that round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (args->>'timestamp')::int / 60 FROM procrastinate_fetch_job_v2(NULL, NULL)")
        [minute] = cursor.fetchone()
    return int(minute) if minute is not None else None


@pytest.mark.django_db
@pytest.mark.parametrize("task", ROUNDS)
def test_round_that_asks_vendors_begins_when_the_one_before_has_ended(task: str):
    in_line(task, 1)
    assert taken() == 1
    in_line(task, 2)
    assert taken() is None

    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'doing'")

    assert taken() == 2


@pytest.mark.django_db
def test_different_rounds_do_not_wait_for_each_other():
    for minute, task in enumerate(ROUNDS):
        in_line(task, minute)
    assert {taken() for _task in ROUNDS} == {0, 1, 2}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("task", ROUNDS)
def test_round_of_a_worker_that_died_keeps_the_next_one_waiting_for_a_minute_only(task: str):
    in_line(task, 1)
    taken()  # by a worker that nobody has heard of
    in_line(task, 2)

    take_up_dead_workers_jobs()

    assert taken() == 2
    assert ProcrastinateJob.objects.count() == 1


@pytest.mark.parametrize("task", ROUNDS)
def test_round_is_never_tried_again_for_the_next_one_would_wait_with_it(task: str):
    assert app.tasks[task].retry_strategy is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("trouble", "is_asked_again", "is_other_account_asked"),
    [
        (None, True, True),
        (RoomGone(status=404), True, True),
        (ProviderCannot(status=403), True, True),
        (ProviderUnavailable(status=429), False, True),
        (ProviderUnavailable(detail="no answer"), False, False),
    ],
)
def test_round_leaves_alone_who_did_not_answer(
    trouble: ProviderTrouble | None, is_asked_again: bool, is_other_account_asked: bool
):
    vendors, one, other = VendorRound(), make_connection(), make_connection()

    vendors.note("zoom", one, trouble)

    assert vendors.may_ask("zoom", one) is is_asked_again
    assert vendors.may_ask("zoom", other) is is_other_account_asked
    assert vendors.may_ask("zoom", None) is is_other_account_asked
    assert vendors.may_ask("google", one)


@pytest.mark.django_db
def test_round_asks_nobody_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vendor_rounds, "ROUND_SECONDS", 0.0)
    vendors = VendorRound()
    assert (vendors.is_over, vendors.may_ask("zoom", None)) == (True, False)
