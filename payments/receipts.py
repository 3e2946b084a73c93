"""What a receipt says: the sessions with their prices, what was paid and how, and what has gone back since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from bookings.models import Booking, Order
from bookings.money import Money
from payments.gateways import listed_gateways
from payments.models import Payment, Refund

Reason = Refund.Reason
# A payment that goes back whole never paid the order: it came twice, too late, or for an order that was given up.
NEVER_COUNTED = Q(refunds__booking=None, refunds__reason__in=[Reason.TWICE, Reason.LATE, Reason.CANCELLED])


@dataclass(frozen=True)
class Receipt:
    """An order that was paid, as its payer may hand it in: `payment` is the one that paid it, None where nothing was."""

    order: Order
    lines: Sequence[Booking]
    payment: Payment | None
    way: str
    refunds: Sequence[Refund]

    @property
    def gone_back(self) -> Money:
        """What has reached the payer again."""
        return self._sum(refund for refund in self.refunds if refund.has_arrived)

    @property
    def going_back(self) -> Money:
        """What is on its way to the payer."""
        return self._sum(refund for refund in self.refunds if refund.is_open)

    @property
    def rest(self) -> Money:
        """What stays paid once all has gone back."""
        return self.order.money - self.gone_back - self.going_back

    def _sum(self, refunds: Iterable[Refund]) -> Money:
        return sum((refund.money for refund in refunds), Money(0, self.order.currency))


def make_receipt(order: Order) -> Receipt:
    """Load what the receipt of a paid order says, in three queries."""
    paid = order.payments.filter(status=Payment.Status.SUCCEEDED, currency=order.currency).exclude(NEVER_COUNTED)
    payment = paid.order_by("number").first()
    put_back = Q(status=Booking.Status.CANCELLED, cancelled_at=None)
    lines = order.bookings.exclude(put_back).select_related("tutor__user", "student").order_by("during", "pk")
    refunds = Refund.objects.standing().filter(payment=payment).select_related("payment", "booking").order_by("pk")
    labels = {gateway.name: str(gateway.label) for gateway in listed_gateways()}
    way = labels.get(payment.gateway, payment.gateway) if payment else ""
    return Receipt(order, list(lines), payment, way, list(refunds) if payment else [])
