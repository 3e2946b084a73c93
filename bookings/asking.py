"""Asking a tutor who approves first for a time: the request keeps it, but nothing can be paid before the answer.

A request is an order of its own with one booking. Lock order: the payer's cart → stale holds of others → people →
Tutor → code → writes (see holds.py). `Order.placed_at` stays empty until everybody has agreed.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.errors import ApprovalNotNeeded, InvalidInput, RequestAnswered, TooManyHolds
from bookings.history import record_booking_change, record_order_change
from bookings.holds import HOLDS_AT_ONCE, Wanted, keep_times, kept_unpaid, lock_booking, lock_cart
from bookings.models import Booking, Notice, Order, PromoCode, SessionType, User
from bookings.notices import parties_of, tell
from bookings.pricing import price_order

log = logging.getLogger("linkpool.requests")
LONGEST_TEXT = 500
MAY_BE_WITHDRAWN = (Booking.Status.REQUESTED, Booking.Status.ACCEPTED)


@transaction.atomic
def request_booking(
    session_type: SessionType,
    *,
    starts_at: datetime,
    student: User,
    payer: User | None = None,
    message: str = "",
    code: PromoCode | None = None,
) -> Booking:
    """Ask the tutor for a time, which is kept until the answer: ANSWER_HOURS from now, at most until it begins.

    What it costs is settled now. Asking again returns the same request. Raises ApprovalNotNeeded, SlotTaken,
    StudentBusy, SlotNotOffered, OwnSession, TooManyHolds, InvalidInput, PromoCodeRefused.
    """
    payer, message = payer or student, read_text(message)
    if not session_type.tutor.approves_first:
        raise ApprovalNotNeeded
    lock_cart(payer)  # whoever asks and holds at the same moment comes one after the other
    now = timezone.now()
    kept = kept_unpaid(payer, now=now)
    asked = kept.filter(status=Booking.Status.REQUESTED, session_type=session_type, student=student)
    if (same := asked.filter(during__startswith=starts_at).first()) is not None:
        return same
    if kept.count() >= HOLDS_AT_ONCE:
        raise TooManyHolds(_("You have asked for many times already. Please wait for an answer, or withdraw a request."))
    booking = _keep(Wanted(session_type, starts_at), student=student, payer=payer, message=message)
    price_order(booking.order, [booking], code=code)
    record_order_change(booking.order, what="status", became=booking.order.status, who=payer, why="asked for")
    record_booking_change(booking, what="status", became=booking.status, who=payer)
    tell(Notice.Fact.REQUESTED, to=others_of(booking, payer), booking=booking)
    log.info("session requested", extra={"booking": booking.reference, "order": booking.order.reference})
    return booking


@transaction.atomic
def withdraw_request(booking: Booking, *, who: User, why: str = "") -> Booking:
    """Give up a request, or an accepted one before it is paid. A second call changes nothing.

    Raises RequestAnswered when it has been paid, declined or has expired, InvalidInput for a text that is too long.
    """
    why = read_text(why)
    booking = lock_booking(booking)
    if booking.status == Booking.Status.CANCELLED:
        return booking
    if booking.status not in MAY_BE_WITHDRAWN or not booking.is_kept:
        raise RequestAnswered
    end_request(booking, Booking.Status.CANCELLED, who=who, why=why)
    tell(Notice.Fact.CANCELLED, to=others_of(booking, who), booking=booking, why=why)
    return booking


def end_request(booking: Booking, status: Booking.Status, *, who: User, why: str) -> None:
    """Give a locked request's time back, and its order up: money that comes all the same is owed back."""
    was, order = booking.status, booking.order
    booking.status, booking.held_until = status, None
    booking.cancelled_at, booking.cancelled_by, booking.cancel_reason = timezone.now(), who, why
    booking.sequence += 1
    booking.save(
        update_fields=["status", "held_until", "cancelled_at", "cancelled_by", "cancel_reason", "sequence"],
    )
    order.mark_cancelled()
    order.save(update_fields=["status"])
    record_booking_change(booking, what="status", was=was, became=booking.status, who=who, why=why)
    record_order_change(order, what="status", was=Order.Status.AWAITING_PAYMENT, became=order.status, who=who, why=why)
    log.info("request ended", extra={"booking": booking.reference, "state": booking.status})


def _keep(wanted: Wanted, *, student: User, payer: User, message: str) -> Booking:
    deadline = answer_deadline(timezone.now(), wanted.starts_at)
    order = Order.objects.create(
        payer=payer,
        status=Order.Status.AWAITING_PAYMENT,
        currency=wanted.session_type.currency,
        expires_at=deadline,
    )
    fields = {"status": Booking.Status.REQUESTED, "message": message}
    [booking] = keep_times(order, [wanted], student=student, held_until=deadline, **fields)
    return booking


def answer_deadline(now: datetime, starts_at: datetime) -> datetime:
    """Return until when an answer is waited for: nobody agrees to a session that has begun."""
    return min(now + timedelta(hours=settings.ANSWER_HOURS), starts_at)


def others_of(booking: Booking, who: User) -> list[User]:
    """Return whom a change by this person is news to. Wants the booking `with_people`."""
    return [person for person in parties_of(booking) if person != who]


def read_text(text: str) -> str:
    """Return what somebody wrote, without blanks around it. Raises InvalidInput when it cannot be kept."""
    text = text.strip()
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise InvalidInput(_("Please write at most %(most)d characters of plain text.") % {"most": LONGEST_TEXT})
    return text
