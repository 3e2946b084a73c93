"""What can be tried at the pretend bank, each told to the site by a signed message over HTTP, sent by a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.models import Order
from bookings.money import Money
from bookings.orders import expire_order
from payments.errors import PaymentUnknown
from payments.gateways.base import DisputeState
from payments.gateways.sandbox import SandboxGateway, Ticket
from payments.gateways.sandbox_ledger import Answer
from payments.models import Payment

Try = Callable[[SandboxGateway, Ticket], None]

LATE = timedelta(seconds=30)  # from the end of the order to the message that it was paid


def pay(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Pay in time."""
    _tell(gateway.decide(ticket, Answer.PAID))


def pay_told_three_times(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Pay in time, and tell of it three times over, as gateways do."""
    body = gateway.decide(ticket, Answer.PAID)
    for _copy in range(3):
        _tell(body)


def pay_late(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Let the order's deadline pass now, and pay half a minute later: time for somebody else to take the slot."""
    _let_the_deadline_pass(ticket.reference)
    enqueue("payments.pay_sandbox_late", wait=LATE, token=gateway.token_of(ticket))


def take_late_money(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Have the late money arrive."""
    _tell(gateway.take_late_money(ticket))


def fail(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Refuse the card. The page stays open for another try."""
    _tell(gateway.decide(ticket, Answer.FAILED))


def cancel(gateway: SandboxGateway, ticket: Ticket) -> None:
    _tell(gateway.decide(ticket, Answer.CANCELLED))


def expire(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Close the page unpaid, as at its end."""
    _tell(gateway.decide(ticket, Answer.EXPIRED))


def give_back(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Send the half back from the bank's own pages, without the site's asking."""
    _tell(gateway.give_back(ticket, Money(max(1, ticket.money.amount // 2), ticket.money.currency)))


def open_dispute(gateway: SandboxGateway, ticket: Ticket) -> None:
    """Have the payer's bank ask for all of it back."""
    _tell(gateway.dispute(ticket, DisputeState.OPEN))


def win_dispute(gateway: SandboxGateway, ticket: Ticket) -> None:
    _tell(gateway.dispute(ticket, DisputeState.WON))


def lose_dispute(gateway: SandboxGateway, ticket: Ticket) -> None:
    _tell(gateway.dispute(ticket, DisputeState.LOST))


TRIES: dict[str, Try] = {
    "pay": pay,
    "pay_three_times": pay_told_three_times,
    "pay_late": pay_late,
    "fail": fail,
    "cancel": cancel,
    "expire": expire,
}
TRIES_ONCE_PAID: dict[str, Try] = {
    "give_back": give_back,
    "dispute": open_dispute,
    "dispute_won": win_dispute,
    "dispute_lost": lose_dispute,
}


def _tell(body: bytes) -> None:
    enqueue("payments.deliver_sandbox_webhook", body=body.decode())


@transaction.atomic
def _let_the_deadline_pass(reference: str) -> None:
    """Bring the end of an order forward to now, so that nobody need wait half an hour to see late money."""
    payment = Payment.objects.select_for_update().filter(reference=reference).first()
    if payment is None:
        raise PaymentUnknown
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    now = timezone.now()
    if order.is_awaiting_payment and order.expires_at is not None and order.expires_at > now:
        payment.expires_at = order.expires_at = now
        payment.save(update_fields=["expires_at"])
        order.save(update_fields=["expires_at"])
    expire_order(order)
