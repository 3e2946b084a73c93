"""Two companies that take money, in memory: for what happens between several attempts, at one of them or at both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from django.utils import timezone

from bookings.money import Money
from payments.errors import GatewayRefused, GatewayUnavailable
from payments.gateways.base import (
    Attempt,
    CheckoutPage,
    CheckoutRequest,
    Gateway,
    GatewayMessage,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundRequest,
)
from payments.models import Payment

GATEWAYS = {name: {"BACKEND": f"tests.payments.tills.{name.title()}"} for name in ("north", "south")}


@dataclass
class Page:
    """What the company has of one attempt."""

    money: Money
    outcome: Outcome = Outcome.PENDING
    transaction: str = ""


class Till(Gateway):
    pages: ClassVar[dict[str, Page]]
    closed: ClassVar[list[str]]  # what it was asked to close, in this order
    trouble: ClassVar[type[Exception] | None]
    before_opening: ClassVar[Callable[[CheckoutRequest], Any] | None]
    before_closing: ClassVar[Callable[[Attempt], Any] | None]

    @classmethod
    def reset(cls) -> None:
        cls.pages, cls.closed, cls.trouble = {}, [], None
        cls.before_opening = cls.before_closing = None

    @classmethod
    def pay(cls, payment: Payment) -> None:
        """Somebody pays on the page; nobody hears of it yet."""
        page = cls.pages[payment.reference]
        assert page.outcome is Outcome.PENDING, "nobody can pay on a page that is closed"
        page.outcome, page.transaction = Outcome.PAID, f"{cls.name}-{uuid4()}"

    @property
    def is_configured(self) -> bool:
        return True

    def can_take(self, money: Money) -> bool:
        return True

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        if (happens := type(self).before_opening) is not None:
            happens(request)
        self.pages[request.reference] = Page(request.money)
        return CheckoutPage(f"https://{self.name}.test/{request.reference}", token=f"token-{request.reference}")

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        self._fail()
        return self._report(attempt.reference)

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        if (happens := type(self).before_closing) is not None:
            happens(attempt)
        self.closed.append(attempt.reference)
        self._fail()
        page = self.pages.get(attempt.reference)
        if page is not None and page.outcome is Outcome.PENDING:
            page.outcome = Outcome.CANCELLED
        return self._report(attempt.reference)

    def verify_message(self, headers: Mapping[str, str], body: bytes) -> None:
        raise NotImplementedError

    def read_message(self, body: bytes) -> GatewayMessage:
        raise NotImplementedError

    def send_refund(self, request: RefundRequest) -> RefundReport:
        raise NotImplementedError

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble("so it is")

    def _report(self, reference: str) -> PaymentReport:
        page = self.pages.get(reference)
        if page is None:
            return PaymentReport(reference, Outcome.PENDING, detail="not begun")
        paid_at = timezone.now() if page.outcome is Outcome.PAID else None
        return PaymentReport(reference, page.outcome, page.outcome.value, page.transaction, page.money, paid_at=paid_at)


class North(Till):
    name = label = "north"


class South(Till):
    name = label = "south"


SILENT, REFUSING = GatewayUnavailable, GatewayRefused
