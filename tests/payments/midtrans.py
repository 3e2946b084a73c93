"""Midtrans at the edge of HTTP: messages with right signatures, and answers of its two hosts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import responses
from django.conf import settings

from payments.models import Payment

SERVER_KEY = "SB-Mid-server-EXAMPLE0123456789abcd"
TRANSACTION = "0a6c2d3e-7b1f-4c55-9d7e-3f1c9b2a4e10"
OTHER_TRANSACTION = "7f1d0000-1111-4222-8333-944445555666"


def transaction_of(payment: Payment) -> str:
    """A transaction number of the attempt's own."""
    return f"0a6c2d3e-7b1f-4c55-9d7e-{payment.pk:012d}"


def facts(payment: Payment, status: str = "settlement", **changes: Any) -> dict[str, Any]:
    """What Midtrans tells of a payment, in a message and in GET status alike; None takes a field out."""
    told = {
        "transaction_time": "2026-01-01 07:02:11",
        "transaction_status": status,
        "transaction_id": TRANSACTION,
        "status_message": "midtrans payment notification",
        "status_code": {"pending": "201", "deny": "202", "cancel": "202", "expire": "202"}.get(status, "200"),
        "payment_type": "bank_transfer",
        "order_id": payment.reference,
        "merchant_id": "G000000001",
        "gross_amount": f"{payment.amount}.00",
        "fraud_status": "accept",
        "currency": "IDR",
        "va_numbers": [{"va_number": "812785002530231", "bank": "bca"}],
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def sign(told: dict[str, Any], key: str = SERVER_KEY) -> str:
    exact = f"{told.get('order_id', '')}{told.get('status_code', '')}{told.get('gross_amount', '')}{key}"
    return hashlib.sha512(exact.encode()).hexdigest()


def message(payment: Payment, status: str = "settlement", **changes: Any) -> bytes:
    """A notification with the right signature."""
    told = facts(payment, status, **changes)
    return json.dumps({**told, "signature_key": sign(told)}).encode()


def status_url(identity: str) -> str:
    return f"{settings.MIDTRANS_API_URL}/v2/{identity}/status"


def serve_status(fake: responses.RequestsMock, payment: Payment, status: str = "settlement", **changes: Any) -> None:
    """Let GET status of the payment answer this, from now on."""
    told = facts(payment, status, **{"status_message": "Success, transaction is found", **changes})
    fake.upsert(responses.GET, status_url(payment.reference), json=told)


def serve_not_begun(fake: responses.RequestsMock, payment: Payment) -> None:
    """Let GET status say, under HTTP 200, that the payer has not begun."""
    body = {"status_code": "404", "status_message": "Transaction doesn't exist.", "id": TRANSACTION}
    fake.upsert(responses.GET, status_url(payment.reference), json=body)


def serve_page(fake: responses.RequestsMock, url: str = "https://pay.midtrans.test/snap/v3/redirection/token-1") -> None:
    """Let Snap create a payment page."""
    answer = {"token": "token-1", "redirect_url": url}
    fake.upsert(responses.POST, f"{settings.MIDTRANS_SNAP_URL}/transactions", json=answer, status=201)
