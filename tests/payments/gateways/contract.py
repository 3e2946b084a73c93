"""What every gateway must do, whichever company it is. Subclass it and fill in the fixtures."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.money import Money
from payments.errors import BadMessage, BadSignature
from payments.gateways.base import Attempt, CheckoutItem, CheckoutRequest, Gateway, Outcome

REFERENCE = "PAY-BCDFGHJKMN-1"
MONEY = Money(150_000, "IDR")
Message = tuple[dict[str, str], bytes]


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
        "expires_at": now + timedelta(minutes=30),
        "return_url": "http://testserver/payments/return/PAY-BCDFGHJKMN-1/",
    }
    return CheckoutRequest(**{**usual, **changes})


class GatewayContract:
    """`gateway` ready to use; `unconfigured` without keys; `paid` settles REFERENCE and returns the message of it."""

    @pytest.fixture
    @abstractmethod
    def gateway(self) -> Gateway: ...

    @pytest.fixture
    @abstractmethod
    def unconfigured(self) -> Gateway: ...

    @pytest.fixture
    @abstractmethod
    def paid(self, gateway: Gateway) -> Callable[[], Message]: ...

    def test_names_itself(self, gateway: Gateway):
        assert gateway.name.isidentifier()
        assert str(gateway.label)

    def test_is_configured_only_with_its_keys(self, gateway: Gateway, unconfigured: Gateway):
        assert (gateway.is_configured, unconfigured.is_configured) == (True, False)

    def test_takes_rupiah_but_not_nothing(self, gateway: Gateway):
        assert gateway.can_take(MONEY)
        assert not gateway.can_take(Money(0, "IDR"))

    def test_opens_a_page(self, gateway: Gateway):
        page = gateway.open_checkout(checkout_request())
        assert page.url.startswith(("https://", "http://"))
        assert len(page.url) <= 1000

    def test_reports_an_attempt_that_was_not_begun_as_pending(self, gateway: Gateway):
        report = gateway.fetch_report(Attempt(REFERENCE))
        assert (report.reference, report.outcome, report.money) == (REFERENCE, Outcome.PENDING, None)

    def test_paid_message_is_confirmed_as_paid(self, gateway: Gateway, paid: Callable[[], Message]):
        headers, body = paid()
        report = gateway.confirm_message(gateway.open_message(headers, body))
        assert (report.reference, report.outcome, report.money) == (REFERENCE, Outcome.PAID, MONEY)
        assert report.external_id
        assert report.status
        assert report.paid_at is not None
        assert report.paid_at.tzinfo is not None

    def test_asking_says_what_the_message_says(self, gateway: Gateway, paid: Callable[[], Message]):
        headers, body = paid()
        told = gateway.confirm_message(gateway.open_message(headers, body))
        assert gateway.fetch_report(Attempt(REFERENCE)) == told

    def test_copies_share_a_key_and_stored_bodies_can_be_read_again(self, gateway: Gateway, paid: Callable[[], Message]):
        headers, body = paid()
        message = gateway.open_message(headers, body)
        assert gateway.read_message(body) == message
        assert message.dedupe_key
        assert len(message.dedupe_key) <= 200

    def test_changed_bytes_are_refused(self, gateway: Gateway, paid: Callable[[], Message]):
        headers, body = paid()
        changed = json.loads(body)
        for name in ("reference", "order_id"):
            if name in changed:
                changed[name] = "PAY-OTHERORDER-1"
        with pytest.raises(BadSignature):
            gateway.verify_message(headers, json.dumps(changed).encode())

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"null", b"[" * 50_000])
    def test_nonsense_is_refused(self, gateway: Gateway, body: bytes):
        with pytest.raises((BadMessage, BadSignature)):
            gateway.open_message({}, body)
