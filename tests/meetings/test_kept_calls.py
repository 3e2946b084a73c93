"""Calls are kept for a time, what each day came to for good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from meetings import kept_calls
from meetings.kept_calls import close_days, delete_old_calls, totals
from meetings.models import ProviderCall, ProviderDay
from tests.meetings.making import make_call
from tests.race import race

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def days() -> list[tuple[date, str, str, int, float]]:
    return list(ProviderDay.objects.values_list("day", "provider", "outcome", "calls", "seconds"))


def test_days_that_are_over_are_written_down_once():
    for at in (NOON - 2 * DAY, NOON - DAY, NOON - DAY, NOON):
        make_call("zoom", began_at=at, seconds=0.5)
    make_call("google", "unavailable", began_at=NOON - DAY, seconds=20)

    assert (close_days(NOON), close_days(NOON)) == (3, 0)

    assert days() == [
        (date(2027, 3, 8), "zoom", "done", 1, 0.5),
        (date(2027, 3, 9), "google", "unavailable", 1, 20.0),
        (date(2027, 3, 9), "zoom", "done", 2, 1.0),
    ]


def test_day_is_not_closed_while_an_answer_may_still_come():
    midnight = datetime(2027, 3, 10, tzinfo=UTC)
    make_call(began_at=midnight - timedelta(seconds=5))

    assert close_days(midnight + timedelta(minutes=59)) == 0
    assert close_days(midnight + timedelta(minutes=61)) == 1


def test_calls_are_deleted_in_batches_once_they_are_old_and_stand_in_the_days(settings, monkeypatch):
    settings.CALLS_KEPT_DAYS = 90
    monkeypatch.setattr(kept_calls, "BATCH", 2)
    for number in range(5):
        make_call(began_at=NOON - 100 * DAY + timedelta(minutes=number))
    kept = make_call(began_at=NOON - 89 * DAY)
    assert delete_old_calls(NOON) == 0  # no day is closed: nothing would be left of them

    close_days(NOON)

    assert (delete_old_calls(NOON), delete_old_calls(NOON)) == (5, 0)
    assert list(ProviderCall.objects.all()) == [kept]
    assert totals()["zoom", "done"].calls == 6


def test_night_deletes_no_more_than_its_batches(settings, monkeypatch):
    monkeypatch.setattr(kept_calls, "BATCH", 2)
    monkeypatch.setattr(kept_calls, "MOST_BATCHES", 2)
    for number in range(5):
        make_call(began_at=NOON - 100 * DAY + timedelta(minutes=number))
    close_days(NOON)

    assert delete_old_calls(NOON) == 4


@pytest.mark.django_db(transaction=True)
def test_two_workers_close_a_day_once():
    for _ in range(10):
        make_call(began_at=NOON - DAY, seconds=0.5)

    outcomes = race(lambda _number: (close_days(NOON), delete_old_calls(NOON + 100 * DAY)), threads=4)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert days() == [(date(2027, 3, 9), "zoom", "done", 10, 5.0)]
