"""A pretend bank for demos and development (offered only while DEBUG is on). Nobody's money moves.

Its ledger is `sandbox_ledger.py`, its page `payments/views/sandbox.py`.
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

from django.core import signing
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.errors import BadMessage, BadSignature, GatewayRefused, PageOver, PaymentUnknown
from payments.gateways.base import (
    Attempt,
    CheckoutPage,
    CheckoutRequest,
    DisputeReport,
    DisputeState,
    Gateway,
    GatewayMessage,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundRequest,
    RefundState,
)
from payments.gateways.sandbox_ledger import Answer, Entry, Ledger

HEADER = "Sandbox-Signature"
TOLERANCE = 300  # seconds that a signature may be old, or ahead of our clock
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_SALT = "payments.gateways.sandbox"

_OUTCOMES = {
    Answer.OPEN: Outcome.PENDING,
    Answer.PAID: Outcome.PAID,
    Answer.FAILED: Outcome.FAILED,
    Answer.CANCELLED: Outcome.CANCELLED,
    Answer.EXPIRED: Outcome.EXPIRED,
    Answer.CLOSED: Outcome.CANCELLED,
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
        return Ledger(reference).answer

    def decide(self, ticket: Ticket, answer: Answer) -> bytes:
        """Write a try down and return the message that tells of it. Raises PageOver if it has ended otherwise.

        Each try is a transaction of its own, as with real gateways; what has ended stays as it is.
        """
        entry = Ledger(ticket.reference).write(answer, ticket.money)
        if entry["status"] != answer:
            raise PageOver
        return self.tell(ticket.reference)

    def take_late_money(self, ticket: Ticket) -> bytes:
        """Take money although the page is over, and return the message that tells of it."""
        Ledger(ticket.reference).write_late_money(ticket.money)
        return self.tell(ticket.reference)

    def dispute(self, ticket: Ticket, state: DisputeState) -> bytes:
        """Have the payer's bank dispute a paid payment, or decide; return the message that tells of it."""
        Ledger(ticket.reference).write_dispute(state)
        return self.tell(ticket.reference)

    def give_back(self, ticket: Ticket, money: Money) -> bytes:
        """Send money back from the bank's own pages; return the message that tells of it. Raises PageOver if it cannot."""
        if Ledger(ticket.reference).send_back(money, key=f"bank-{secrets.token_hex(4)}") is None:
            raise PageOver
        return self.tell(ticket.reference)

    def tell(self, reference: str) -> bytes:
        """Return the body of a message that tells all that is written down of a payment."""
        ledger = Ledger(reference)
        told = {"id": f"evt_{secrets.token_hex(12)}", **_facts_of(ledger)}
        return json.dumps(told, separators=(",", ":")).encode()

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
            told = json.loads(body.decode("utf-8"))
            report = _report_of(told)
            return GatewayMessage(told["id"], report.reference, report.status, report.external_id, report)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadMessage("the body is not a message of the sandbox") from None

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        ledger = Ledger(attempt.reference)
        if not ledger.entry:
            return PaymentReport(attempt.reference, Outcome.PENDING, detail="not begun")
        return _report_of(_facts_of(ledger))

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        Ledger(attempt.reference).write(Answer.CLOSED)
        return self.fetch_report(attempt)

    def send_refund(self, request: RefundRequest) -> RefundReport:
        """Send money back; it arrives at once."""
        refund = Ledger(request.attempt.reference).send_back(request.money, key=request.key)
        if refund is None:
            raise GatewayRefused("the pretend bank has not taken that much, or it has gone back already")
        return _refund_of(refund)

    def _digest(self, at: int, body: bytes) -> str:
        return hmac.new(self._secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()


def _facts_of(ledger: Ledger) -> Entry:
    return {**ledger.entry, "refunds": ledger.refunds(), "dispute": ledger.dispute}


def _report_of(told: Entry) -> PaymentReport:
    status = str(told["status"])
    known = status in [answer.value for answer in Answer]
    money = Money(told["amount"], told["currency"]) if told["amount"] is not None else None
    return PaymentReport(
        reference=str(told["reference"]),
        outcome=_OUTCOMES[Answer(status)] if known else Outcome.UNKNOWN,
        status=status,
        external_id=str(told["transaction_id"]),
        money=money,
        method="sandbox",
        paid_at=datetime.fromisoformat(told["at"]),
        refunds=tuple(_refund_of(refund) for refund in told.get("refunds", ())),
        disputes=(_dispute_of(told["dispute"], money),) if told.get("dispute") else (),
    )


def _refund_of(refund: Entry) -> RefundReport:
    return RefundReport(
        external_id=str(refund["id"]),
        state=RefundState.SUCCEEDED,
        money=Money(refund["amount"], refund["currency"]),
        key=str(refund["key"]),
        status="sent",
        made_at=datetime.fromisoformat(refund["at"]),
    )


def _dispute_of(dispute: Entry, money: Money | None) -> DisputeReport:
    state = DisputeState(dispute["state"])
    opened_at = datetime.fromisoformat(dispute["at"])
    return DisputeReport(str(dispute["id"]), state, money, status=state.value, reason="tried out", opened_at=opened_at)
