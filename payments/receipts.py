"""What a receipt says: the sessions with their prices, what was paid and how, and what has gone back since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from bookings.models import Booking, Order, User
from bookings.money import Money
from payments.gateways import listed_gateways
from payments.models import Dispute, Payment, Refund


@dataclass(frozen=True)
class PaymentLine:
    """Money that came, by which way, and what of it has gone back since."""

    payment: Payment
    way: str
    refunds: Sequence[Refund]

    @property
    def never_counted(self) -> bool:
        return any(one.is_of_whole for one in self.refunds)

    @property
    def is_all_back(self) -> bool:
        return self.payment.left.is_zero


@dataclass(frozen=True)
class Receipt:
    """An order that was paid, as its payer may hand it in: `payment` is the one that paid it, None where nothing was.

    `others` came as well, twice or too late.
    """

    order: Order
    lines: Sequence[Booking]
    payment: Payment | None
    way: str
    refunds: Sequence[Refund]
    others: Sequence[PaymentLine] = field(default_factory=list)
    taken_back: Sequence[Dispute] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The number of the payment; where nothing had to be paid, the order's reference."""
        return (self.payment and self.payment.receipt_number) or self.order.reference

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
        taken = sum((dispute.money for dispute in self.taken_back), Money(0, self.order.currency))
        return self.order.money - self.gone_back - self.going_back - taken

    def _sum(self, refunds: Iterable[Refund]) -> Money:
        return sum((refund.money for refund in refunds), Money(0, self.order.currency))


def orders_with_receipt(payer: User) -> QuerySet[Order]:
    """Return the orders of a payer that were paid, or for which money came all the same."""
    came = Payment.objects.filter(order=OuterRef("pk"), succeeded_at__isnull=False)
    return Order.objects.visible_to(payer).filter(Q(paid_at__isnull=False) | Exists(came))


def make_receipt(order: Order) -> Receipt:
    """Load what the receipt of an order says, in four queries."""
    came = _payments_of(order)
    able = [one for one in came if not one.never_counted and one.payment.money_held.currency == order.currency]
    paid = min(able, key=lambda one: one.is_all_back, default=None) if order.paid_at else None
    put_back = Q(status=Booking.Status.CANCELLED, cancelled_at=None)
    lines = order.bookings.exclude(put_back).select_related("tutor__user", "student").order_by("during", "pk")
    others = [one for one in came if one is not paid]
    if paid is None:
        return Receipt(order, list(lines) if order.paid_at else [], None, "", [], others)
    lost = paid.payment.disputes.filter(status=Dispute.Status.LOST, currency=order.currency).order_by("pk")
    return Receipt(order, list(lines), paid.payment, paid.way, paid.refunds, others, list(lost))


def _payments_of(order: Order) -> list[PaymentLine]:
    """Return the money that came, the earliest first."""
    refunds = Refund.objects.standing().select_related("payment", "booking").order_by("pk")
    came = order.payments.filter(succeeded_at__isnull=False, status__in=Payment.MONEY_RECEIVED)
    rows = came.prefetch_related(Prefetch("refunds", queryset=refunds)).order_by("succeeded_at", "pk")
    labels = {gateway.name: str(gateway.label) for gateway in listed_gateways()}
    return [PaymentLine(one, labels.get(one.gateway, one.gateway), list(one.refunds.all())) for one in rows]
