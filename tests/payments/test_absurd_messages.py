"""Messages that are genuinely signed and absurd: stored, or refused with a sentence, and never an error of ours."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import responses
from django.test import Client

from payments.gateways.stripe_signatures import HEADER, sign
from payments.models import Payment, WebhookEvent
from payments.webhooks import apply_event
from tests.conftest import Drain
from tests.payments import midtrans
from tests.payments.gateways.stripe_bank import SECRET_KEY, SECRETS

ABSURD: dict[str, Any] = {
    "huge number": 10**4000,
    "number beyond all measure": 1e308,
    "NUL": "PAY-BCDF-1\x00",
    "half a letter": "\ud800",
    "long": "x" * 60_000,
    "line breaks": "PAY-BCDF-1\n\r\n",
    "right to left": "\u202ePAY",
    "nothing": None,
    "list": [[[[]]]],
    "object": {"id": "x"},
    "deep": json.loads("[" * 500 + "]" * 500),
    "no": False,
}
MIDTRANS = [
    *("order_id", "transaction_status", "transaction_id", "gross_amount", "status_code", "currency", "refunds"),
    "fraud_status",
]
STRIPE = ["id", "payment_intent", "metadata", "client_reference_id", "amount", "currency", "status"]
KINDS = ["checkout.session.completed", "charge.refunded", "refund.updated", "charge.dispute.created", "x" * 1000, "a\x00b"]


@pytest.fixture(autouse=True)
def _stripe(settings: Any) -> None:
    """Stripe as well, which nobody can reach."""
    options = {"secret_key": SECRET_KEY, "webhook_secrets": SECRETS[:1], "api_url": "http://127.0.0.1:9"}
    entry = {"BACKEND": "payments.gateways.stripe.StripeGateway", "OPTIONS": options}
    settings.PAYMENT_GATEWAYS = {**settings.PAYMENT_GATEWAYS, "stripe": entry}


def post(gateway: str, body: bytes, **headers: str) -> int:
    answer = Client(raise_request_exception=False).post(
        f"/webhooks/{gateway}", body, content_type="application/json", headers=headers
    )
    assert answer["Content-Type"] == "application/json"
    return answer.status_code


def post_stripe(body: bytes) -> int:
    at = int(time.time())
    return post("stripe", body, **{HEADER: f"t={at},v1={sign(SECRETS[0], at, body)}"})


def is_stored_or_refused(status: int, *, refused: int) -> bool:
    """Say whether the answer fits what was stored, and forget it."""
    stored, _rows = WebhookEvent.objects.all().delete()
    return (status in (200, 404) and stored == 1) or (status in (refused, 413) and stored == 0)


@pytest.mark.parametrize("what", list(ABSURD))
def test_midtrans_is_answered(payment: Payment, vendor: responses.RequestsMock, drain: Drain, what: str):
    midtrans.serve_status(vendor, payment)
    for field in MIDTRANS:
        told = midtrans.facts(payment) | {field: ABSURD[what]}
        try:
            signature = midtrans.sign({name: told[name] or "" for name in ("order_id", "status_code", "gross_amount")})
        except ValueError:  # half a letter cannot be signed, nor a number of so many digits
            signature = "0" * 128
        status = post("midtrans", json.dumps(told | {"signature_key": signature}).encode())
        drain(limit=200)  # whatever its job makes of it, the row stays
        assert is_stored_or_refused(status, refused=403), field


@pytest.mark.parametrize("what", list(ABSURD))
def test_stripe_is_answered(db: None, what: str):
    for kind in KINDS:
        for field in STRIPE:
            thing = {"id": "cs_1", "payment_intent": "pi_1", "metadata": {"attempt": "x"}, field: ABSURD[what]}
            event = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": thing}}
            assert is_stored_or_refused(post_stripe(json.dumps(event).encode()), refused=400), (kind[:30], field)


@pytest.mark.parametrize("what", list(ABSURD))
def test_envelope_of_stripe_is_answered(db: None, what: str):
    event = {"id": "evt_1", "object": "event", "type": "refund.updated", "data": {"object": {"id": "re_1"}}}
    for field in ("id", "type", "data", "livemode", "created", "request"):
        body = json.dumps(event | {field: ABSURD[what]}).encode()
        assert is_stored_or_refused(post_stripe(body), refused=400), field


def test_message_that_breaks_our_reader_is_kept_for_a_better_one(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain, monkeypatch: pytest.MonkeyPatch
):
    body = midtrans.message(payment)
    with monkeypatch.context() as broken:
        broken.setattr("payments.gateways.midtrans.UUID", None)  # as if a field had a form that nobody thought of
        assert post("midtrans", body) == 200
        assert ("payments.apply_webhook_event", "todo") in drain()
    event = WebhookEvent.objects.get()
    assert (event.state, event.kind, event.error) == ("failed", "unreadable", "AttributeError")

    midtrans.serve_status(vendor, payment)
    apply_event(event.pk)
    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED


@pytest.mark.defect("TB-32")
def test_gateways_are_never_told_that_they_come_too_often(payment: Payment):
    body = midtrans.message(payment)
    wrong = body.replace(b"settlement", b"capture").replace(b'"200"', b'"201"')
    statuses = {post("midtrans", one, **{"X-Forwarded-For": "1.2.3.4"}) for _time in range(150) for one in (body, wrong)}
    assert statuses == {200, 403}
    assert WebhookEvent.objects.get().copies == 150
