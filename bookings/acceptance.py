"""The answers to a request: the tutor accepts, declines or proposes another time; the student agrees or not.

Lock order: Order → its Booking → stale holds of others → student → Tutor → writes (see holds.py). Each verb looks at
the booking under its lock, so of two answers at once one wins and the other is told.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings import availability
from bookings.asking import answer_deadline, end_request, others_of, read_text, withdraw_request
from bookings.errors import InvalidInput, NoRoomLeft, RequestAnswered, SlotNotOffered, SlotTaken, StudentBusy
from bookings.history import record_booking_change, record_order_change
from bookings.holds import Wanted, ask_to_hold, expire_holds, lock_booking, lock_people, lock_stale_holds, save_guarded
from bookings.models import Booking, Notice, User
from bookings.notices import tell
from bookings.orders import mark_order_paid
from bookings.signals import accepting_booking
from bookings.slots import Reason

log = logging.getLogger("linkpool.requests")
Status = Booking.Status
_PROPOSED = _("You proposed another time. Please wait for the student's answer.")
_STUDENT_BUSY = _("The student has another session at that time. Please propose another one.")
_TUTOR_BUSY = _("You have another session at that time. Please propose another one.")


@transaction.atomic
def accept_booking(booking: Booking, *, who: User) -> Booking:
    """Agree to a request; the student can pay for it within ACCEPTED_PAYMENT_HOURS, at most until it begins.

    A second call changes nothing; what costs nothing is booked at once. Raises RequestAnswered, and whatever a
    receiver of `accepting_booking` refuses with.
    """
    booking = lock_booking(booking)
    if booking.status in (Status.ACCEPTED, Status.PAID):
        return booking
    if not booking.waits_for_tutor:
        raise RequestAnswered(_PROPOSED if booking.waits_for_student else None)
    return _agree(booking, who=who)


@transaction.atomic
def accept_proposal(booking: Booking, *, who: User) -> Booking:
    """Agree to the time that the tutor proposed, as `accept_booking` does for the tutor. Raises RequestAnswered."""
    booking = lock_booking(booking)
    if booking.status in (Status.ACCEPTED, Status.PAID):
        return booking
    if not booking.waits_for_student:
        raise RequestAnswered
    return _agree(booking, who=who)


@transaction.atomic
def decline_booking(booking: Booking, *, who: User, why: str) -> Booking:
    """Say no to a request, or take a proposal back, and free the time. A second call changes nothing.

    The student reads the reason. Raises InvalidInput without one, RequestAnswered.
    """
    why = read_text(why)
    if not why:
        raise InvalidInput(_("Please tell the student why, in a few words."))
    booking = lock_booking(booking)
    if booking.status == Status.DECLINED:
        return booking
    _require_open_request(booking)
    end_request(booking, Status.DECLINED, who=who, why=why)
    tell(Notice.Fact.DECLINED, to=others_of(booking, who), booking=booking)
    return booking


@transaction.atomic
def decline_proposal(booking: Booking, *, who: User) -> Booking:
    """Say no to the time that the tutor proposed; the request is over. A second call changes nothing.

    Raises RequestAnswered.
    """
    booking = lock_booking(booking)
    if booking.status == Status.CANCELLED:
        return booking
    if not booking.waits_for_student:
        raise RequestAnswered
    return withdraw_request(booking, who=who, why="")


@transaction.atomic
def propose_time(booking: Booking, *, starts_at: datetime, who: User, message: str = "") -> Booking:
    """Move a request to another open time of the same length, for the student to agree to within ANSWER_HOURS.

    The new time is kept, so agreeing cannot fail; the first one asked for is remembered. The tutor's notice does not
    count: it is the tutor who asks. Proposing the same again changes nothing. Raises RequestAnswered, SlotTaken,
    StudentBusy, SlotNotOffered, NoRoomLeft, InvalidInput.
    """
    message = read_text(message)
    booking = lock_booking(booking)
    _require_open_request(booking)
    if booking.starts_at == starts_at:
        if booking.asked_for is not None:
            return booking
        raise InvalidInput(_("This is the time the student asked for: please accept it instead."))
    now = timezone.now()
    wanted = Wanted(availability.session_as_sold(booking), starts_at)
    stale = lock_stale_holds([wanted], student=booking.student, now=now)
    lock_people(students={booking.student_id}, tutors={booking.tutor_id})
    expire_holds(stale)
    _require_open(booking, wanted, now=now)
    ask_to_hold(wanted, student=booking.student, leaving_out=booking)
    was = booking.starts_at
    _move(booking, wanted, now=now)
    became = booking.starts_at.isoformat()
    record_booking_change(booking, what="proposal", was=was.isoformat(), became=became, who=who, why=message)
    told = others_of(booking, who)
    tell(Notice.Fact.PROPOSED, to=told, booking=booking, was=was.isoformat(), message=message)
    log.info("time proposed", extra={"booking": booking.reference})
    return booking


def _agree(booking: Booking, *, who: User) -> Booking:
    accepting_booking.send(Booking, booking=booking)
    now, was, order = timezone.now(), booking.status, booking.order
    deadline = min(now + timedelta(hours=settings.ACCEPTED_PAYMENT_HOURS), booking.starts_at)
    booking.status, booking.held_until = Status.ACCEPTED, deadline
    booking.save(update_fields=["status", "held_until"])
    order.mark_agreed(at=now, expires_at=deadline)
    order.save(update_fields=["placed_at", "expires_at"])
    record_booking_change(booking, what="status", was=was, became=booking.status, who=who)
    record_order_change(order, what="placed", became=order.status, who=who)
    log.info("request accepted", extra={"booking": booking.reference, "order": order.reference})
    if order.money.is_zero:  # paid at once, and told so
        mark_order_paid(order, who=who, why="nothing to pay")
        return Booking.objects.with_people().get(pk=booking.pk)
    tell(Notice.Fact.ACCEPTED, to=others_of(booking, who), booking=booking)
    return booking


def _require_open_request(booking: Booking) -> None:
    if booking.status != Status.REQUESTED or not booking.is_kept:
        raise RequestAnswered


def _require_open(booking: Booking, wanted: Wanted, *, now: datetime) -> None:
    """The rule of slots in words for the tutor, whose request this is."""
    session_type, student = wanted.session_type, booking.student
    reason = availability.why_not(session_type, starts_at=wanted.starts_at, student=student, now=now, leaving_out=booking)
    if reason is Reason.STUDENT_BUSY:
        raise StudentBusy(_STUDENT_BUSY)
    if reason in (Reason.BOOKED, Reason.BUFFER):
        raise SlotTaken(_TUTOR_BUSY)
    if reason is Reason.NO_ROOM:
        raise NoRoomLeft
    if reason is not None:
        raise SlotNotOffered(_("This is not one of your open times. Please propose one from the list."))


def _move(booking: Booking, wanted: Wanted, *, now: datetime) -> None:
    deadline = answer_deadline(now, wanted.starts_at)
    if booking.asked_for is None:
        booking.asked_for = booking.during
    booking.during = (wanted.during.start, wanted.during.end)
    booking.blocks = (wanted.blocks.start, wanted.blocks.end)
    booking.held_until, booking.sequence = deadline, booking.sequence + 1
    try:
        save_guarded(booking, update_fields=["during", "blocks", "asked_for", "held_until", "sequence"])
    except StudentBusy:
        raise StudentBusy(_STUDENT_BUSY) from None
    booking.refresh_from_db(fields=["during", "blocks"])
    booking.order.expires_at = deadline
    booking.order.save(update_fields=["expires_at"])
