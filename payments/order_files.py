"""Everything that is known of an order, for whoever must find out what happened to its money. Questions only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from bookings.history import describe_subject, describe_value
from bookings.kept import read_kept
from bookings.models import Booking, Change, Order
from bookings.money import Money
from payments.models import Dispute, Earning, Payment, Refund, WebhookEvent


@dataclass(frozen=True)
class Moment:
    """One line of the order's history: when, what about (a reference), what happened, why, and who did it if a person."""

    at: datetime
    about: str
    text: str | Promise
    why: str = ""
    who: str = ""


@dataclass(frozen=True)
class OrderFile:
    """An order with all that hangs on it, each in the order in which it came."""

    order: Order
    bookings: Sequence[Booking]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    events: Sequence[WebhookEvent]
    earnings: Sequence[Earning]
    changes: Sequence[Change]

    @property
    def received(self) -> Money:
        """What came in the order's own currency and was accepted."""
        return self._sum(p.money_held for p in self.payments if p.status == Payment.Status.SUCCEEDED)

    @property
    def back(self) -> Money:
        """What has gone back, or is to."""
        return self._sum(refund.money for refund in self.refunds if refund.status in Refund.COUNTED)

    @property
    def taken(self) -> Money:
        """What the payer's bank has taken back."""
        return self._sum(dispute.money for dispute in self.disputes if dispute.status == Dispute.Status.LOST)

    @property
    def stays(self) -> Money:
        return self.received - self.back - self.taken

    @property
    def wants(self) -> list[tuple[str, object]]:
        """What waits for a person: a sentence, and the row that it is about."""
        return [
            *[(read_kept(one.note), one) for one in self.payments if one.status == Payment.Status.NEEDS_REVIEW],
            *[(_want_of_refund(one), one) for one in self.refunds if one.needs_person],
            *[(_("The payer's bank asks for %(money)s back.") % {"money": o.money}, o) for o in self.disputes if o.is_open],
            *[(read_kept(one.error), one) for one in self.events if one.state == WebhookEvent.State.FAILED],
        ]

    @property
    def moments(self) -> list[Moment]:
        """What happened, the oldest first: one line for each change, attempt, dispute, message and earning."""
        lines = [*_of_changes(self.changes)]
        for payment in self.payments:
            lines += _of_payment(payment)
        for dispute in self.disputes:
            lines += _of_dispute(dispute)
        lines += [_of_event(event) for event in self.events]
        lines += [_of_earning(earning) for earning in self.earnings]
        return sorted(lines, key=lambda line: line.at)

    def _sum(self, amounts: Iterator[Money]) -> Money:
        own = [money for money in amounts if money.currency == self.order.currency]
        return sum(own, Money(0, self.order.currency))


def open_file(order: Order) -> OrderFile:
    """Load everything of an order in a fixed number of queries."""
    payments = list(order.payments.order_by("number"))
    for payment in payments:
        payment.order = order
    mine = Q(payment__order=order) | Q(payment=None, reference__in=[payment.reference for payment in payments])
    of_order = Q(order=order) | Q(booking__order=order)
    return OrderFile(
        order=order,
        bookings=list(order.bookings.select_related("student", "tutor__user", "meeting__link").order_by("during", "pk")),
        payments=payments,
        refunds=list(Refund.objects.filter(payment__order=order).select_related("payment", "booking").order_by("pk")),
        disputes=list(Dispute.objects.filter(payment__order=order).select_related("payment").order_by("pk")),
        events=list(WebhookEvent.objects.filter(mine).order_by("pk")),
        earnings=list(
            Earning.objects.filter(booking__order=order).select_related("booking", "tutor__user", "payout").order_by("pk")
        ),
        changes=list(Change.objects.filter(of_order).select_related("who", "booking", "order").order_by("at", "pk")),
    )


def _of_changes(changes: Sequence[Change]) -> Iterator[Moment]:
    for change in changes:
        facts = {
            "what": describe_subject(change),
            "was": describe_value(change, change.was),
            "became": describe_value(change, change.became),
        }
        text = _("%(what)s: from %(was)s to %(became)s") if change.was and change.became else "%(what)s: %(became)s"
        about = change.booking.reference if change.booking else str(change.order or "")
        yield Moment(change.at, about, text % facts, read_kept(change.why), str(change.who or ""))


def _of_payment(payment: Payment) -> Iterator[Moment]:
    facts = {"money": payment.money, "gateway": payment.gateway}
    yield Moment(payment.created_at, payment.reference, _("Attempt to pay %(money)s at %(gateway)s begun") % facts)
    if payment.superseded_at is not None:
        yield Moment(payment.superseded_at, payment.reference, _("Its page is to be closed"))
    if payment.closed_at is not None:
        yield Moment(payment.closed_at, payment.reference, _("Its page was closed at the gateway"))
    if payment.succeeded_at is not None:
        received = _("%(money)s received") % {"money": payment.money_held}
        yield Moment(payment.succeeded_at, payment.reference, received, payment.method)


def _of_dispute(dispute: Dispute) -> Iterator[Moment]:
    about, asked = dispute.payment.reference, _("The payer's bank asks for %(money)s back.") % {"money": dispute.money}
    yield Moment(dispute.opened_at, about, asked, dispute.reason)
    if dispute.closed_at is not None:
        closed = _("The dispute is over: %(state)s") % {"state": dispute.get_status_display()}
        yield Moment(dispute.closed_at, about, closed)


def _of_event(event: WebhookEvent) -> Moment:
    facts = {"gateway": event.gateway, "kind": event.kind, "state": event.get_state_display()}
    text = _("Message of %(gateway)s: %(kind)s (%(state)s)") % facts
    return Moment(event.received_at, event.reference, text, read_kept(event.error))


def _of_earning(earning: Earning) -> Moment:
    facts = {"money": earning.money, "kind": earning.get_kind_display()}
    text = _("In the tutor's account: %(money)s (%(kind)s)") % facts
    return Moment(earning.created_at, earning.booking.reference, text, read_kept(earning.why))


def _want_of_refund(refund: Refund) -> str:
    facts = {"money": refund.money, "state": refund.get_status_display()}
    return _("%(money)s has not gone back yet (%(state)s).") % facts
