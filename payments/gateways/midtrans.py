"""Midtrans Snap: a hosted page for cards, transfers, wallets and shops in Indonesia. Rupiah only, in whole rupiah.

Its signature covers neither status nor currency nor transaction, so a message is a hint: what is true is asked
with GET status. Status codes inside an answer count more than HTTP's, which may be 200 for an unknown payment.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.errors import BadMessage, BadSignature, GatewayError, GatewayRefused, GatewayUnavailable, RefundByHand
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
    RefundState,
)
from payments.gateways.http import TIME_LIMIT, TIMEOUTS, Patience
from payments.gateways.midtrans_api import MidtransApi
from payments.gateways.midtrans_refunds import NOT_ALLOWED, require_refundable, what_to_do
from payments.gateways.midtrans_words import (
    UUID,
    ZONE,
    Answer,
    is_about,
    outcome_of,
    refund_with_key,
    report_of,
    text,
)

_SIGNED = ("order_id", "status_code", "gross_amount")
_DONE, _SAME_KEY, _TOO_LATE = "200", "406", "412"
_OVER = (Outcome.EXPIRED, Outcome.CANCELLED)
_ROUNDS = 4  # of closing: between looking and closing the payer may choose a way to pay, or another one


class MidtransGateway(Gateway):
    name = "midtrans"
    label = "Midtrans"
    summary = _("Bank transfer, QRIS, e-wallet, card or a shop")
    longest_page = timedelta(days=6, hours=23)  # Snap takes seven days at most
    bad_message_status = 403

    def __init__(
        self,
        *,
        server_key: str,
        snap_url: str,
        api_url: str,
        timeouts: tuple[float, float] = TIMEOUTS,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        """`timeouts` (to connect, between two bytes) and `time_limit` (for a whole answer) are in seconds."""
        self._server_key = server_key
        self._api = MidtransApi(server_key, snap_url=snap_url, api_url=api_url, patience=Patience(timeouts, time_limit))

    @property
    def is_configured(self) -> bool:
        return self._server_key != ""

    def can_take(self, money: Money) -> bool:
        return money.currency == "IDR" and money.amount > 0

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        """Create a Snap transaction. Its order_id is the attempt's reference, so that each attempt has its own."""
        return self._api.open_page(_snap_body(request))

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
        transaction = text(message, "transaction_id")  # not signed: whatever is no UUID is not used
        kind = text(message, "transaction_status").lower()
        return GatewayMessage(
            # Midtrans numbers no messages, and order and status together are too coarse: two partial
            # refunds differ only in their amounts.
            dedupe_key=hashlib.sha256(body).hexdigest(),
            reference=text(message, "order_id"),
            kind=kind,
            external_id=transaction if UUID.fullmatch(transaction) else "",
            claims_money=outcome_of(kind, "") is Outcome.PAID,
        )

    def confirm_message(self, message: GatewayMessage, attempt: Attempt | None = None) -> PaymentReport:
        """Ask; the message waits for an answer about the transaction that it names, or a second payment would be missed."""
        report = super().confirm_message(message, attempt)
        if report.outcome is not Outcome.PAID or report.external_id == message.external_id:
            return report
        told = self._report_of_transaction(message.external_id, message.reference)
        return replace(told, others=(report,)) if told is not None and told.outcome is Outcome.PAID else report

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        """Ask by order_id; if another transaction of the order is meant, ask for that one too.

        One Snap order can yield several transactions (declined, declined, settled), and which of them GET status
        shows is not documented. The paid one counts; whoever has paid twice on one page is told of by both.
        """
        answer = self._api.status_of(attempt.reference)
        report = report_of(answer) if answer else PaymentReport(attempt.reference, Outcome.PENDING, detail="not begun")
        if report.external_id == attempt.external_id:
            return report
        if report.outcome is Outcome.PAID:
            return self._with_other_paid(report, attempt)
        other = self._report_of_transaction(attempt.external_id, attempt.reference)
        if other is None:
            return report
        return other if other.outcome is Outcome.PAID or report.external_id == "" else report

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        """Expire what was begun, close the page, and return what is true then.

        Nothing is cancelled that a card's bank has agreed to: that is paid. Raises GatewayUnavailable; GatewayRefused
        where Snap leaves the page open: its token was lost, or its own documents that deny such a call are right.
        """
        for _round in range(_ROUNDS):
            report = self.fetch_report(attempt)
            if report.outcome not in (Outcome.PENDING, Outcome.FAILED, *_OVER):
                return report
            if report.outcome is Outcome.PENDING and report.external_id:
                self._api.change(report.external_id, "expire")
                continue
            trouble = self._api.close_page(attempt.token)  # whatever ended on it: something else may be begun there
            after = self.fetch_report(attempt)
            if (after.outcome, after.external_id) != (report.outcome, report.external_id):
                continue
            if trouble and after.outcome not in _OVER:
                raise GatewayRefused(trouble)
            is_begun = after.external_id != ""
            return after if is_begun else replace(after, outcome=Outcome.CANCELLED, detail="closed before it was begun")
        raise GatewayUnavailable("it is being paid again and again while it is closed")

    def send_refund(self, request: RefundRequest) -> RefundReport:
        """Send back by `refund_key`; a card payment that is not settled yet is voided, if it is all of it."""
        paid = self._paid(request.attempt)
        if known := refund_with_key(paid, request.key):
            return known
        if request.money == request.received and text(paid, "transaction_status").lower() in ("capture", "cancel"):
            return self._void(paid, request)
        require_refundable(paid, request, now=timezone.now())
        asked = {"refund_key": request.key, "amount": request.money.amount, "reason": request.reason[:255]}
        code, words = self._api.change(text(paid, "transaction_id"), "refund", asked)
        if sent := refund_with_key(self._paid(request.attempt), request.key):
            return sent
        if code == _DONE:
            return RefundReport(request.key, RefundState.PENDING, request.money, request.key, "requested", timezone.now())
        if code == _SAME_KEY:
            raise GatewayUnavailable(f"this refund was asked for before, but is not shown yet: {words}")
        if code == _TOO_LATE:
            raise RefundByHand(NOT_ALLOWED(todo=what_to_do(paid, request)))
        raise GatewayRefused(f"the refund was refused ({code}): {words}")

    def _void(self, paid: Answer, request: RefundRequest) -> RefundReport:
        """Give back a captured card payment: its bank has set the money aside, but has not handed it over."""
        transaction = text(paid, "transaction_id")
        if text(paid, "transaction_status").lower() == "capture":
            code, words = self._api.change(transaction, "cancel")
            if code != _DONE:  # settled meanwhile, perhaps: asked again it is refunded
                raise GatewayUnavailable(f"voiding answered {code}: {words}")
        # From now on GET status says "cancel": settlement knows such a word about what was paid by the same number.
        return RefundReport(f"void-{transaction}", RefundState.SUCCEEDED, request.money, request.key, "cancel")

    def _paid(self, attempt: Attempt) -> Answer:
        """Return the answer about the transaction that was paid. Raises GatewayRefused if nothing was begun."""
        answer = self._answer_of_transaction(attempt.external_id, attempt.reference)
        answer = answer or self._api.status_of(attempt.reference)
        if answer is None:
            raise GatewayRefused("there is nothing to send back: nobody has begun to pay")
        return answer

    def _with_other_paid(self, report: PaymentReport, attempt: Attempt) -> PaymentReport:
        """Return what is true of the transaction that is meant if it was paid as well, and with it what GET status shows.

        Money that is seen waits for no second question.
        """
        try:
            meant = self._report_of_transaction(attempt.external_id, attempt.reference)
        except GatewayError:
            return report
        return replace(meant, others=(report,)) if meant is not None and meant.outcome is Outcome.PAID else report

    def _report_of_transaction(self, identity: str, reference: str) -> PaymentReport | None:
        answer = self._answer_of_transaction(identity, reference)
        return report_of(answer) if answer else None

    def _answer_of_transaction(self, identity: str, reference: str) -> Answer | None:
        """Return what GET status says of one transaction; None if it is none, or belongs to another order."""
        found = self._api.status_of(identity) if UUID.fullmatch(identity) else None
        return found if found is not None and is_about(found, reference) else None


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
            "start_time": request.made_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S +0700"),
            "unit": "minutes",
            "duration": minutes,
        },
        "callbacks": {"finish": request.return_url},
        "custom_field1": request.reference,  # DANA gives orders numbers of its own, but echoes this
    }


def _item(item: CheckoutItem) -> dict[str, Any]:
    return {"id": item.id[:50], "price": item.money.amount, "quantity": 1, "name": item.name[:50]}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadMessage("the body is not JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise BadMessage("the body is not a JSON object")
    return message
