"""What the admin's front page asks of meetings: plain questions, a fixed number of queries each."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from bookings.models import Booking
from bookings.models.bookings import BookingQuerySet
from bookings.times import During
from meetings.models import NoShowReport
from meetings.planning import sessions_without_address
from meetings.upkeep import STANDING


def sessions_without_link(now: datetime) -> BookingQuerySet:
    """Return paid sessions that are not over and have no address, the earliest first; planned or not.

    `booking.meeting.last_error` says why, if `booking` has a meeting.
    """
    return _listed(sessions_without_address(now))


def sessions_during(during: During) -> BookingQuerySet:
    """Return the sessions that touch this time (UTC) and take place or took place, with meeting and link label."""
    return _listed(Booking.objects.filter(status__in=STANDING).overlapping(during))


def absences_to_decide(now: datetime) -> QuerySet[NoShowReport]:
    """Return the reports that were answered, or whose time for an answer is over; of no room, once the session is over."""
    no_room = Q(absent=NoShowReport.Absent.ROOM, booking__during__endswith__lte=now)
    return NoShowReport.objects.undecided().filter(~Q(answer="") | Q(answer_until__lt=now) | no_room)


def _listed(bookings: BookingQuerySet) -> BookingQuerySet:
    return bookings.select_related("student", "tutor__user", "meeting__link").order_by("during", "pk")
