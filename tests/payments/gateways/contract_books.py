"""From a gateway's messages over the real address to our books: whatever comes in whatever order, the same end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bookings.doubles.server import Message
from bookings.models import Booking, Change, Order
from bookings.orders import expire_order
from payments.checkout import start_checkout
from payments.inquiries import ask_gateway
from payments.models import Payment, WebhookEvent
from payments.webhooks import BODY_LIMIT
from tests.conftest import Drain
from tests.payments.gateways.asking import WithBank
from tests.payments.gateways.banks import Bank, use_bank

PAID = (Payment.Status.SUCCEEDED, Order.Status.PAID, [Booking.Status.PAID], 0)
ORDERS: dict[str, Callable[[list[Message]], list[Message]]] = {
    "as sent": lambda sent: sent,
    "each twice": lambda sent: [message for message in sent for _copy in range(2)],
    "reversed": lambda sent: sent[::-1],
    "the old ones again": lambda sent: [*sent, *sent[:-1]],
    "the last only": lambda sent: sent[-1:],
    "all lost": lambda sent: [],
}


def post(bank: Bank, message: Message) -> int:
    headers: dict[str, Any] = {**message.headers(), "Content-Type": "application/json"}
    address = f"/webhooks/{bank.gateway().name}"
    return Client().post(address, message.body, content_type="application/json", headers=headers).status_code


def state_of(payment: Payment) -> tuple[str, str, list[str], int]:
    payment = Payment.objects.select_related("order").get(pk=payment.pk)
    bookings = [booking.status for booking in payment.order.bookings.all()]
    return payment.status, payment.order.status, bookings, payment.order.payments.filter(refunds__isnull=False).count()


def times_paid(payment: Payment) -> int:
    """Count how often the sessions became paid: mails and links hang on it."""
    return Change.objects.filter(booking__order=payment.order, became=Booking.Status.PAID).count()


class BooksContract(WithBank):
    """Paid is paid once."""

    @pytest.fixture
    def attempt_at_bank(self, bank: Bank, booking: Booking, settings: Any) -> Payment:
        use_bank(settings, bank)
        payment = start_checkout(booking.order, gateway_name=bank.gateway().name)
        assert payment is not None
        return payment

    @pytest.mark.parametrize("arrange", list(ORDERS.values()), ids=list(ORDERS))
    @pytest.mark.defect("CE-06", "CE-07")
    def test_refused_then_paid_ends_paid_once(self, bank: Bank, attempt_at_bank: Payment, drain: Drain, arrange: Any):
        bank.fail(attempt_at_bank.reference)
        bank.pay(attempt_at_bank.reference)
        for message in arrange(bank.messages):
            assert post(bank, message) == 200
        drain()
        ask_gateway(attempt_at_bank)  # as the periodic job does, for what was lost
        assert state_of(attempt_at_bank) == PAID
        assert times_paid(attempt_at_bank) == 1

    def test_each_message_is_applied_as_it_comes_and_again_after_all(
        self, bank: Bank, attempt_at_bank: Payment, drain: Drain
    ):
        bank.begin(attempt_at_bank.reference)
        bank.pay(attempt_at_bank.reference)
        for message in [*bank.messages, *bank.messages]:
            assert post(bank, message) == 200
            drain()
        assert state_of(attempt_at_bank) == PAID
        assert times_paid(attempt_at_bank) == 1

    @pytest.mark.parametrize("arrange", [ORDERS["as sent"], ORDERS["reversed"], ORDERS["all lost"]])
    def test_late_money_revives_the_order_if_its_times_are_free(
        self, bank: Bank, attempt_at_bank: Payment, drain: Drain, arrange: Any
    ):
        _let_expire(attempt_at_bank.order)
        bank.pay_late(attempt_at_bank.reference)
        for message in arrange(bank.messages):
            assert post(bank, message) == 200
        drain()
        ask_gateway(attempt_at_bank)
        assert state_of(attempt_at_bank) == PAID

    @pytest.mark.defect("CE-01", "TB-30")
    def test_forged_message_changes_nothing(self, bank: Bank, attempt_at_bank: Payment, drain: Drain):
        bank.pay(attempt_at_bank.reference)
        true = bank.messages[-1]
        forged = Message(true.body.replace(attempt_at_bank.reference.encode(), b"PAY-OTHERORDER-1"), true.headers)
        assert post(bank, forged) in (400, 403)
        drain()
        assert not WebhookEvent.objects.exists()
        assert state_of(attempt_at_bank)[0] == Payment.Status.PENDING

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b"x" * (BODY_LIMIT + 1)])
    def test_nonsense_is_refused_and_not_stored(self, bank: Bank, attempt_at_bank: Payment, body: bytes):
        true = Message(body, dict)
        assert post(bank, true) in (400, 403, 413)
        assert not WebhookEvent.objects.exists()


def _let_expire(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(expires_at=order.placed_at)
    order.refresh_from_db()
    expire_order(order)
