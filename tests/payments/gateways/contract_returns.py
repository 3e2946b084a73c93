"""Money that goes back, from our books to a gateway and from its messages into our books: once, whatever comes how often."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Booking, User
from bookings.money import Money
from payments.checkout import start_checkout
from payments.inquiries import ask_gateway
from payments.models import Payment, Refund
from payments.refunds import refund_payment
from tests.conftest import Drain
from tests.payments.gateways.asking import PART, WithBank
from tests.payments.gateways.banks import Bank, use_bank
from tests.payments.gateways.contract_books import post

Status = Refund.Status


def rows(payment: Payment) -> list[tuple[str, int, str]]:
    return [(one.status, one.amount, one.reason) for one in payment.refunds.order_by("pk")]


def deliver_all(bank: Bank, drain: Drain) -> None:
    """Deliver every message so far, newest first, each twice."""
    for message in reversed(bank.messages):
        for _copy in range(2):
            assert post(bank, message) == 200
    drain()


class ReturnContract(WithBank):
    @pytest.fixture
    def settled(self, bank: Bank, booking: Booking, settings: Any, drain: Drain) -> Payment:
        use_bank(settings, bank)
        payment = start_checkout(booking.order, gateway_name=bank.gateway().name)
        assert payment is not None
        assert bank.pay(payment.reference)
        ask_gateway(payment)
        drain()
        payment.refresh_from_db()
        assert payment.status == Payment.Status.SUCCEEDED
        return payment

    def test_refund_of_the_books_arrives_once(self, bank: Bank, settled: Payment, drain: Drain, root: User):
        refund_payment(settled, amount=PART, who=root, why="A gift")
        drain()
        bank.confirm_refunds(settled.reference)
        deliver_all(bank, drain)
        ask_gateway(settled)
        assert rows(settled) == [(Status.SUCCEEDED, PART.amount, "other")]
        assert bank.sent_back(settled.reference) == PART
        settled.refresh_from_db()
        assert (settled.status, settled.refunded_amount) == (Payment.Status.SUCCEEDED, PART.amount)

    @pytest.mark.defect("CE-04")
    def test_refund_of_the_dashboard_appears_by_itself(self, bank: Bank, settled: Payment, drain: Drain):
        bank.refund_in_dashboard(settled.reference, PART)
        bank.confirm_refunds(settled.reference)
        deliver_all(bank, drain)
        ask_gateway(settled)
        assert rows(settled) == [(Status.SUCCEEDED, PART.amount, "vendor")]

    def test_refund_of_the_dashboard_appears_though_its_messages_are_lost(self, bank: Bank, settled: Payment):
        bank.refund_in_dashboard(settled.reference, PART)
        bank.confirm_refunds(settled.reference)
        ask_gateway(settled)
        assert rows(settled) == [(Status.SUCCEEDED, PART.amount, "vendor")]

    @pytest.mark.defect("CE-04")
    def test_dispute_appears_once_and_holds_refunds(self, bank: Bank, settled: Payment, drain: Drain):
        bank.dispute(settled.reference)
        deliver_all(bank, drain)
        ask_gateway(settled)
        (dispute,) = settled.disputes.all()
        assert (dispute.is_open, dispute.money) == (True, Money(150_000, "IDR"))
        assert rows(settled) == []
