"""Somebody did not come to a session: what was decided, and what it does to the money.

Who reports and who answers is the meetings' business; here a decision becomes the state of the booking.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bookings.errors import AbsenceDecided, AbsenceTooEarly, BookingNotPaid
from bookings.history import record_booking_change
from bookings.holds import lock_booking
from bookings.models import Booking, Notice, User
from bookings.money import Money
from bookings.notices import parties_of, tell
from bookings.signals import refund_due, send_after_commit

log = logging.getLogger("linkpool.bookings")
Status = Booking.Status


class Verdict(StrEnum):
    STUDENT_ABSENT = "student_absent"
    TUTOR_ABSENT = "tutor_absent"
    UNCLEAR = "unclear"
    TOOK_PLACE = "took_place"
    NO_ROOM = "no_room"  # nobody could come


# A session that took place closes by itself like any other. Nobody knows what came of an unclear one: it is called off,
# and so is one that had no room.
_STATUS = {
    Verdict.STUDENT_ABSENT: Status.NO_SHOW_STUDENT,
    Verdict.TUTOR_ABSENT: Status.NO_SHOW_TUTOR,
    Verdict.UNCLEAR: Status.CANCELLED,
    Verdict.NO_ROOM: Status.CANCELLED,
}
HAPPENED = (Status.PAID, Status.COMPLETED)


def reported_from(booking: Booking) -> datetime:
    """From when an absence can be spoken of: NO_SHOW_WAIT_MINUTES after the start, or the end of a shorter session."""
    return min(booking.starts_at + timedelta(minutes=settings.NO_SHOW_WAIT_MINUTES), booking.ends_at)


def money_back(booking: Booking, verdict: Verdict) -> Money:
    """What the payer gets back (DESIGN 5): nothing if the student was absent; all if the tutor was, if nobody knows, or if
    there was no room."""
    if verdict in (Verdict.TUTOR_ABSENT, Verdict.UNCLEAR, Verdict.NO_ROOM):
        return booking.net
    return Money(0, booking.currency)


@transaction.atomic
def record_absence(booking: Booking, *, verdict: Verdict, who: User, why: str) -> Booking:
    """Record who was absent and let the money follow. The same verdict again changes nothing.

    Raises BookingNotPaid, AbsenceTooEarly, AbsenceDecided.
    """
    booking = lock_booking(booking)
    became, now = _STATUS.get(verdict, booking.status), timezone.now()
    if booking.status not in HAPPENED:
        if booking.status == became and booking.refund == money_back(booking, verdict).amount:
            return booking
        raise _why_not_open(booking)
    if booking.refund is not None:  # the staff have sent money back for it already: one decision about its price
        raise AbsenceDecided
    if now < reported_from(booking):
        raise AbsenceTooEarly
    was, booking.status = booking.status, became
    if verdict is not Verdict.TOOK_PLACE:
        booking.refund = money_back(booking, verdict).amount
    if became == Status.CANCELLED:
        booking.cancelled_at, booking.cancelled_by, booking.cancel_reason = now, who, why[:500]
    booking.save(update_fields=["status", "refund", "cancelled_at", "cancelled_by", "cancel_reason"])
    record_booking_change(booking, what="absence", was=was, became=verdict.value, who=who, why=why)
    tell(Notice.Fact.ABSENCE_DECIDED, to=parties_of(booking), booking=booking, verdict=verdict.value, why=why)
    log.info("absence decided", extra={"booking": booking.reference, "state": verdict.value, "user": who.pk})
    if not booking.money_back.is_zero:
        owed, reason = booking.money_back, "cancelled" if verdict is Verdict.NO_ROOM else "absent"
        send_after_commit(refund_due, Booking, order=booking.order, amount=owed, reason=reason, booking=booking)
    return booking


def _why_not_open(booking: Booking) -> Exception:
    decided = (Status.NO_SHOW_STUDENT, Status.NO_SHOW_TUTOR, Status.CANCELLED)
    return AbsenceDecided() if booking.status in decided else BookingNotPaid()
