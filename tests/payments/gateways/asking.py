"""What every gateway is asked for in its contract."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.doubles.server import Message
from bookings.money import Money
from payments.gateways.base import (
    Attempt,
    CheckoutItem,
    CheckoutRequest,
    Gateway,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundRequest,
    RefundState,
)
from tests.payments.gateways.banks import Bank

REFERENCE = "PAY-BCDFGHJKMN-1"
MONEY = Money(150_000, "IDR")
KEY = "RF-BCDFGH"
PART = Money(50_000, "IDR")
OVER = (Outcome.EXPIRED, Outcome.CANCELLED)


def checkout_request(**changes: Any) -> CheckoutRequest:
    now = timezone.now()
    usual: dict[str, Any] = {
        "reference": REFERENCE,
        "money": MONEY,
        "items": [
            CheckoutItem("BK-1", "Maths lesson", Money(170_000, "IDR")),
            CheckoutItem("off", "Discount", Money(-20_000, "IDR")),
        ],
        "payer_name": "Sam Student",
        "payer_email": "sam@example.com",
        "made_at": now,
        "expires_at": now + timedelta(minutes=40),
        "return_url": "http://testserver/payments/return/PAY-BCDFGHJKMN-1/",
    }
    return CheckoutRequest(**{**usual, **changes})


def open_attempt(gateway: Gateway) -> Attempt:
    """Open a page and return what we then know of it."""
    request = checkout_request()
    page = gateway.open_checkout(request)
    return Attempt(REFERENCE, page.token, made_at=request.made_at)


def tell(gateway: Gateway, message: Message, attempt: Attempt | None = None) -> PaymentReport:
    """Return what a message turns out to mean."""
    return gateway.confirm_message(gateway.open_message(message.headers(), message.body), attempt)


def refund_request(gateway: Gateway, attempt: Attempt, money: Money = MONEY, key: str = KEY) -> RefundRequest:
    """Return the refund of an attempt that has been paid."""
    paid = gateway.fetch_report(attempt)
    known = Attempt(attempt.reference, attempt.token, paid.external_id, attempt.made_at)
    return RefundRequest(key, known, money, MONEY, paid.method, "cancelled")


def gone_back(refunds: Iterable[RefundReport]) -> list[tuple[str, int | None, RefundState]]:
    return [(refund.key, refund.money.amount if refund.money else None, refund.state) for refund in refunds]


class WithBank:
    @pytest.fixture
    @abstractmethod
    def bank(self) -> Any:
        """Yield the Bank."""

    @pytest.fixture
    def gateway(self, bank: Bank) -> Gateway:
        return bank.gateway()
