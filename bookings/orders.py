"""What happens to an order: it is placed, paid, or expires.

Lock order: Order → its Bookings by key → students → Tutors → writes (see holds.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bookings.errors import CartEmpty, CurrencyMixed, HoldExpired, OrderNotPayable, SlotsGone, SlotTaken
from bookings.history import record_booking_change, record_order_change
from bookings.holds import Wanted, drop_from_order, expire_holds, lock_people, place_holds, save_guarded
from bookings.models import Booking, Order, User
from bookings.money import Money
from bookings.signals import booking_paid, send_after_commit
from bookings.times import During

log = logging.getLogger("linkpool.orders")


@transaction.atomic
def place_order(order: Order) -> Order:
    """Turn a cart into an order to be paid within PAYMENT_MINUTES, before its first session; its slots are kept until then.

    Holds that ran out are dropped. Placing a placed order returns it. Raises CartEmpty, HoldExpired,
    OrderNotPayable.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.is_awaiting_payment:
        return order
    if order.status != Order.Status.CART:
        raise OrderNotPayable
    now = timezone.now()
    bookings = list(order.bookings.select_for_update().exclude(status=Booking.Status.CANCELLED).order_by("pk"))
    kept = [booking for booking in bookings if booking.is_hold_open]
    drop_from_order([booking for booking in bookings if booking not in kept])
    if not kept:
        raise HoldExpired if bookings else CartEmpty
    deadline = _deadline(now, [booking.starts_at for booking in kept])
    order.place(total=_sum([booking.money for booking in kept]), at=now, expires_at=deadline)
    order.save(update_fields=["status", "total", "currency", "placed_at", "expires_at"])
    for booking in kept:
        booking.held_until = deadline
        booking.save(update_fields=["held_until"])
    record_order_change(order, what="status", was=Order.Status.CART, became=order.status)
    log.info("order placed", extra={"order": order.reference, "amount": order.total, "currency": order.currency})
    return order


@transaction.atomic
def order_at_once(wanted: Sequence[Wanted], *, student: User) -> Order:
    """Hold these slots and place an order for them in one step, beside any cart. All or nothing.

    Raises what `place_hold` and `place_order` raise.
    """
    if not wanted:
        raise CartEmpty
    now = timezone.now()
    deadline = _deadline(now, [one.starts_at for one in wanted])
    total = _sum([one.session_type.money for one in wanted])
    order = Order.objects.create(
        payer=student,
        status=Order.Status.AWAITING_PAYMENT,
        total=total.amount,
        currency=total.currency,
        placed_at=now,
        expires_at=deadline,
    )
    place_holds(order, wanted, student=student, held_until=deadline)
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
    bookings = list(order.bookings.select_for_update().exclude(status=Booking.Status.CANCELLED).order_by("pk"))
    _take_times(bookings)
    order.save(update_fields=["status", "paid_at"])
    record_order_change(order, what="status", was=was, became=order.status, who=who, why=why)
    for booking in bookings:
        record_booking_change(booking, what="status", was=Booking.Status.HELD, became=booking.status, who=who, why=why)
        log.info("booking paid", extra={"order": order.reference, "booking": booking.reference})
        send_after_commit(booking_paid, Booking, booking=booking)
    return order


@transaction.atomic
def release_order(order: Order, *, why: str) -> Order:
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
    record_order_change(order, what="status", was=was, became=order.status, why=why)
    log.info("order released", extra={"order": order.reference})
    return order


@transaction.atomic
def expire_order(order: Order) -> bool:
    """Give up an order that was not paid in time and free its slots. True when this call did it."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    now = timezone.now()
    if not order.is_awaiting_payment or order.expires_at is None or order.expires_at > now:
        return False
    order.mark_expired()
    order.save(update_fields=["status"])
    expire_holds(list(order.bookings.select_for_update().filter(status__in=Booking.KEPT).order_by("pk")))
    record_order_change(order, what="status", was=Order.Status.AWAITING_PAYMENT, became=order.status, why="not paid in time")
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


def _sum(prices: Sequence[Money]) -> Money:
    """Raises CurrencyMixed."""
    if len({price.currency for price in prices}) > 1:
        raise CurrencyMixed
    return Money(sum(price.amount for price in prices), prices[0].currency)
