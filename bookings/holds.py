"""What happens to a held slot: it is placed, released, or expires.

Lock order: own Order → own Bookings → payer and students by key → Tutors by key → PromoCode → writes. Stale holds of
others are taken with SKIP LOCKED before the people, so nobody ever waits for them. Whoever has a code's lock touches rows
of their own order only, so it may come after the holds are written. The constraints are the truth; the locks give order
and a friendly error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import availability
from bookings.errors import (
    ApprovalNeeded,
    CurrencyMixed,
    NoLeave,
    NoRoomLeft,
    NotFound,
    OwnSession,
    SlotNotOffered,
    SlotTaken,
    StudentBusy,
    TooManyHolds,
)
from bookings.history import record_booking_change
from bookings.models import Booking, Notice, Order, SessionType, StudentLink, Tutor, User
from bookings.models.bookings import BookingQuerySet
from bookings.notices import parties_of, tell
from bookings.signals import holding_slot
from bookings.slots import Reason
from bookings.times import During

log = logging.getLogger("linkpool.holds")
HOLDS_AT_ONCE = 10
_TOLD_OF: dict[str, Notice.Fact] = {
    Booking.Status.REQUESTED: Notice.Fact.UNANSWERED,
    Booking.Status.ACCEPTED: Notice.Fact.UNPAID,
}


@dataclass(frozen=True)
class Wanted:
    """A session that somebody wants: what, and from when (aware)."""

    session_type: SessionType
    starts_at: datetime

    @property
    def during(self) -> During:
        return During(self.starts_at, self.starts_at + timedelta(minutes=self.session_type.minutes))

    @property
    def blocks(self) -> During:
        """The time the tutor is not free, buffers included."""
        tutor = self.session_type.tutor
        return self.during.padded(
            timedelta(minutes=tutor.buffer_before_minutes), timedelta(minutes=tutor.buffer_after_minutes)
        )


@transaction.atomic
def place_hold(session_type: SessionType, *, starts_at: datetime, student: User, payer: User | None = None) -> Booking:
    """Keep a slot for the student for HOLD_MINUTES, at most until it begins, in the payer's cart (the student's own).

    Holding it again returns the same hold. A payer who books for somebody else needs their leave (families.py). Raises
    SlotTaken, StudentBusy, SlotNotOffered, NoRoomLeft, OwnSession, NoLeave, TooManyHolds, CurrencyMixed, ApprovalNeeded.
    """
    payer = payer or student
    cart = lock_cart(payer)
    now = timezone.now()
    wanted = Wanted(session_type, starts_at)
    kept = open_holds(cart)
    same = kept.filter(session_type=session_type, during__startswith=starts_at, student=student).first()
    if same is not None:
        return same
    if kept_unpaid(payer, now=now).count() >= HOLDS_AT_ONCE:
        raise TooManyHolds
    [booking] = place_holds(cart, [wanted], student=student, held_until=now + timedelta(minutes=settings.HOLD_MINUTES))
    log.info("slot held", extra={"booking": booking.reference, "order": cart.reference})
    return booking


def place_holds(order: Order, wanted: Sequence[Wanted], *, student: User, held_until: datetime) -> list[Booking]:
    """Hold all these slots in a locked order, or none. Call it inside a transaction.

    Raises what `place_hold` raises.
    """
    if any(one.session_type.tutor.approves_first for one in wanted):
        raise ApprovalNeeded
    return keep_times(order, wanted, student=student, held_until=held_until)


def keep_times(
    order: Order, wanted: Sequence[Wanted], *, student: User, held_until: datetime, **fields: Any
) -> list[Booking]:
    """Keep these times for a student in an order that is locked or new, all or none; `fields` are the bookings' others.

    Whether the tutor approves first is the caller's to ask. Call it inside a transaction. Raises SlotTaken,
    StudentBusy, SlotNotOffered, NoRoomLeft, OwnSession, NoLeave, CurrencyMixed.
    """
    now = timezone.now()
    stale = lock_stale_holds(wanted, student=student, now=now)
    lock_people(students={student.pk, order.payer_id}, tutors={one.session_type.tutor_id for one in wanted})
    _require_leave(order, student)
    expire_holds(stale)
    kept = {}
    # In the order of time: whoever is asked for leave to hold a slot may lock days, in that order everywhere.
    for number in sorted(range(len(wanted)), key=lambda number: wanted[number].starts_at):
        kept[number] = _keep_one(order, wanted[number], student=student, held_until=held_until, now=now, **fields)
    return [kept[number] for number in range(len(wanted))]


def kept_unpaid(payer: User, *, now: datetime) -> BookingQuerySet:
    """Return what is kept for this payer without a promise to pay yet: holds in the cart, and requests."""
    waiting = Q(status=Booking.Status.REQUESTED) | Q(status=Booking.Status.HELD, order__status=Order.Status.CART)
    return Booking.objects.filter(waiting, order__payer=payer, held_until__gt=now)


def open_holds(order: Order) -> BookingQuerySet:
    """Return the times of a cart that are still kept."""
    return Booking.objects.filter(order=order, status=Booking.Status.HELD, held_until__gt=timezone.now())


def lock_cart(payer: User) -> Order:
    """Return this person's cart, locked; make one if there is none. Call it inside a transaction."""
    while (cart := Order.objects.select_for_update().carts().filter(payer=payer).first()) is None:
        try:
            with transaction.atomic():
                return Order.objects.create(payer=payer)
        except IntegrityError:
            continue  # made by another tab meanwhile: the constraint allows one. It may be placed already: look again
    return cart


def lock_booking(booking: Booking) -> Booking:
    """Return the booking `with_people` as it is now, its order and itself locked. Call it inside a transaction."""
    list(Order.objects.filter(pk=booking.order_id).select_for_update().values_list("pk"))
    return Booking.objects.with_people().select_for_update(of=("self",)).get(pk=booking.pk)


@transaction.atomic
def release_hold(reference: str, *, payer: User) -> None:
    """Take a slot out of the cart and free it. A second call changes nothing. Raises NotFound."""
    cart = Order.objects.select_for_update().carts().filter(payer=payer, bookings__reference=reference).first()
    if cart is None:
        raise NotFound
    drop_from_order(cart.bookings.select_for_update().filter(reference=reference))


def drop_from_order(bookings: Iterable[Booking]) -> None:
    """Cancel holds that are not to be paid: whoever pays the order later does not revive them."""
    for booking in bookings:
        booking.status = Booking.Status.CANCELLED
        booking.held_until = None
        booking.save(update_fields=["status", "held_until"])


def expire_holds(bookings: Sequence[Booking]) -> None:
    """Free the time of locked holds whose end has passed; of a request both sides are told."""
    for booking in bookings:
        was = booking.status
        booking.mark_expired()
        booking.save(update_fields=["status", "sequence"])
        if was in _TOLD_OF:
            record_booking_change(booking, what="status", was=was, became=booking.status)
            tell(_TOLD_OF[was], to=parties_of(booking), booking=booking)


def lock_stale_holds(wanted: Sequence[Wanted], *, student: User, now: datetime) -> list[Booking]:
    """Lock what was kept too long and is in the way of these wishes; what others work on is skipped."""
    in_the_way = Q()
    for one in wanted:
        tutors = Q(tutor=one.session_type.tutor_id, blocks__overlap=(one.blocks.start, one.blocks.end))
        in_the_way |= tutors | Q(student=student, during__overlap=(one.during.start, one.during.end))
    stale = Booking.objects.stale_holds(now).filter(in_the_way).order_by("pk")
    return list(stale.select_for_update(skip_locked=True, of=("self",)))


def lock_people(*, students: Iterable[int], tutors: Iterable[int]) -> None:
    """Let those who take time of the same people come one after the other, until the end of this transaction.

    Without it two that take several times each could wait for one another at the constraints.
    """
    list(User.objects.filter(pk__in=students).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    list(Tutor.objects.filter(pk__in=tutors).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _keep_one(order: Order, wanted: Wanted, *, student: User, held_until: datetime, now: datetime, **fields: Any) -> Booking:
    session_type = wanted.session_type
    if session_type.tutor.user_id == student.pk:
        raise OwnSession
    if session_type.tutor.user_id == order.payer_id:
        raise OwnSession(_("You teach this session yourself, so somebody else has to pay for it."))
    _require_currency(order, session_type, now=now)
    _require_open(order, wanted, student=student, now=now)
    ask_to_hold(wanted, student=student)
    booking = Booking(
        order=order,
        student=student,
        tutor=session_type.tutor,
        session_type=session_type,
        name=session_type.name,
        minutes=session_type.minutes,
        price=session_type.price,
        currency=session_type.currency,
        during=(wanted.during.start, wanted.during.end),
        blocks=(wanted.blocks.start, wanted.blocks.end),
        held_until=min(held_until, wanted.starts_at),
        **fields,
    )
    save_guarded(booking)
    booking.refresh_from_db(fields=["during", "blocks"])
    return booking


def ask_to_hold(wanted: Wanted, *, student: User, leaving_out: Booking | None = None) -> None:
    """Ask whoever may refuse that this time is kept; the booking left out gives up its own for it.

    Last of all, as days are locked for it: after the people, before the booking is written. Raises NoRoomLeft.
    """
    asked = {"session_type": wanted.session_type, "during": wanted.during, "student": student}
    holding_slot.send(Booking, **asked, leaving_out=leaving_out)


def _require_leave(order: Order, student: User) -> None:
    """Ask under the lock of the student, which whoever ends the leave takes as well."""
    if order.payer_id == student.pk:
        return
    if not StudentLink.objects.between(payer=order.payer_id, student=student.pk).exists():
        raise NoLeave


def _require_currency(order: Order, session_type: SessionType, *, now: datetime) -> None:
    """An order has one currency: that of what it keeps, or of the first thing put into it."""
    kept = order.bookings.filter(status=Booking.Status.HELD, held_until__gt=now)
    if kept.exclude(currency=session_type.currency).exists():
        raise CurrencyMixed
    if order.currency != session_type.currency:
        order.currency = session_type.currency
        order.save(update_fields=["currency"])


def _require_open(order: Order, wanted: Wanted, *, student: User, now: datetime) -> None:
    reason = availability.why_not(wanted.session_type, starts_at=wanted.starts_at, student=student, now=now)
    if reason in (Reason.BOOKED, Reason.BUFFER):
        raise SlotTaken
    if reason is Reason.STUDENT_BUSY:
        raise _student_busy(order, student)
    if reason is Reason.NO_ROOM:
        raise NoRoomLeft
    if reason is not None:
        raise SlotNotOffered


def save_guarded(booking: Booking, update_fields: list[str] | None = None) -> None:
    """Save a booking that takes time, and say it in our words when the database refuses.

    Raises SlotTaken or StudentBusy.
    """
    try:
        with transaction.atomic():
            booking.save(update_fields=update_fields)
    except IntegrityError as error:
        if getattr(error.__cause__, "sqlstate", "") != "23P01":
            raise
        if "booking_student_time_taken_once" in str(error):
            raise _student_busy(booking.order, booking.student) from None
        raise SlotTaken from None


def _student_busy(order: Order, student: User) -> StudentBusy:
    """Say that the student has another session then; to a payer who is somebody else no word of what it is."""
    if order.payer_id == student.pk:
        return StudentBusy()
    name = student.full_name or _("The student")
    return StudentBusy(_("%(name)s is busy at that time. Please choose another one.") % {"name": name})
