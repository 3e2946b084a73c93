"""What the pretend Midtrans keeps: pages, the transactions begun on them, refunds; and how it tells of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Jakarta")
OVER = ("expire", "cancel")  # after these the order's number may be used again
TAKEN = ("capture", "settlement", "refund", "partial_refund", "chargeback", "partial_chargeback")
_CODES = {"pending": "201", "deny": "202", "cancel": "202", "expire": "202"}  # of notifications
_EXTRAS: dict[str, dict[str, Any]] = {
    "credit_card": {"masked_card": "48111111-1114", "bank": "bni", "eci": "05"},
    "bank_transfer": {"va_numbers": [{"va_number": "812785002530231", "bank": "bca"}], "payment_amounts": []},
    "echannel": {"biller_code": "70012", "bill_key": "990000000260"},
    "qris": {"acquirer": "gopay", "issuer": "gopay", "transaction_type": "on-us"},
    "cstore": {"store": "indomaret", "payment_code": "25709650945026"},
}


def written(at: datetime) -> str:
    """Return a time as Midtrans writes it: Jakarta's, without saying so."""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


@dataclass
class Transaction:
    """One try to pay on a page."""

    order_id: str
    method: str
    amount: int  # whole rupiah
    status: str = "pending"
    fraud: str = "accept"
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    settled_at: datetime | None = None
    is_agreed: bool = False  # a card's bank has
    charged_back: int = 0
    refunds: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)  # what it shows otherwise than usual; None takes a field out
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def refunded(self) -> int:
        return sum(int(refund["refund_amount"].partition(".")[0]) for refund in self.refunds)

    def facts(self) -> dict[str, Any]:
        """Return what messages and GET status tell alike."""
        told: dict[str, Any] = {
            "transaction_time": written(self.begun_at),
            "transaction_status": self.status,
            "transaction_id": self.id,
            "payment_type": self.method,
            "order_id": self.order_id,
            "merchant_id": "G000000001",
            "gross_amount": f"{self.amount}.00",
            "currency": "IDR",
            "fraud_status": self.fraud,
            **_EXTRAS.get(self.method, {}),
        }
        if self.is_agreed:
            told["approval_code"] = "1767225731"
        if self.settled_at:
            told["settlement_time"] = written(self.settled_at)
        if self.refunds or self.charged_back:
            told["refund_amount"] = f"{self.refunded + self.charged_back}.00"
        if self.refunds:
            told["refunds"] = [dict(refund) for refund in self.refunds]
        told |= self.changes
        return {name: value for name, value in told.items() if value is not None}

    def notification(self, server_key: str) -> bytes:
        """Return the message of its present state, with its signature."""
        facts = self.facts()
        told = {**facts, "status_code": _CODES.get(self.status, "200"), "status_message": "midtrans payment notification"}
        return sign(told, server_key)

    def add_refund(self, amount: int, *, key: str, reason: str) -> dict[str, Any]:
        """Send money back, at once as far as the payer's bank is asked; it confirms later."""
        refund = {
            "refund_chargeback_id": len(self.refunds) + 1,
            "refund_amount": f"{amount}.00",
            "created_at": written(datetime.now(UTC)),
            "reason": reason,
            "refund_key": key,
            "refund_method": "normal",
        }
        self.refunds.append(refund)
        self.status = "refund" if self.refunded == self.amount else "partial_refund"
        return refund


@dataclass
class Page:
    """An order's payment page; each time it is made again the token before is worth nothing."""

    order_id: str
    amount: int
    token: str
    ends_at: datetime
    request: dict[str, Any]
    closed_tokens: set[str] = field(default_factory=set)
    is_expired: bool = False
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """True while a transaction on it keeps its number from being used again."""
        return any(one.status not in OVER for one in self.transactions)

    @property
    def is_open(self) -> bool:
        is_paid = any(one.status in TAKEN for one in self.transactions)
        is_over = self.is_expired or self.token in self.closed_tokens or datetime.now(UTC) >= self.ends_at
        return not is_paid and not is_over


def sign(told: dict[str, Any], server_key: str) -> bytes:
    """Return the body of a message with `signature_key` over its order, code and amount."""
    exact = f"{told.get('order_id', '')}{told['status_code']}{told.get('gross_amount', '')}{server_key}"
    return json.dumps({**told, "signature_key": hashlib.sha512(exact.encode()).hexdigest()}).encode()
