"""Stripe's side of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bookings.money import Money
from payments.doubles.stripe import StripeDouble
from payments.gateways.base import Gateway, Outcome
from payments.gateways.stripe_client import Patience
from tests.payments.gateways.banks import Vendor, make_gateway

SECRET_KEY = "sk_test_EXAMPLE0123456789"
SECRETS = ["whsec_EXAMPLE0123456789abcdef", "whsec_OLD_EXAMPLE0123456789abc"]


def make_double(**changes: Any) -> StripeDouble:
    return StripeDouble(**{"secret_key": SECRET_KEY, "webhook_secrets": SECRETS, "silence": 2, **changes})


class StripeBank(Vendor):
    calls = {
        "open": "POST /v1/checkout/sessions",
        "fetch": "GET /v1/checkout/sessions/",
        "close": "POST /v1/checkout/sessions/",
        "refund": "POST /v1/refunds",
    }
    cancelled_is = Outcome.EXPIRED  # whoever goes back leaves the page open until it ends
    failed_is = Outcome.PENDING  # a declined card stays on its page, for another one

    def __init__(self, double: StripeDouble) -> None:
        self.double = self.stripe = double

    @property
    def entry(self) -> dict[str, Any]:
        return self._entry(SECRET_KEY, SECRETS[:1])

    def hasty(self) -> Gateway:
        return make_gateway(self._entry(SECRET_KEY, SECRETS[:1], patience=Patience(timeout=0.4, limit=0.8, retries=0)))

    @property
    def unrepeated(self) -> dict[str, Any]:
        return self._entry(SECRET_KEY, SECRETS[:1], patience=Patience(retries=0))

    @property
    def keyless(self) -> dict[str, Any]:
        return self._entry(SECRET_KEY, [])

    @property
    def stranger(self) -> dict[str, Any]:
        return self._entry("sk_test_OTHER", ["whsec_OTHER"])

    def pay(self, reference: str) -> bool:
        return bool(self.stripe.pay(reference))

    def pay_late(self, reference: str) -> None:
        self.stripe.pay_later(reference)
        self.stripe.settle_later(reference)

    def begin(self, reference: str) -> None:
        self.stripe.decline(reference)

    def fail(self, reference: str) -> None:
        self.stripe.decline(reference)

    def cancel(self, reference: str) -> None:
        self.stripe.expire(reference)

    def expire(self, reference: str) -> None:
        self.stripe.decline(reference)
        self.stripe.expire(reference)

    def refund_in_dashboard(self, reference: str, money: Money) -> None:
        self.stripe.refund_in_dashboard(self._intent(reference), money.amount * 100, status="pending")

    def confirm_refunds(self, reference: str) -> None:
        for refund in [*self.stripe.refunds.values()]:
            if refund["payment_intent"] == self._intent(reference):
                self.stripe.settle_refund(refund["id"])

    def dispute(self, reference: str) -> None:
        self.stripe.open_dispute(self._intent(reference))

    def open_pages(self, reference: str) -> int:
        return self.stripe.open_pages(reference)

    def sent_back(self, reference: str) -> Money:
        return Money(self.stripe.sent_back(self._intent(reference)) // 100, "IDR")

    def _intent(self, reference: str) -> str:
        return str(self.stripe.session_of(reference)["payment_intent"])

    def _entry(self, secret_key: str, secrets: Sequence[str], **more: Any) -> dict[str, Any]:
        options = {
            "secret_key": secret_key,
            "webhook_secrets": secrets,
            "api_url": self.double.url,
            **more,
        }
        return {"BACKEND": "payments.gateways.stripe.StripeGateway", "OPTIONS": options}
