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

from bookings.errors import CartEmpty, HoldExpired, OrderNotPayable, PriceChanged, SlotsGone
from bookings.history import record_order_change
from bookings.holds import Wanted, drop_from_order, expire_holds, place_holds
from bookings.models import Booking, Order, PromoCode, User
from bookings.money import Money
from bookings.pricing import PRICE_FIELDS, Quote, price_order, quote_under_lock, settle
from bookings.rounds import for_each
from bookings.taking import SEEN_WITH, Taken, give_up_time, record_paid, sessions_sold, take_times

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
    with_people = order.bookings.select_related(*SEEN_WITH).select_for_update(of=("self",))
    taken = take_times(list(with_people.exclude(status=Booking.Status.CANCELLED).order_by("pk")))
    if taken.gone:
        raise SlotsGone
    record_paid(order, taken, was=was, who=who, why=why)
    return order


@transaction.atomic
def revive_order(order: Order, *, paid_at: datetime, why: str = "") -> Taken:
    """Record money that came for the order, however late, as far as its times are still free (DESIGN 3.6). It was taken
    at `paid_at`, as the gateway tells.

    Those are paid and told of; of the others what was paid for them comes back (`Booking.refund`), and `refund_due` says
    so. An order in time has all of them. Whoever gave it up and paid after that has changed their mind; the tutor's no
    and that of the staff stay. Raises SlotsGone, and changes nothing, when no time is free; OrderNotPayable for what is
    paid, called off for good or never agreed to.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    was = order.status
    bookings = list(order.bookings.select_related(*SEEN_WITH).select_for_update(of=("self",)).order_by("pk"))
    sold = sessions_sold(order, bookings, paid_at=paid_at)
    order.mark_revived(at=timezone.now(), charged_at=paid_at)
    taken = take_times(sold)
    if not taken.kept:
        raise SlotsGone
    for booking in taken.gone:
        give_up_time(booking, order, why=why)
    record_paid(order, taken, was=was, why=why)
    return taken


@transaction.atomic
def release_order(order: Order, *, why: str, who: User | None = None) -> Order:
    """Give up an order that waits for payment and free its slots now. A second call changes nothing.

    Money that comes all the same: see `revive_order`. Raises OrderNotPayable when it is paid.
    """
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.status == Order.Status.CANCELLED:
        return order
    was = order.status
    order.mark_cancelled()
    order.save(update_fields=["status"])
    for booking in order.bookings.select_for_update().filter(status__in=Booking.KEPT).order_by("pk"):
        booking.status = Booking.Status.CANCELLED  # until when it was kept tells it from times put back before
        booking.save(update_fields=["status"])
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
    freed = for_each(Order.objects.overdue(now).order_by("expires_at")[:limit], expire_order)
    with transaction.atomic():
        left = Booking.objects.stale_holds(now).filter(order__status=Order.Status.CART).order_by("pk")
        stale = list(left.select_for_update(skip_locked=True, of=("self",))[:limit])
        expire_holds(stale)
    return freed + len(stale)


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
