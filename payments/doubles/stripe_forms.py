"""How Stripe reads a request: forms with brackets, checked field by field, refused in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Form = dict[str, Any]
_PARTS = re.compile(r"[^\[\]]+")
_KNOWN = frozenset(
    [
        "adaptive_pricing",
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "expand",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_intent_data",
        "submit_type",
        "success_url",
        "ui_mode",
    ]
)
_LEAST = {"usd": 50, "eur": 50, "sgd": 50, "idr": 1_000_000}
_WHOLE = frozenset(["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"])
HALF_HOUR, DAY = 30 * 60, 24 * 60 * 60


class Refused(Exception):
    """A request that Stripe says no to."""

    def __init__(self, message: str, *, param: str = "", code: str = "", status: int = 400, kind: str = "") -> None:
        self.status = status
        error = {"type": kind or "invalid_request_error", "message": message, "param": param, "code": code}
        self.body = {"error": {name: value for name, value in error.items() if value}}
        super().__init__(message)


def read_form(pairs: Iterable[tuple[str, str]]) -> Form:
    """Return `a[0][b]=c` as `{"a": [{"b": "c"}]}`."""
    form: Form = {}
    for number, (name, value) in enumerate(pairs):
        parts = _PARTS.findall(name)
        if name.endswith("[]"):
            parts.append(str(number))
        place = form
        for part in parts[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Refused("Invalid hash", param=name)
        place[parts[-1] if parts else ""] = value
    return {name: _with_lists(value) for name, value in form.items()}


def check_session(form: Form, *, now: float) -> None:
    """Raise Refused as Stripe refuses to make a session."""
    for name in form:
        if name not in _KNOWN:
            raise Refused(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    if form.get("mode") != "payment":
        raise Refused("Invalid mode: must be one of payment, setup, or subscription", param="mode")
    for name in ("success_url", "cancel_url"):
        if not str(form.get(name, "")).startswith(("https://", "http://")):
            raise Refused("Not a valid URL", param=name, code="url_invalid")
    if len(form.get("client_reference_id", "")) > 200:
        raise Refused("Invalid string: at most 200 characters", param="client_reference_id")
    if "customer_email" in form and not re.fullmatch(r"[^@\s]+@[^@\s]+", form["customer_email"]):
        raise Refused(f"Invalid email address: {form['customer_email']}", param="customer_email", code="email_invalid")
    expires_at = whole(form, "expires_at", least=0) if "expires_at" in form else int(now) + DAY
    if not HALF_HOUR <= expires_at - now <= DAY:
        raise Refused("The `expires_at` timestamp must be between 30 minutes and 24 hours from now", param="expires_at")
    check_metadata(form)
    check_metadata(form.get("payment_intent_data") or {})
    _check_lines(form.get("line_items"))


def check_metadata(form: Form) -> None:
    metadata = form.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 50:
        raise Refused("Metadata can have up to 50 keys", param="metadata")
    for name, value in metadata.items():
        if len(name) > 40 or len(value) > 500:
            raise Refused("Metadata has keys of up to 40 and values of up to 500 characters", param=f"metadata[{name}]")


def whole(form: Form, name: str, *, least: int, param: str = "") -> int:
    """Return a whole number of a form."""
    value = str(form.get(name, ""))
    if not re.fullmatch(r"-?[0-9]{1,15}", value):
        raise Refused(f"Invalid integer: {value}", param=param or name, code="parameter_invalid_integer")
    if int(value) < least:
        raise Refused(f"This value must be greater than or equal to {least}", param=param or name)
    return int(value)


def total_of(lines: list[Form]) -> tuple[int, str]:
    """Return the sum in minor units and its currency."""
    prices = [line["price_data"] for line in lines]
    return sum(int(line["quantity"]) * int(line["price_data"]["unit_amount"]) for line in lines), prices[0]["currency"]


def _check_lines(lines: Any) -> None:
    if not isinstance(lines, list) or not 1 <= len(lines) <= 100:
        raise Refused("You must pass between 1 and 100 line items", param="line_items")
    for number, line in enumerate(lines):
        where, price = f"line_items[{number}]", line.get("price_data") or {}
        whole(line, "quantity", least=1, param=f"{where}[quantity]")
        whole(price, "unit_amount", least=0, param=f"{where}[price_data][unit_amount]")
        if not re.fullmatch(r"[a-z]{3}", price.get("currency", "")):
            raise Refused("Invalid currency", param=f"{where}[price_data][currency]")
        if not (price.get("product_data") or {}).get("name", "").strip():
            raise Refused("A name is required", param=f"{where}[price_data][product_data][name]", code="parameter_missing")
    if len({line["price_data"]["currency"] for line in lines}) != 1:
        raise Refused("All prices on a Checkout Session must have the same currency", param="line_items")
    total, currency = total_of(lines)
    if total < _LEAST.get(currency, 1):
        raise Refused("The Checkout Session's total amount is too small", code="amount_too_small")
    if len(str(total)) > (12 if currency == "idr" else 8):
        raise Refused("The Checkout Session's total amount is too large", code="amount_too_large")
    if currency in ("isk", "ugx") and total % 100:
        raise Refused("Amounts of this currency are divisible by 100", param="line_items")


def _with_lists(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    held = {name: _with_lists(one) for name, one in value.items()}
    return list(held.values()) if held and all(name.isdecimal() for name in held) else held
