"""What happened to an order so far, line by line in the order of time, in words for its payer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from bookings.models import Booking, Change, Order
from payments.models import Dispute, Payment, Refund

# The order tells of these itself: once, and not for each of its sessions again.
_TOLD_BY_THE_ORDER = {Booking.Status.HELD, Booking.Status.PAID, Booking.Status.EXPIRED}


@dataclass(frozen=True)
class Happening:
    """One line: when, what (already translated), and what it is about. A change of a session is told by the template."""

    at: datetime
    text: str = ""
    about: str = ""
    booking: Booking | None = None
    change: Change | None = None


def tell_happenings(
    order: Order,
    *,
    bookings: Sequence[Booking],
    payments: Iterable[Payment],
    refunds: Iterable[Refund],
    disputes: Iterable[Dispute],
    changes: Iterable[Change],
    ways: Mapping[str, str],
) -> list[Happening]:
    """Return what happened, oldest first. `ways` are the names of the gateways; nothing is loaded here."""
    lines = [*_of_order(order, changes), *_of_sessions(bookings, changes)]
    for payment in payments:
        lines += _of_payment(payment, ways.get(payment.gateway, payment.gateway))
    for refund in refunds:
        lines += _of_refund(refund)
    for dispute in disputes:
        lines += _of_dispute(dispute)
    return sorted(lines, key=lambda line: line.at)


def _of_order(order: Order, changes: Iterable[Change]) -> Iterator[Happening]:
    if order.placed_at is not None:
        yield Happening(order.placed_at, _("Ordered"), str(order.full_price if order.gifted_by_id else order.money))
    if order.paid_at is not None:
        yield Happening(order.paid_at, _("Given to you as a gift") if order.gifted_by_id else _("Paid"))
    for change in changes:
        if change.order_id == order.pk and change.what == "status":
            if change.became == Order.Status.EXPIRED:
                yield Happening(change.at, _("Not paid in time, so the times were released"))
            elif change.became == Order.Status.CANCELLED and order.placed_at is not None:
                yield Happening(change.at, _("Given up before it was paid"))


def _of_sessions(bookings: Sequence[Booking], changes: Iterable[Change]) -> Iterator[Happening]:
    by_key = {booking.pk: booking for booking in bookings}
    for change in changes:
        booking = by_key.get(change.booking_id or 0)
        if booking is None or (change.what == "status" and change.became in _TOLD_BY_THE_ORDER):
            continue
        yield Happening(change.at, about=booking.name, booking=booking, change=change)


def _of_payment(payment: Payment, way: str) -> Iterator[Happening]:
    began_at = min(payment.created_at, payment.succeeded_at or payment.created_at)
    yield Happening(began_at, _("Payment begun"), way)
    if payment.succeeded_at is not None:
        text = _("%(money)s received") % {"money": payment.money_held}
        yield Happening(payment.succeeded_at, text, way)
    elif payment.closed_at is not None and not payment.has_money:
        yield Happening(payment.closed_at, _("Payment page closed, nothing was taken"), way)


def _of_refund(refund: Refund) -> Iterator[Happening]:
    booking = refund.booking.name if refund.booking else ""
    yield Happening(refund.created_at, _("%(money)s is to go back to you") % {"money": refund.money}, booking)
    if refund.submitted_at is not None:
        yield Happening(refund.submitted_at, _("%(money)s is on its way to you") % {"money": refund.money}, booking)
    if refund.has_arrived and refund.finished_at is not None:
        yield Happening(refund.finished_at, _("%(money)s went back to you") % {"money": refund.money}, booking)


def _of_dispute(dispute: Dispute) -> Iterator[Happening]:
    yield Happening(dispute.opened_at, _("Your bank asked for %(money)s back") % {"money": dispute.money})
    if dispute.closed_at is not None:
        taken = dispute.status == Dispute.Status.LOST
        text = _("Your bank took %(money)s back") if taken else _("Your bank left %(money)s with us")
        yield Happening(dispute.closed_at, text % {"money": dispute.money})
