"""Midtrans on a local port: Snap under `/snap/v1`, the Core API under `/v2`."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from bookings.doubles.server import Answer, Request
from payments.doubles.midtrans_books import Transaction, written
from payments.doubles.midtrans_people import MidtransPeople
from payments.doubles.midtrans_rules import SnapError, page_of, read_object, refund_trouble

_REMEMBERED = 300  # seconds that an Idempotency-Key lasts
_LONGEST_KEY = 46  # a longer one is ignored
_UNTOUCHABLE = "Merchant cannot modify the status of the transaction"


class MidtransDouble(MidtransPeople):
    """Both of its hosts in one, which a path's beginning tells apart."""

    def __init__(self, *, server_key: str, port: int = 0, silence: float = 60, seed: int = 1) -> None:
        super().__init__(server_key=server_key, port=port, silence=silence, seed=seed)
        self.shown = -1  # which of an order's transactions GET status shows: it is not documented
        self.knows_page_cancel = True  # an older FAQ says that there is no such call
        self.refuses_known_refund_keys = False  # 406 instead of the same refund again
        self._answers: dict[str, tuple[float, Answer]] = {}
        credentials = base64.b64encode(f"{server_key}:".encode()).decode()
        self._authorization = f"Basic {credentials}"

    def answer(self, request: Request) -> Answer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        is_snap = parts[:2] == ["snap", "v1"]
        if request.headers.get("Authorization") != self._authorization:
            said = "Access denied due to unauthorized transaction, please check client or server key"
            return Answer(401, {"error_messages": [said]}) if is_snap else _core("401", said)
        if is_snap:
            return self._snap(request, parts[2:])
        if parts[0] == "v2" and len(parts) == 3:
            return self._core(request, identity=parts[1], verb=parts[2])
        return Answer(404, {"error_messages": ["no such address"]})

    def error(self, status: int) -> Answer:
        """Return a 500 or 429 that either API could have sent."""
        said = "Sorry, we encountered internal server error. We will fix this soon."
        return Answer(status, {"status_code": str(status), "status_message": said, "error_messages": [said]})

    def _snap(self, request: Request, parts: list[str]) -> Answer:
        if request.method == "POST" and parts == ["transactions"]:
            return self._make_page(request)
        if request.method == "POST" and len(parts) == 3 and parts[2] == "cancel" and self.knows_page_cancel:
            return self._cancel_page(parts[1])
        return Answer(404, {"error_messages": ["no such address"]})

    def _make_page(self, request: Request) -> Answer:
        try:
            page = page_of(request.body)
        except SnapError as error:
            return Answer(400, {"error_messages": [str(error)]})
        before = self.pages.get(page.order_id)
        if before is not None and before.is_used:
            said = "transaction_details.order_id has been paid and utilized, please use another order ID"
            return Answer(400, {"error_messages": [said]})
        page.transactions = before.transactions if before else []
        self.pages[page.order_id] = page
        return Answer(201, {"token": page.token, "redirect_url": f"{self.url}/snap/v3/redirection/{page.token}"})

    def _cancel_page(self, token: str) -> Answer:
        page = next((one for one in self.pages.values() if one.token == token), None)
        if page is None:
            return Answer(404, {"error_messages": ["token not found"]})
        if token in page.closed_tokens:
            return Answer(400, {"error_messages": ["token already canceled"]})
        if page.is_used:
            return Answer(400, {"error_messages": ["Transaction is on progress"]})
        page.closed_tokens.add(token)
        return Answer(200, {"canceled_at": written(datetime.now(UTC))})

    def _core(self, request: Request, *, identity: str, verb: str) -> Answer:
        found = self._find(identity)
        if found is None:
            said = "Transaction doesn't exist."
            return Answer(200, {"status_code": "404", "status_message": said, "id": str(uuid.uuid4())})
        if request.method == "GET" and verb == "status":
            code = {"pending": "201", "deny": "202", "expire": "407"}.get(found.status, "200")
            return _core(code, "Success, transaction is found", found.facts())
        verbs: dict[str, Callable[[Transaction, Request], Answer]] = {
            "cancel": self._cancel,
            "expire": self._expire,
            "refund": self._refund,
        }
        if request.method != "POST" or verb not in verbs:
            return _core("404", "no such address")
        return self._once(request, lambda: verbs[verb](found, request))

    def _once(self, request: Request, act: Callable[[], Answer]) -> Answer:
        """Remember a success under its Idempotency-Key, whatever the body and the address."""
        key = request.headers.get("Idempotency-Key", "")
        at, known = self._answers.get(key, (0.0, None))
        if known is not None and time.monotonic() - at < _REMEMBERED:
            return known
        answer = act()
        if 0 < len(key) <= _LONGEST_KEY and answer.body["status_code"] in ("200", "407"):
            self._answers[key] = (time.monotonic(), answer)
        return answer

    def _cancel(self, found: Transaction, request: Request) -> Answer:
        if found.status not in ("pending", "authorize", "capture"):
            return _core("412", _UNTOUCHABLE)
        self._tell(found, "cancel")
        return _core("200", "Success, transaction is canceled", found.facts())

    def _expire(self, found: Transaction, request: Request) -> Answer:
        if found.status != "pending":
            return _core("412", _UNTOUCHABLE)
        self._tell(found, "expire")
        return _core("407", "Success, transaction has expired", found.facts())

    def _refund(self, found: Transaction, request: Request) -> Answer:
        asked = read_object(request.body)
        key, amount = asked.get("refund_key"), asked.get("amount")
        known = next((one for one in found.refunds if one["refund_key"] == key), None)
        if known is not None and not self.refuses_known_refund_keys and known["refund_amount"] == f"{amount}.00":
            return self._refunded(found, known)
        if trouble := refund_trouble(found, key, amount, is_known=known is not None):
            return _core(*trouble)
        refund = found.add_refund(int(str(amount)), key=str(key), reason=str(asked.get("reason", "")))
        self._tell(found)
        return self._refunded(found, refund)

    def _refunded(self, found: Transaction, refund: dict[str, Any]) -> Answer:
        facts = {name: value for name, value in found.facts().items() if name != "refunds"}
        named = {name: refund[name] for name in ("refund_key", "refund_chargeback_id")}
        return _core("200", "Success, refund request is approved", {**facts, **named})

    def _find(self, identity: str) -> Transaction | None:
        if identity in self.pages:
            transactions = self.pages[identity].transactions
            return transactions[self.shown] if transactions else None
        every = (one for page in self.pages.values() for one in page.transactions)
        return next((one for one in every if one.id == identity), None)


def _core(code: str, said: str, facts: dict[str, Any] | None = None) -> Answer:
    """Return an answer of the Core API: its code is in the body, HTTP says 200 whatever happened."""
    return Answer(200, {"status_code": code, "status_message": said, **(facts or {})})
