"""Whether what a notice says is still so: a mail that comes late must not tell what is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bookings.models import Booking, Notice

Fact = Notice.Fact
Status = Booking.Status
SETTLED = (Status.PAID, Status.COMPLETED, Status.NO_SHOW_STUDENT, Status.NO_SHOW_TUTOR)


def is_still_true(notice: Notice, *, now: datetime) -> bool:
    """True while the notice may be mailed. Wants it `with_rows`. Nobody mails people whose account is closed."""
    return notice.to.is_active and _TRUE[notice.fact](notice, now)


def _of_booking(holds: Callable[[Booking, datetime], bool]) -> Callable[[Notice, datetime], bool]:
    def ask(notice: Notice, now: datetime) -> bool:
        return notice.booking is not None and holds(notice.booking, now)

    return ask


def _is_paid(notice: Notice, now: datetime) -> bool:
    """A session that was moved since is told of at its present time."""
    if notice.booking is None:
        return notice.order is not None and notice.order.is_paid
    return notice.booking.status in SETTLED


def _is_this_version(notice: Notice, now: datetime) -> bool:
    """What was moved once more, or called off, has a newer notice."""
    booking = notice.booking
    return booking is not None and booking.is_paid and booking.sequence == notice.details.get("sequence")


def _is_to_come(notice: Notice, now: datetime) -> bool:
    return _is_this_version(notice, now) and notice.booking is not None and now < notice.booking.starts_at


def _can_be_answered(notice: Notice, now: datetime) -> bool:
    until = notice.details.get("answer_until")
    return not isinstance(until, str) or now < datetime.fromisoformat(until)


def _has_ended(booking: Booking, now: datetime) -> bool:
    return booking.status == Status.EXPIRED


def _is_held_there(notice: Notice, now: datetime) -> bool:
    """What was changed once more has a newer notice."""
    booking = notice.booking
    if booking is None or not booking.is_paid or now >= booking.ends_at or _is_elsewhere_by_now(notice, booking):
        return False
    return not Notice.objects.filter(to=notice.to_id, fact=notice.fact, booking=booking, pk__gt=notice.pk).exists()


def _is_elsewhere_by_now(notice: Notice, booking: Booking) -> bool:
    """True if it was moved on since, and told in another way than by a notice: by the one mail of a switch.

    What may carry an entry is mailed all the same, for no other mail brings it.
    """
    there, meeting = notice.details.get("provider"), getattr(booking, "meeting", None)
    return bool(there and meeting and meeting.is_ready and meeting.provider != there and not booking.handovers)


def _has_no_place(notice: Notice, now: datetime) -> bool:
    booking = notice.booking
    meeting = getattr(booking, "meeting", None)
    return _is_to_come(notice, now) and meeting is not None and bool(meeting.is_waiting)


def _always(notice: Notice, now: datetime) -> bool:
    return True


_TRUE: dict[str, Callable[[Notice, datetime], bool]] = {
    Fact.PAID: _is_paid,
    Fact.MOVED: _is_this_version,
    Fact.CANCELLED: _of_booking(lambda booking, now: booking.status == Status.CANCELLED),
    Fact.REQUESTED: _of_booking(lambda booking, now: booking.waits_for_tutor),
    Fact.PROPOSED: _of_booking(lambda booking, now: booking.waits_for_student),
    Fact.ACCEPTED: _of_booking(lambda booking, now: booking.status == Status.ACCEPTED and booking.is_kept),
    Fact.DECLINED: _of_booking(lambda booking, now: booking.status == Status.DECLINED),
    Fact.UNANSWERED: _of_booking(_has_ended),
    Fact.UNPAID: _of_booking(_has_ended),
    Fact.REMINDER_DAY: _is_to_come,
    Fact.REMINDER_HOUR: _is_to_come,
    Fact.LINK_CHANGED: _is_held_there,
    Fact.ADDRESS_WANTED: _has_no_place,
    Fact.ABSENCE_REPORTED: _can_be_answered,
    Fact.ABSENCE_DECIDED: _always,
    Fact.INVITATION_ACCEPTED: _always,
}
