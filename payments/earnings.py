"""The tutors' account: lines that sum up to what each session should earn. Lines are added, never changed.

Lock order: Order → its Bookings → Earnings (see refunds and orders). `settle_earnings` may run any number of times,
in two workers, and whatever it missed is found by the round.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import Booking, Order
from bookings.money import Money
from bookings.rounds import for_each
from payments.earning_rule import Difference, differences_of, orders_that_differ
from payments.models import Earning, Payment

log = logging.getLogger("linkpool.books")
WENT_BACK = Kept("%(money)s of the price goes back to the payer.")
CAME_BACK = Kept("%(money)s of the price stays after all.")
TAKEN_BY_THE_BANK = Kept("%(money)s of the price went back to the payer, or was taken by the payer’s bank.")
BATCH, BATCHES = 500, 20


@transaction.atomic
def settle_earnings(order_id: int) -> int:
    """Add the lines that the sessions of an order lack, and say from when they can be paid out. Returns how many differed.

    A session can be paid out EARNINGS_HELD_DAYS after its end, once it is over or called off.
    """
    Order.objects.select_for_update().get(pk=order_id)
    list(Booking.objects.filter(order=order_id).select_for_update().order_by("pk").values_list("pk"))
    found = differences_of(order_id)
    for one in found:
        _add_line(one)
        _let_fall_due(one)
    return len(found)


def settle_soon(order_id: int) -> None:
    """Settle the order in a job, after whatever is more urgent: payers wait for none of it."""
    enqueue("payments.settle_earnings", priority=-10, order_id=order_id)


def settle_all_earnings() -> int:
    """Settle orders whose news was lost, or whose sessions are over by now. Returns how many orders differed."""
    settled = 0
    for _number in range(BATCHES):
        orders = orders_that_differ(limit=BATCH)
        settled += for_each(orders, settle_earnings)
        if len(orders) < BATCH:
            break
    return settled


def held_back() -> Q:
    """Return which lines wait for an answer about their payment, whatever their day: nobody is paid out of it."""
    looked_at = Payment.objects.filter(
        order=OuterRef("booking__order"), status=Payment.Status.NEEDS_REVIEW, succeeded_at__isnull=False
    )
    return Q(booking__order__disputed_at__isnull=False) | Q(Exists(looked_at))


def _add_line(one: Difference) -> None:
    gross, fee = one.gross - one.had_gross, one.fee - one.had_fee
    if gross == 0 and fee == 0:
        return
    line = Earning.objects.create(
        booking_id=one.booking_id,
        tutor_id=one.tutor_id,
        kind=Earning.Kind.CORRECTION if one.has_lines else Earning.Kind.SESSION,
        currency=one.currency,
        gross=gross,
        fee_percent=one.percent,
        fee=fee,
        net=gross - fee,
        why=_why(one) if one.has_lines else "",
    )
    log.info(
        "earning added",
        extra={"booking": one.reference, "kind": line.kind, "amount": line.net, "currency": line.currency},
    )


def _why(one: Difference) -> str:
    change = Money(abs(one.gross - one.had_gross), one.currency)
    if one.gross > one.had_gross:
        return CAME_BACK(money=change)
    return TAKEN_BY_THE_BANK(money=change) if one.is_lost else WENT_BACK(money=change)


def _let_fall_due(one: Difference) -> None:
    if one.over_at is not None:
        due_at = one.over_at + timedelta(days=settings.EARNINGS_HELD_DAYS)
        Earning.objects.filter(booking=one.booking_id, due_at=None).update(due_at=due_at)
