"""The objects of the pretend Stripe, as it would write them in JSON."""

from __future__ import annotations

import secrets
from typing import Any

from payments.doubles.stripe_forms import DAY, Form, total_of

Thing = dict[str, Any]


def number(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def make_session(form: Form, *, now: int, is_live: bool, url: str) -> Thing:
    total, currency = total_of(form["line_items"])
    identity = f"cs_{'live' if is_live else 'test'}_a1{secrets.token_hex(24)}"
    return {
        "id": identity,
        "object": "checkout.session",
        "mode": "payment",
        "status": "open",
        "payment_status": "unpaid",
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currency,
        "client_reference_id": form.get("client_reference_id"),
        "metadata": form.get("metadata") or {},
        "payment_intent": None,
        "customer_details": {"email": form.get("customer_email")},
        "customer_email": form.get("customer_email"),
        "created": now,
        "expires_at": int(form.get("expires_at", now + DAY)),
        "livemode": is_live,
        "success_url": form["success_url"],
        "cancel_url": form["cancel_url"],
        "url": f"{url}/pay/{identity}",
    }


def make_intent(session: Thing, *, now: int, metadata: Thing) -> Thing:
    return {
        "id": number("pi"),
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_received": 0,
        "currency": session["currency"],
        "status": "requires_payment_method",
        "latest_charge": None,
        "last_payment_error": None,
        "metadata": metadata,
        "created": now,
        "livemode": session["livemode"],
    }


def make_charge(intent: Thing, *, now: int, method: str, status: str) -> Thing:
    return {
        "id": number("ch"),
        "object": "charge",
        "payment_intent": intent["id"],
        "amount": intent["amount"],
        "amount_refunded": 0,
        "refunded": False,
        "disputed": False,
        "currency": intent["currency"],
        "status": status,
        "paid": status == "succeeded",
        "metadata": dict(intent["metadata"]),
        "payment_method_details": {"type": method},
        "created": now,
        "livemode": intent["livemode"],
    }


def make_refund(charge: Thing, *, amount: int, now: int, status: str, reason: str | None, metadata: Thing) -> Thing:
    return {
        "id": number("re"),
        "object": "refund",
        "amount": amount,
        "currency": charge["currency"],
        "charge": charge["id"],
        "payment_intent": charge["payment_intent"],
        "status": status,
        "reason": reason,
        "metadata": metadata,
        "created": now,
    }


def make_dispute(charge: Thing, *, amount: int, now: int, reason: str) -> Thing:
    return {
        "id": number("du"),
        "object": "dispute",
        "amount": amount,
        "currency": charge["currency"],
        "charge": charge["id"],
        "payment_intent": charge["payment_intent"],
        "status": "needs_response",
        "reason": reason,
        "metadata": {},
        "created": now,
        "livemode": charge["livemode"],
    }


def make_event(kind: str, thing: Thing, *, now: int, is_live: bool) -> Thing:
    return {
        "id": number("evt"),
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": now,
        "livemode": is_live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": thing},
    }
