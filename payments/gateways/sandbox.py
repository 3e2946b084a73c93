"""A pretend bank for demos and development (offered only while DEBUG is on). Nobody's money moves.

Its ledger lives in the cache that all processes share; its page is `payments/views/sandbox.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.errors import BadMessage, BadSignature, PaymentUnknown, RefundByHand
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

HEADER = "Sandbox-Signature"
TOLERANCE = 300  # seconds that a signature may be old, or ahead of our clock
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_SALT = "payments.gateways.sandbox"
_KEPT_SECONDS = 60 * 60 * 24 * 30


class Answer(StrEnum):
    """What became of a payment at the pretend bank."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_OUTCOMES = {
    Answer.OPEN: Outcome.PENDING,
    Answer.PAID: Outcome.PAID,
    Answer.FAILED: Outcome.FAILED,
    Answer.CANCELLED: Outcome.CANCELLED,
    Answer.EXPIRED: Outcome.EXPIRED,
}


@dataclass(frozen=True)
class Ticket:
    """What the signed address of a payment page holds."""

    reference: str
    money: Money
    expires_at: datetime
    return_url: str


class SandboxGateway(Gateway):
    name = "sandbox"
    label = _("Pretend bank")
    summary = _("For trying out: no money moves")

    def __init__(self, *, secret: str, site_url: str) -> None:
        self._secret = secret
        self._site_url = site_url.rstrip("/")

    @property
    def is_configured(self) -> bool:
        return self._secret != ""

    @property
    def webhook_url(self) -> str:
        """Where its messages go: this site's own address, over real HTTP."""
        return f"{self._site_url}/webhooks/{self.name}"

    def can_take(self, money: Money) -> bool:
        return money.amount > 0

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        ticket = Ticket(request.reference, request.money, request.expires_at, request.return_url)
        return CheckoutPage(url=f"{self._site_url}/sandbox/pay/{self.token_of(ticket)}")

    def token_of(self, ticket: Ticket) -> str:
        """Return the ticket as it stands in the address of its page, signed."""
        held = {
            "reference": ticket.reference,
            "amount": ticket.money.amount,
            "currency": ticket.money.currency,
            "expires_at": ticket.expires_at.isoformat(),
            "return_url": ticket.return_url,
        }
        return signing.dumps(held, salt=_SALT, compress=True)

    def read_ticket(self, token: str) -> Ticket:
        """Return what a payment page's address holds. Raises PaymentUnknown when it was not made here."""
        try:
            held = signing.loads(token, salt=_SALT)
        except signing.BadSignature:
            raise PaymentUnknown from None
        return Ticket(
            reference=held["reference"],
            money=Money(held["amount"], held["currency"]),
            expires_at=datetime.fromisoformat(held["expires_at"]),
            return_url=held["return_url"],
        )

    def answer_of(self, reference: str) -> Answer:
        """Return what became of a payment so far."""
        return Answer(self._entry(reference).get("status", Answer.OPEN))

    def decide(self, ticket: Ticket, answer: Answer) -> bytes:
        """Write the answer down and return the body of the message that tells of it.

        Each try is a transaction of its own, as with real gateways.
        """
        entry = {
            "id": f"evt_{secrets.token_hex(12)}",
            "reference": ticket.reference,
            "transaction_id": f"sbx_{secrets.token_hex(8)}",
            "status": answer.value,
            "amount": ticket.money.amount,
            "currency": ticket.money.currency,
            "at": timezone.now().isoformat(),
        }
        cache.set(_key(ticket.reference), entry, _KEPT_SECONDS)
        return json.dumps(entry, separators=(",", ":")).encode()

    def sign(self, body: bytes) -> str:
        """Return the header that proves the sender, as of now."""
        at = int(time.time())
        return f"t={at},v1={self._digest(at, body)}"

    def verify_message(self, headers: Mapping[str, str], body: bytes) -> None:
        found = _SIGNATURE.fullmatch(headers.get(HEADER) or "")
        if found is None:
            raise BadSignature("the signature is missing or cannot be read")
        at = int(found[1])
        if not hmac.compare_digest(self._digest(at, body), found[2]):
            raise BadSignature("the signature does not match")
        if abs(time.time() - at) > TOLERANCE:
            raise BadSignature("the signature is too old, or ahead of our clock")

    def read_message(self, body: bytes) -> GatewayMessage:
        """Read a message; its signature covers all of it, so it can be trusted as it stands."""
        try:
            entry = json.loads(body.decode("utf-8"))
            report = _report_of(entry)
            return GatewayMessage(entry["id"], report.reference, report.status, report.external_id, report)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadMessage("the body is not a message of the sandbox") from None

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        entry = self._entry(attempt.reference)
        return _report_of(entry) if entry else PaymentReport(attempt.reference, Outcome.PENDING, detail="not begun")

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        return self.fetch_report(attempt)

    def send_refund(self, request: RefundRequest) -> RefundReport:
        raise RefundByHand("not asked of the pretend bank yet")

    def _entry(self, reference: str) -> dict[str, Any]:
        return cache.get(_key(reference)) or {}

    def _digest(self, at: int, body: bytes) -> str:
        return hmac.new(self._secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()


def _report_of(entry: dict[str, Any]) -> PaymentReport:
    status = str(entry["status"])
    known = status in [answer.value for answer in Answer]
    return PaymentReport(
        reference=str(entry["reference"]),
        outcome=_OUTCOMES[Answer(status)] if known else Outcome.UNKNOWN,
        status=status,
        external_id=str(entry["transaction_id"]),
        money=Money(entry["amount"], entry["currency"]),
        method="sandbox",
        paid_at=datetime.fromisoformat(entry["at"]),
    )


def _key(reference: str) -> str:
    return f"payments.sandbox.{reference}"
