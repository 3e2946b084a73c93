"""Reminders: once for each time that a session has had, and never of what is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from bookings.models import Booking, Notice, Tutor, User
from bookings.reminders import remind
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_order, make_user, tomorrow
from tests.race import race

pytestmark = pytest.mark.django_db
Fact, Status = Notice.Fact, Booking.Status
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def lesson_of(sam: User, ada: Tutor, *, settled: timedelta = 10 * DAY, **fields: Any) -> Booking:
    """A paid session at START, settled so long before it."""
    during = an_hour(fields.pop("start", START))
    return make_booking(sam, ada, during=during, **{"status": Status.PAID, "confirmed_at": during.start - settled, **fields})


def reminders_at(*before: timedelta) -> list[tuple[str, str]]:
    """Let the minute's round come at these times before START, and return who was reminded of what."""
    for left in before:
        with time_machine.travel(START - left, tick=False):
            remind(now=timezone.now())
    return [
        (notice.to.email.partition("@")[0], notice.fact) for notice in Notice.objects.order_by("pk").select_related("to")
    ]


BOTH_DAY = [("sam", "reminder_day"), ("ada", "reminder_day")]
BOTH_HOUR = [("sam", "reminder_hour"), ("ada", "reminder_hour")]


@pytest.mark.defect("TB-15")
@pytest.mark.parametrize(
    ("rounds", "told"),
    [
        ([25 * HOUR], []),
        ([24 * HOUR], BOTH_DAY),
        ([24 * HOUR, 23.9 * HOUR, 5 * HOUR], BOTH_DAY),
        ([24 * HOUR, HOUR, HOUR / 2], BOTH_DAY + BOTH_HOUR),
        ([21 * HOUR], BOTH_DAY),  # the worker was down for three hours
        ([2 * HOUR], []),  # it was down for most of a day: the hour's reminder comes soon
        ([HOUR / 60], BOTH_HOUR),
        ([timedelta()], []),
        ([-HOUR], []),
    ],
)
def test_both_sides_are_reminded_a_day_and_an_hour_before(sam: User, ada: Tutor, rounds: list[timedelta], told: list[Any]):
    lesson_of(sam, ada)

    assert reminders_at(*rounds) == told


@pytest.mark.parametrize(
    ("settled", "told"),
    [
        (25 * HOUR, BOTH_DAY + BOTH_HOUR),
        (24 * HOUR, BOTH_DAY + BOTH_HOUR),
        (23 * HOUR, BOTH_HOUR),
        (HOUR / 2, []),
    ],
)
def test_what_was_settled_late_is_not_reminded_of_at_once(sam: User, ada: Tutor, settled: timedelta, told: list[Any]):
    lesson_of(sam, ada, settled=settled)

    assert reminders_at(20 * HOUR, HOUR / 2) == told


@pytest.mark.parametrize("status", [one for one in Status if one not in (Status.PAID, Status.COMPLETED)])
def test_nobody_is_reminded_of_what_is_not_settled(sam: User, ada: Tutor, status: str):
    lesson_of(sam, ada, status=status)

    assert reminders_at(20 * HOUR, HOUR / 2) == []


def test_payer_is_reminded_a_day_before_only(sam: User, ada: Tutor):
    order = make_order(make_user("parent@example.com"), status="paid")
    lesson_of(sam, ada, order=order)

    assert reminders_at(DAY, HOUR) == [*BOTH_DAY, ("parent", "reminder_day"), *BOTH_HOUR]


@pytest.mark.defect("CE-29")
def test_session_that_moved_is_reminded_of_anew_and_the_old_reminder_dropped(
    sam: User, ada: Tutor, drain: Drain, settings: Any
):
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    lesson = lesson_of(sam, ada)
    with time_machine.travel(START - 20 * HOUR, tick=False):
        remind(now=timezone.now())
        later = an_hour(START + 3 * DAY)
        Booking.objects.filter(pk=lesson.pk).update(
            during=(later.start, later.end),
            blocks=(later.start, later.end),
            sequence=1,
            confirmed_at=timezone.now(),
        )
        drain()  # the mails of the first reminder come too late
        assert mail.outbox == []
    with time_machine.travel(START + 2 * DAY, tick=False):
        remind(now=timezone.now())
        drain()

    assert [one.to for one in mail.outbox] == [["sam@example.com"], ["ada@example.com"]]
    assert "Friday 4 December 2026, 19:00–20:00 (Asia/Jakarta)" in str(mail.outbox[0].body)


def test_cancelled_session_mails_no_reminder(sam: User, ada: Tutor, drain: Drain, settings: Any):
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    lesson = lesson_of(sam, ada)
    with time_machine.travel(START - 20 * HOUR, tick=False):
        remind(now=timezone.now())
        Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED)
        drain()

    assert mail.outbox == []
    assert all(notice.dropped_at for notice in Notice.objects.all())


def test_reminder_whose_mail_was_late_is_not_sent_after_the_start(sam: User, ada: Tutor, drain: Drain, settings: Any):
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    lesson_of(sam, ada)
    with time_machine.travel(START - HOUR, tick=False):
        remind(now=timezone.now())
    with time_machine.travel(START + HOUR, tick=False):
        drain()

    assert mail.outbox == []


def test_a_day_before_is_24_hours_also_where_the_clock_changes(ada: Tutor, kim: User):
    """Kim's clock in Berlin is put forward in the night before: the wall says 13:00 on the day before, and 14:00 then."""
    start = datetime(2027, 3, 28, 12, tzinfo=UTC)
    lesson_of(kim, ada, start=start)

    with time_machine.travel(start - DAY - timedelta(minutes=1), tick=False):
        assert remind(now=timezone.now()) == 0
    with time_machine.travel(start - DAY, tick=False):
        assert remind(now=timezone.now()) == 1


@pytest.mark.django_db(transaction=True)
def test_eight_rounds_at_once_remind_once(sam: User, ada: Tutor):
    for days in (1, 2, 3):
        start = tomorrow(days=days)
        make_booking(sam, ada, during=an_hour(start), status=Status.PAID, confirmed_at=start - 9 * DAY)
    now = tomorrow() - DAY + HOUR

    told = race(lambda _number: remind(now=now), threads=8)

    assert [one.error for one in told] == [None] * 8
    assert Notice.objects.count() == 2


def test_round_takes_as_many_queries_when_all_have_been_told(sam: User, ada: Tutor, django_assert_num_queries: Any):
    for hour in range(8):
        lesson_of(sam, ada, start=START + hour * HOUR)
    now = START - 16 * HOUR
    with time_machine.travel(now, tick=False):
        remind(now=now)
    with django_assert_num_queries(2):
        assert remind(now=now) == 0
