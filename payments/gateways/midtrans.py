"""Midtrans Snap: a hosted page for cards, transfers, wallets and shops in Indonesia. Rupiah only, in whole rupiah.

Its signature covers neither status nor currency nor transaction, so a message is a hint: what is true is asked
with GET status. Status codes inside an answer count more than HTTP's, which may be 200 for an unknown payment.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.errors import BadMessage, BadSignature, GatewayRefused, GatewayUnavailable, RefundByHand
from payments.gateways.base import (
    Attempt,
    CheckoutItem,
    CheckoutPage,
    CheckoutRequest,
    Gateway,
    GatewayMessage,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundRequest,
)
from payments.gateways.http import call_json

_ZONE = ZoneInfo("Asia/Jakarta")  # its times carry no offset and mean GMT+7
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SIGNED = ("order_id", "status_code", "gross_amount")
_NOT_STARTED = "404"
_MAY_ANSWER_OTHERWISE = "dana"  # its order_id may differ from the one asked for: settlement then asks a person

_OUTCOMES = {
    "pending": Outcome.PENDING,
    "authorize": Outcome.REVIEW,
    "capture": Outcome.PAID,
    "settlement": Outcome.PAID,
    "deny": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "cancel": Outcome.CANCELLED,
    "expire": Outcome.EXPIRED,
    "refund": Outcome.RETURNED,
    "partial_refund": Outcome.RETURNED,
    "chargeback": Outcome.RETURNED,
    "partial_chargeback": Outcome.RETURNED,
}


class MidtransGateway(Gateway):
    name = "midtrans"
    label = "Midtrans"
    summary = _("Bank transfer, QRIS, e-wallet, card or a shop")
    longest_page = timedelta(days=6, hours=23)  # Snap takes seven days at most
    bad_message_status = 403

    def __init__(self, *, server_key: str, snap_url: str, api_url: str) -> None:
        self._server_key = server_key
        self._snap_url = snap_url.rstrip("/")
        self._api_url = api_url.rstrip("/")

    @property
    def is_configured(self) -> bool:
        return self._server_key != ""

    def can_take(self, money: Money) -> bool:
        return money.currency == "IDR" and money.amount > 0

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        """Create a Snap transaction. Its order_id is the attempt's reference, so that each attempt has its own."""
        url = f"{self._snap_url}/transactions"
        status, answer = call_json("POST", url, auth=(self._server_key, ""), body=_snap_body(request))
        if status == 201:
            return self._page_of(answer)
        said = _said(answer.get("error_messages"))
        if status in (202, 429) or status >= 500:  # 202: an earlier copy of this request is still running
            raise GatewayUnavailable(f"Snap answered HTTP {status}: {said}")
        raise GatewayRefused(f"Snap answered HTTP {status}: {said}")

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        return self.fetch_report(attempt)

    def send_refund(self, request: RefundRequest) -> RefundReport:
        raise RefundByHand("not asked of Midtrans yet")

    def verify_message(self, headers: Mapping[str, str], body: bytes) -> None:
        message = _parse(body)
        signature = message.get("signature_key")
        signed = [message.get(name) for name in _SIGNED]
        if not isinstance(signature, str) or not all(isinstance(part, str) for part in signed):
            raise BadSignature("a signed field is missing or is no text")
        # The exact texts received: "150000.00" written as 150000 has another digest.
        exact = "".join([*map(str, signed), self._server_key]).encode("utf-8", "surrogatepass")
        expected = hashlib.sha512(exact).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
            raise BadSignature("the signature does not match")

    def read_message(self, body: bytes) -> GatewayMessage:
        message = _parse(body)
        transaction = _text(message, "transaction_id")  # not signed: whatever is no UUID is not used
        kind = _text(message, "transaction_status").lower()
        return GatewayMessage(
            # Midtrans numbers no messages, and order and status together are too coarse: two partial
            # refunds differ only in their amounts.
            dedupe_key=hashlib.sha256(body).hexdigest(),
            reference=_text(message, "order_id"),
            kind=kind,
            external_id=transaction if _UUID.fullmatch(transaction) else "",
            claims_money=_OUTCOMES.get(kind) is Outcome.PAID,
        )

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        """Ask by order_id; if another transaction of the order is meant, ask for that one too.

        One Snap order can yield several transactions (declined, declined, settled), and which of them GET status
        shows is not documented. The paid one counts.
        """
        reference = attempt.reference
        report = self._fetch(reference) or PaymentReport(reference, Outcome.PENDING, detail="not begun")
        if report.outcome is Outcome.PAID or report.external_id == attempt.external_id:
            return report
        other = self._fetch_transaction(attempt.external_id, reference)
        if other is None:
            return report
        return other if other.outcome is Outcome.PAID or report.external_id == "" else report

    def confirm_message(self, message: GatewayMessage, attempt: Attempt | None = None) -> PaymentReport:
        """Ask, and where GET status shows another paid transaction, ask for the one that the message names as well.

        Whoever has paid twice on one page is told of by two messages: each must be seen.
        """
        report = self.fetch_report(Attempt(message.reference, external_id=message.external_id))
        if report.outcome is not Outcome.PAID or report.external_id == message.external_id:
            return report
        other = self._fetch_transaction(message.external_id, message.reference)
        return other if other is not None and other.outcome is Outcome.PAID else report

    def _fetch_transaction(self, identity: str, reference: str) -> PaymentReport | None:
        """Return what GET status says of one transaction; None if it is none, or belongs to another order."""
        found = self._fetch(identity) if _UUID.fullmatch(identity) else None
        if found is None or (found.reference != reference and found.method != _MAY_ANSWER_OTHERWISE):
            return None
        return found

    def _fetch(self, identity: str) -> PaymentReport | None:
        """Return what GET status says; None if Midtrans knows no such payment (the payer has not begun)."""
        url = f"{self._api_url}/v2/{quote(identity, safe='')}/status"
        status, answer = call_json("GET", url, auth=(self._server_key, ""))
        code = str(answer.get("status_code") or status)
        if code == _NOT_STARTED:
            return None
        if "transaction_status" in answer:
            return _report_of(answer)
        said = _said(answer.get("status_message"))
        if code.startswith("4") and code != "429":
            raise GatewayRefused(f"GET status answered {code}: {said}")
        raise GatewayUnavailable(f"GET status answered {code}: {said}")

    def _page_of(self, answer: dict[str, Any]) -> CheckoutPage:
        token, url = answer.get("token"), answer.get("redirect_url")
        allowed = {"https", urlsplit(self._snap_url).scheme}
        if not isinstance(token, str) or not isinstance(url, str) or urlsplit(url).scheme not in allowed or len(url) > 1000:
            raise GatewayUnavailable("Snap answered without a payment page")
        return CheckoutPage(url=url, token=token[:200])


def _snap_body(request: CheckoutRequest) -> dict[str, Any]:
    minutes = max(1, (request.expires_at - request.made_at) // timedelta(minutes=1))
    return {
        "transaction_details": {"order_id": request.reference, "gross_amount": request.money.amount},
        "item_details": [_item(item) for item in request.items],
        # A BCA virtual account takes names of 30 letters at most.
        "customer_details": {"first_name": request.payer_name[:30], "email": request.payer_email[:255]},
        "credit_card": {"secure": True},
        # Without start_time the clock would begin when the payer picks a method, and run past our deadline.
        "expiry": {
            "start_time": request.made_at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S +0700"),
            "unit": "minutes",
            "duration": minutes,
        },
        "callbacks": {"finish": request.return_url},
    }


def _item(item: CheckoutItem) -> dict[str, Any]:
    return {"id": item.id[:50], "price": item.money.amount, "quantity": 1, "name": item.name[:50]}


def _report_of(answer: dict[str, Any]) -> PaymentReport:
    status, fraud = _text(answer, "transaction_status").lower(), _text(answer, "fraud_status").lower()
    outcome = _OUTCOMES.get(status, Outcome.UNKNOWN)
    if outcome is Outcome.PAID and fraud not in ("", "accept"):
        outcome = Outcome.REVIEW
    return PaymentReport(
        reference=_text(answer, "order_id"),
        outcome=outcome,
        status=status[:60],
        external_id=_text(answer, "transaction_id")[:200],
        money=_money(answer, "gross_amount"),
        returned=_money(answer, "refund_amount") if outcome is Outcome.RETURNED else None,
        method=_text(answer, "payment_type")[:50],
        paid_at=_time(answer, "settlement_time") or _time(answer, "transaction_time"),
        detail=f"{status}, fraud {fraud or 'not said'}"[:200],
    )


def _money(answer: dict[str, Any], field: str) -> Money | None:
    """Return the money of a field such as "150000.00"; None if it cannot be read or kept."""
    try:
        money = Money.from_decimal(_text(answer, field), _text(answer, "currency").upper())
    except ValueError:
        return None
    return money if abs(money.amount) < 2**62 else None


def _time(answer: dict[str, Any], field: str) -> datetime | None:
    try:
        return datetime.strptime(_text(answer, field), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_ZONE)
    except ValueError:
        return None


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadMessage("the body is not JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise BadMessage("the body is not a JSON object")
    return message


def _text(message: dict[str, Any], field: str) -> str:
    value = message.get(field)
    return value if isinstance(value, str) else ""


def _said(words: Any) -> str:
    """Return a vendor's own words for the log, shortened."""
    return "; ".join(str(word) for word in words)[:200] if isinstance(words, list) else str(words or "")[:200]
