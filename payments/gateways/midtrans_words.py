"""Midtrans' answers in our words: amounts are decimal texts in rupiah, times are Jakarta's without saying so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bookings.money import Money
from payments.gateways.base import (
    DisputeReport,
    DisputeState,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundState,
)

Answer = Mapping[str, Any]

ZONE = ZoneInfo("Asia/Jakarta")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CHARGED_BACK = ("chargeback", "partial_chargeback")
_OUR_KEY = re.compile(r"RF-[0-9A-Z]+(-[0-9]+)?")
_RENUMBERED = "dana"  # its order_id may differ from ours

_OUTCOMES = {
    "pending": Outcome.PENDING,
    "authorize": Outcome.REVIEW,
    "capture": Outcome.PAID,
    "settlement": Outcome.PAID,
    "deny": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "cancel": Outcome.CANCELLED,
    "expire": Outcome.EXPIRED,
    "refund": Outcome.PAID,
    "partial_refund": Outcome.PAID,
    "chargeback": Outcome.PAID,
    "partial_chargeback": Outcome.PAID,
}
_REFUNDED = ("refund", "partial_refund")
_GONE_BACK = (*_REFUNDED, *CHARGED_BACK)  # it was paid, whatever became of the money


def outcome_of(status: str, fraud: str) -> Outcome:
    """Return what a transaction_status and a fraud_status mean together, whatever their case.

    "accept" comes with failures too and proves nothing alone; whatever else it says, money is not paid that has not been
    accepted. What has gone back was paid before: refunds and disputes tell of that.
    """
    outcome = _OUTCOMES.get(status.lower(), Outcome.UNKNOWN)
    is_doubted = fraud.lower() not in ("", "accept") and status.lower() not in _GONE_BACK
    return Outcome.REVIEW if outcome is Outcome.PAID and is_doubted else outcome


def report_of(answer: Answer) -> PaymentReport:
    """Return what an answer of GET status says."""
    status, fraud = text(answer, "transaction_status").lower(), text(answer, "fraud_status").lower()
    return PaymentReport(
        reference=reference_of(answer),
        outcome=outcome_of(status, fraud),
        status=status[:60],
        external_id=text(answer, "transaction_id")[:200],
        money=money_of(answer, "gross_amount"),
        method=text(answer, "payment_type")[:50],
        paid_at=time_of(answer, "settlement_time") or time_of(answer, "transaction_time"),
        detail=f"{status}, fraud {fraud or 'not said'}"[:200],
        refunds=refunds_of(answer),
        disputes=_disputes_of(answer),
    )


def reference_of(answer: Answer) -> str:
    """Return which payment of ours an answer is about: DANA numbers orders anew, but echoes what we gave it."""
    echoed = text(answer, "custom_field1")
    is_renumbered = text(answer, "payment_type").lower() == _RENUMBERED and echoed != ""
    return echoed if is_renumbered else text(answer, "order_id")


def is_about(answer: Answer, reference: str) -> bool:
    """True unless an answer is about another payment. DANA's without an echo is for a person to look at: settlement asks."""
    is_odd = text(answer, "payment_type").lower() == _RENUMBERED and not text(answer, "custom_field1")
    return is_odd or reference_of(answer) == reference


def refunds_of(answer: Answer) -> Sequence[RefundReport]:
    """Return every refund in an answer, whoever asked for it.

    A message comes when a refund is asked for and another, with `bank_confirmed_at`, when the payer's bank has it:
    until then it is under way. The top-level status and `refund_amount` add them all up and tell of no single one:
    where they are all there is, a refund without a sum makes a person look.
    """
    listed = answer.get("refunds")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    if not entries and text(answer, "transaction_status").lower() in _REFUNDED:
        return (RefundReport(f"refunded-{text(answer, 'transaction_id')}"[:200], RefundState.PENDING, status="not listed"),)
    currency = text(answer, "currency").upper()
    return tuple(_refund_of({**entry, "currency": currency}) for entry in entries)


def refund_with_key(answer: Answer, key: str) -> RefundReport | None:
    return next((refund for refund in refunds_of(answer) if refund.key == key), None)


def _refund_of(entry: Answer) -> RefundReport:
    key, number = text(entry, "refund_key"), entry.get("refund_chargeback_id")
    is_numbered = isinstance(number, int | str) and not isinstance(number, bool) and number != ""
    is_confirmed = text(entry, "bank_confirmed_at") != ""
    return RefundReport(
        external_id=(key or (str(number) if is_numbered else text(entry, "created_at")))[:200],
        state=RefundState.SUCCEEDED if is_confirmed else RefundState.PENDING,
        money=money_of(entry, "refund_amount"),
        key=key if _OUR_KEY.fullmatch(key) else "",  # the dashboard makes keys of its own
        status="confirmed by the bank" if is_confirmed else "requested",
        made_at=time_of(entry, "created_at"),
        detail=text(entry, "reason")[:200],
    )


def _disputes_of(answer: Answer) -> Sequence[DisputeReport]:
    """Return the chargeback of a transaction: Midtrans has no number for it, and does not tell how it ends."""
    status = text(answer, "transaction_status").lower()
    if status not in CHARGED_BACK:
        return ()
    money = money_of(answer, "gross_amount")
    if status == "partial_chargeback":
        money = _charged_back(answer)
    transaction = text(answer, "transaction_id")[:180]
    return (DisputeReport(f"chargeback-{transaction}", DisputeState.OPEN, money, status=status),)


def _charged_back(answer: Answer) -> Money | None:
    """Return the part that the bank took: `refund_amount` adds up refunds and chargebacks."""
    gone = money_of(answer, "refund_amount")
    for refund in refunds_of(answer) if gone else ():
        gone = gone - refund.money if gone and refund.money else gone
    return gone if gone and gone.amount > 0 else None


def money_of(answer: Answer, field: str) -> Money | None:
    """Return the money of a field such as "150000.00"; None if it cannot be read or kept."""
    try:
        money = Money.from_decimal(text(answer, field), text(answer, "currency").upper())
    except ValueError:
        return None
    return money if abs(money.amount) < 2**62 else None


def time_of(answer: Answer, field: str) -> datetime | None:
    try:
        return datetime.strptime(text(answer, field), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    except ValueError:
        return None


def text(answer: Answer, field: str) -> str:
    value = answer.get(field)
    return value if isinstance(value, str) else ""


def said(words: Any) -> str:
    """Return a vendor's own words for the log, shortened."""
    return "; ".join(str(word) for word in words)[:200] if isinstance(words, list) else str(words or "")[:200]
