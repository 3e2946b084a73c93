"""Remind people of sessions: a day and an hour before, once for each time a session has had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Value
from django.db.models.functions import Cast, Coalesce, Concat

from bookings.models import Booking, Notice, User
from bookings.models.bookings import BookingQuerySet
from bookings.notices import parties_of, tell

BATCH = 500


@dataclass(frozen=True)
class Reminder:
    """`ahead` is how long before the start it is due; later than `at_least` before the start it is left out.

    A worker that was away catches up: the text says the date, never the hours left.
    """

    fact: Notice.Fact
    ahead: timedelta
    at_least: timedelta


REMINDERS = (
    Reminder(Notice.Fact.REMINDER_DAY, ahead=timedelta(hours=24), at_least=timedelta(hours=2)),
    Reminder(Notice.Fact.REMINDER_HOUR, ahead=timedelta(hours=1), at_least=timedelta()),
)


def remind(*, now: datetime) -> int:
    """Tell of all sessions whose reminder is due and has not been told. Returns how many. Safe in two workers at once."""
    reminded = 0
    for reminder in REMINDERS:
        for booking in sessions_to_remind(reminder, now=now)[:BATCH]:
            with transaction.atomic():
                reminded += bool(tell(reminder.fact, to=_concerned(reminder, booking), booking=booking))
    return reminded


def sessions_to_remind(reminder: Reminder, *, now: datetime) -> BookingQuerySet:
    """Return the paid sessions whose reminder is due, the earliest first.

    What was settled (paid, or moved) within that time needs none: the mail about that has only just come. A session
    that was moved is another fact, and reminded of anew.
    """
    due = Booking.objects.paid().filter(
        during__startswith__gt=now + reminder.at_least, during__startswith__lte=now + reminder.ahead
    )
    settled = Coalesce("confirmed_at", "created_at")
    early = due.annotate(settled=settled).filter(settled__lte=F("during__startswith") - Value(reminder.ahead))
    version = Concat(OuterRef("reference"), Value(":"), Cast(OuterRef("sequence"), CharField()))
    told = Notice.objects.filter(fact=reminder.fact, booking=OuterRef("pk"), key=version)
    return early.exclude(Exists(told)).with_people().order_by("during", "pk")


def _concerned(reminder: Reminder, booking: Booking) -> list[User]:
    """A payer who is not in the session hears of it a day before; at the last hour only those who are to come."""
    if reminder.fact == Notice.Fact.REMINDER_DAY:
        return parties_of(booking)
    return [booking.student, booking.tutor.user]
