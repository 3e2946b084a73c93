"""What the pretend Midtrans refuses: pages asked for wrongly, and refunds that its ways to pay do not know."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from payments.doubles.midtrans_books import Page, Transaction

_SINGLE_REFUNDS = ("shopeepay", "ovo")  # in full only
_REFUNDABLE = ("credit_card", "gopay", "dana", "qris", "kredivo", "akulaku", *_SINGLE_REFUNDS)
_ORDER_ID = re.compile(r"[A-Za-z0-9\-_~.]{1,50}")
_REFUND_KEY = re.compile(r"[A-Za-z0-9\-_]+")
_LARGEST_REQUEST = 16 * 1024  # bytes
_UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


class SnapError(Exception):
    """The one sentence of an error answer."""


def page_of(body: bytes) -> Page:
    """Return the page that a request asks for. Raises SnapError."""
    asked = read_object(body)
    if not isinstance(asked.get("transaction_details"), dict):
        raise SnapError("transaction_details is required")
    order_id, amount = (asked["transaction_details"].get(name) for name in ("order_id", "gross_amount"))
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        raise SnapError("transaction_details.order_id is not valid")
    if not _is_whole(amount) or amount < 1:
        raise SnapError("transaction_details.gross_amount must be a whole number")
    _check_items(asked.get("item_details"), amount)
    _check_texts(asked)
    return Page(order_id, amount, str(uuid.uuid4()), _end_of(asked.get("expiry")), asked)


def read_object(body: bytes) -> dict[str, Any]:
    """Return what was sent; nothing of what is too large or no JSON object."""
    try:
        asked = json.loads(body) if len(body) <= _LARGEST_REQUEST else None
    except ValueError:
        asked = None
    return asked if isinstance(asked, dict) else {}


def refund_trouble(paid: Transaction, key: Any, amount: Any, *, is_known: bool) -> tuple[str, str] | None:
    """Return the code and sentence with which a refund is refused, if it is."""
    if not isinstance(key, str) or not _REFUND_KEY.fullmatch(key):
        return "400", "refund_key is not valid"
    if is_known:
        return "406", "Refund key is duplicated"
    if paid.status not in ("settlement", "partial_refund") or paid.method not in _REFUNDABLE:
        return "412", "Merchant cannot modify the status of the transaction"
    if not _is_whole(amount) or amount < 1 or paid.refunded + amount > paid.amount:
        return "414", "Refund request is rejected due to invalid amount"
    if paid.method in _SINGLE_REFUNDS and amount != paid.amount:
        return "414", "Refund request is rejected: partial refund is not allowed"
    return None


def _check_items(items: Any, amount: int) -> None:
    if items is None:
        return
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SnapError("item_details is not valid")
    for item in items:
        if not _is_whole(item.get("price")) or not _is_whole(item.get("quantity")) or item["quantity"] < 1:
            raise SnapError("item_details price and quantity must be whole numbers")
        if not item.get("name") or any(len(str(item.get(name, ""))) > 50 for name in ("id", "name")):
            raise SnapError("item_details name is required, and too long if over 50")
    if sum(item["price"] * item["quantity"] for item in items) != amount:
        raise SnapError("transaction_details.gross_amount is not equal to the sum of item_details")


def _check_texts(asked: dict[str, Any]) -> None:
    texts = [*asked.get("customer_details", {}).values(), *asked.get("callbacks", {}).values()]
    texts += [asked.get(f"custom_field{number}", "") for number in (1, 2, 3)]
    if any(isinstance(text, str) and len(text) > 255 for text in texts):
        raise SnapError("a text is too long (maximum is 255 characters)")


def _end_of(expiry: Any) -> datetime:
    """Return when the page ends; without `start_time` only when a way to pay is chosen would the clock begin."""
    if not isinstance(expiry, dict):
        return datetime.now().astimezone() + timedelta(hours=24)
    unit = _UNITS.get(str(expiry.get("unit", "")).removesuffix("s"))
    if unit is None or not _is_whole(expiry.get("duration")) or expiry["duration"] < 1:
        raise SnapError("expiry is not valid")
    length = timedelta(**{unit: expiry["duration"]})
    if length > timedelta(days=7):
        raise SnapError("expiry duration is too long (maximum is 7 days)")
    if "start_time" not in expiry:
        return datetime.now().astimezone() + timedelta(hours=24)
    try:
        return datetime.strptime(str(expiry["start_time"]), "%Y-%m-%d %H:%M:%S %z") + length
    except ValueError:
        raise SnapError("expiry start_time is not valid") from None


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)
