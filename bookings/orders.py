"""What happens to an order: it is placed, paid, or expires.

Lock order: Order → its Bookings by key → payer and students → Tutors → PromoCode → writes (see holds.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import CartEmpty, HoldExpired, OrderNotPayable, PriceChanged, SlotsGone, SlotTaken
from bookings.history import record_booking_change, record_order_change
from bookings.holds import Wanted, drop_from_order, expire_holds, lock_people, place_holds, save_guarded
from bookings.models import Booking, Order, PromoCode, User
from bookings.money import Money
from bookings.notices import tell_paid
from bookings.pricing import PRICE_FIELDS, Quote, price_order, quote_under_lock, settle
from bookings.signals import booking_paid, send_after_commit
from bookings.times import During

log = logging.getLogger("linkpool.orders")


@transaction.atomic
def place_order(order: Order, *, seen: Money | None = None) -> Order:
    """Turn a cart into an order to be paid within PAYMENT_MINUTES, before its first session; its slots are kept until then.

    It costs what its sessions cost now, free first ones and its code reckoned under lock; unless that is the total that
    the payer has seen, nothing is placed. Holds that ran out are dropped. Placing a placed order returns it. Raises
    PriceChanged, PromoCodeRefused, CartEmpty, HoldExpired, OrderNotPayable.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.is_awaiting_payment:
        return order
    if order.status != Order.Status.CART:
        raise OrderNotPayable
    now = timezone.now()
    not_put_back = order.bookings.exclude(status=Booking.Status.CANCELLED).select_related("session_type")
    bookings = list(not_put_back.select_for_update(of=("self",)).order_by("pk"))
    kept = [booking for booking in bookings if booking.is_hold_open]
    drop_from_order([booking for booking in bookings if booking not in kept])
    if not kept:
        raise HoldExpired if bookings else CartEmpty
    quote = quote_under_lock(order, kept, code=order.promo_code)
    _require_seen(quote, seen)
    deadline = _deadline(now, [booking.starts_at for booking in kept])
    order.place(at=now, expires_at=deadline)
    settle(order, kept, quote)
    order.save(update_fields=["status", "placed_at", "expires_at", *PRICE_FIELDS])
    for booking in kept:
        booking.held_until = deadline
        booking.save(update_fields=["held_until", "discount"])
    record_order_change(order, what="status", was=Order.Status.CART, became=order.status)
    log.info("order placed", extra={"order": order.reference, "amount": order.total, "currency": order.currency})
    return order


@transaction.atomic
def order_at_once(wanted: Sequence[Wanted], *, student: User, code: PromoCode | None = None) -> Order:
    """Hold these slots and place an order for them in one step, beside any cart. All or nothing.

    Raises what `place_hold` and `place_order` raise.
    """
    if not wanted:
        raise CartEmpty
    now = timezone.now()
    deadline = _deadline(now, [one.starts_at for one in wanted])
    order = Order.objects.create(
        payer=student,
        status=Order.Status.AWAITING_PAYMENT,
        currency=wanted[0].session_type.currency,
        placed_at=now,
        expires_at=deadline,
    )
    bookings = place_holds(order, wanted, student=student, held_until=deadline)
    price_order(order, bookings, code=code)
    record_order_change(order, what="status", became=order.status, why="placed by a program")
    log.info("order placed", extra={"order": order.reference, "amount": order.total, "currency": order.currency})
    return order


@transaction.atomic
def mark_order_paid(order: Order, *, who: User | None = None, why: str = "") -> Order:
    """Record that the order is paid, and tell the world after the commit. A second call changes nothing.

    An order whose deadline has passed is revived if every slot is still free, else SlotsGone is raised and
    nothing changes (DESIGN 3.6). Raises OrderNotPayable for a cart or a cancelled order.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.is_paid:
        return order
    was = order.status
    order.mark_paid(at=timezone.now())
    with_people = order.bookings.select_related("student", "tutor__user").select_for_update(of=("self",))
    bookings = list(with_people.exclude(status=Booking.Status.CANCELLED).order_by("pk"))
    before = [booking.status for booking in bookings]
    _take_times(bookings)
    order.save(update_fields=["status", "paid_at"])
    record_order_change(order, what="status", was=was, became=order.status, who=who, why=why)
    for booking, held in zip(bookings, before, strict=True):
        record_booking_change(booking, what="status", was=held, became=booking.status, who=who, why=why)
        log.info("booking paid", extra={"order": order.reference, "booking": booking.reference})
        send_after_commit(booking_paid, Booking, booking=booking)
    tell_paid(order, bookings)
    return order


@transaction.atomic
def release_order(order: Order, *, why: str, who: User | None = None) -> Order:
    """Give up an order that waits for payment and free its slots now. A second call changes nothing.

    Money that comes all the same finds a cancelled order and is owed back. Raises OrderNotPayable when it is paid.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.status == Order.Status.CANCELLED:
        return order
    was = order.status
    order.mark_cancelled()
    order.save(update_fields=["status"])
    drop_from_order(order.bookings.select_for_update().filter(status__in=Booking.KEPT).order_by("pk"))
    record_order_change(order, what="status", was=was, became=order.status, why=why, who=who)
    log.info("order released", extra={"order": order.reference})
    return order


@transaction.atomic
def expire_order(order: Order) -> bool:
    """Give up an order that was not paid, or a request not answered, in time; free its slots. True when this call did it."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = timezone.now()
    if not order.is_awaiting_payment or order.expires_at is None or order.expires_at > now:
        return False
    order.mark_expired()
    order.save(update_fields=["status"])
    expire_holds(list(order.bookings.select_for_update().filter(status__in=Booking.KEPT).order_by("pk")))
    why = "not paid in time" if order.placed_at else "not answered in time"
    record_order_change(order, what="status", was=Order.Status.AWAITING_PAYMENT, became=order.status, why=why)
    log.info("order expired", extra={"order": order.reference})
    return True


def expire_unpaid(*, now: datetime, limit: int = 500) -> int:
    """Free what was not paid in time: overdue orders, and holds left in carts. Returns how many were freed.

    Safe in two workers at once: rows that another one works on are skipped.
    """
    freed = sum(expire_order(order) for order in Order.objects.overdue(now).order_by("expires_at")[:limit])
    with transaction.atomic():
        left = Booking.objects.stale_holds(now).filter(order__status=Order.Status.CART).order_by("pk")
        stale = list(left.select_for_update(skip_locked=True, of=("self",))[:limit])
        expire_holds(stale)
    return freed + len(stale)


def _take_times(bookings: Sequence[Booking]) -> None:
    """Make the times the students' for good. Raises SlotsGone when one was sold again or has begun."""
    now = timezone.now()
    if not bookings:
        raise OrderNotPayable
    late = [booking for booking in bookings if not booking.is_kept]
    if any(booking.starts_at <= now for booking in late):
        raise SlotsGone
    stale = _lock_others_in_the_way(late, now)
    lock_people(students={booking.student_id for booking in late}, tutors={booking.tutor_id for booking in late})
    expire_holds(stale)
    for booking in bookings:
        booking.mark_paid()
        try:
            save_guarded(booking, update_fields=["status", "held_until", "confirmed_at"])
        except SlotTaken:
            raise SlotsGone from None


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


def _deadline(now: datetime, starts: Iterable[datetime]) -> datetime:
    """Return until when an order can be paid: nobody pays for a session that has begun."""
    return min(now + timedelta(minutes=settings.PAYMENT_MINUTES), *starts)


def _require_seen(quote: Quote, seen: Money | None) -> None:
    """Raises PriceChanged where the payer saw another total; what became of the code says why, if that is why.

    A code that counts for nothing is left out of an order only if the payer has seen it so.
    """
    if seen is None and quote.refusal is not None:
        raise quote.refusal
    if seen is not None and seen != quote.total:
        why = None if quote.refusal is None else str(quote.refusal)
        raise PriceChanged(why, next_steps=[(reverse("bookings:cart"), _("Look at your cart"))])
