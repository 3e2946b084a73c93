"""What was paid for becomes the students' for good, also long after its deadline: as far as it is still free.

For the verbs of `orders.py`, which hold the order and its bookings: what others kept too long, and the people, are locked
here (see holds.py).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from bookings import availability
from bookings.errors import OrderNotPayable, SlotTaken
from bookings.history import record_booking_change, record_order_change
from bookings.holds import expire_holds, lock_people, save_guarded
from bookings.models import Booking, Order, User
from bookings.notices import tell_paid
from bookings.signals import booking_paid, refund_due, send_after_commit
from bookings.slots import Reason
from bookings.times import During

log = logging.getLogger("linkpool.orders")
SEEN_WITH = ("student", "tutor__user", "session_type", "cancelled_by")
_TAKEN = ["status", "held_until", "confirmed_at", "cancelled_at", "cancelled_by", "cancel_reason", "sequence"]
_CLOSED_SINCE = (Reason.CLOSED, Reason.OUTSIDE_HOURS)


@dataclass(frozen=True)
class Taken:
    """What became of the sessions of an order that was paid. `before` are their states until then, by key."""

    kept: Sequence[Booking]
    gone: Sequence[Booking]
    before: dict[int, str]


def sessions_sold(order: Order, bookings: Sequence[Booking], *, paid_at: datetime) -> list[Booking]:
    """Return those of an unpaid order's bookings that are paid for by its total; times put back are not among them.

    Raises OrderNotPayable when the order was called off after that payment, or by somebody else than its payer and
    students, or when what was sold cannot be told any more.
    """
    cancelled = [booking for booking in bookings if booking.status == Booking.Status.CANCELLED]
    if order.status != Order.Status.CANCELLED:
        return [booking for booking in bookings if booking not in cancelled]
    _require_last_word(order, bookings, paid_at)
    # A time that somebody else's search has let expire before the order was given up was sold as well.
    put_back = [booking for booking in cancelled if not booking.cancelled_at and not booking.held_until]
    given_up = [booking for booking in bookings if booking in cancelled or booking.status == Booking.Status.EXPIRED]
    sold = [booking for booking in given_up if booking not in put_back] or cancelled
    if sum(booking.net.amount for booking in sold) != order.total:
        log.error("a given-up order is not the sum of its sessions", extra={"order": order.reference})
        raise OrderNotPayable
    return sold


def take_times(bookings: Sequence[Booking]) -> Taken:
    """Make these locked times the students' for good, as far as they are still free. Raises OrderNotPayable for none."""
    now = timezone.now()
    if not bookings:
        raise OrderNotPayable
    before = {booking.pk: booking.status for booking in bookings}
    late = [booking for booking in bookings if not booking.is_kept]
    stale = _lock_others_in_the_way(late, now)
    lock_people(students={booking.student_id for booking in late}, tutors={booking.tutor_id for booking in late})
    expire_holds(stale)
    gone = [booking for booking in late if not _is_offered(booking, now)]
    gone += [booking for booking in bookings if booking not in gone and not _take(booking)]
    return Taken([booking for booking in bookings if booking not in gone], gone, before)


def record_paid(order: Order, taken: Taken, *, was: str, who: User | None = None, why: str = "") -> None:
    """Write down that the locked order is paid, and tell the world of the sessions that it has."""
    order.save(update_fields=["status", "paid_at", "charged_at"])
    record_order_change(order, what="status", was=was, became=order.status, who=who, why=why)
    for booking in taken.kept:
        record_booking_change(booking, what="status", was=taken.before[booking.pk], became=booking.status, who=who, why=why)
        log.info("booking paid", extra={"order": order.reference, "booking": booking.reference})
        send_after_commit(booking_paid, Booking, booking=booking)
    tell_paid(order, taken.kept)


def give_up_time(booking: Booking, order: Order, *, why: str) -> None:
    """Say that a session of a paid order cannot be had any more, and that what was paid for it comes back."""
    booking.refresh_from_db(fields=["status"])  # trying to take it has changed it
    was = booking.status
    booking.mark_gone()
    booking.save(update_fields=["status", "held_until", "refund"])
    if was != booking.status:
        record_booking_change(booking, what="status", was=was, became=booking.status, why=why)
    log.info("time gone", extra={"order": order.reference, "booking": booking.reference, "amount": booking.refund})
    if not booking.money_back.is_zero:
        send_after_commit(refund_due, Booking, order=order, amount=booking.money_back, reason="late", booking=booking)


def _take(booking: Booking) -> bool:
    booking.mark_revived()
    try:
        save_guarded(booking, update_fields=_TAKEN)
    except SlotTaken:
        return False
    return True


def _is_offered(booking: Booking, now: datetime) -> bool:
    """True if the tutor would still teach then: it has not begun, and the tutor is here and has not closed that time."""
    tutor = booking.tutor
    if booking.starts_at <= now or not (tutor.is_approved and tutor.user.is_active):
        return False
    sold = availability.session_as_sold(booking)
    reason = availability.why_not(sold, starts_at=booking.starts_at, now=now, leaving_out=booking)
    return reason not in _CLOSED_SINCE


def _require_last_word(order: Order, bookings: Sequence[Booking], paid_at: datetime) -> None:
    """Raises OrderNotPayable unless the payer, a student or the site itself gave the order up, and paying came later."""
    last = order.changes.filter(what="status", became=Order.Status.CANCELLED).order_by("pk").last()
    said_no = {booking.cancelled_by_id for booking in bookings} | {last.who_id if last else None}
    own = {None, order.payer_id, *(booking.student_id for booking in bookings)}
    is_declined = any(booking.status == Booking.Status.DECLINED for booking in bookings)
    is_later = last is not None and last.who_id is not None and last.at > paid_at
    if is_declined or is_later or not said_no <= own:
        raise OrderNotPayable


def _lock_others_in_the_way(late: Sequence[Booking], now: datetime) -> list[Booking]:
    """Lock holds of others that have run out and would still stop the database from reviving ours, each once.

    A row that is changed twice in a transaction has its foreign keys checked at the commit: we would then wait for
    the other's order, which may be waiting for its booking.
    """
    found: dict[int, Booking] = {}
    for booking in late:
        stale = Booking.objects.stale_holds(now).exclude(order=booking.order_id)
        theirs = stale.filter(tutor=booking.tutor_id).blocks_overlapping(During(booking.blocks.lower, booking.blocks.upper))
        ours = stale.filter(student=booking.student_id).overlapping(booking.time)
        for query in (theirs, ours):
            found |= {one.pk: one for one in query.order_by("pk").select_for_update(skip_locked=True, of=("self",))}
    return list(found.values())
