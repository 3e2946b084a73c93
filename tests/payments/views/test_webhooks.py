import json
from typing import Any

import pytest
import responses
from django.db import OperationalError, connection
from django.test import Client

from bookings.models import Booking, Order
from payments.models import Payment, WebhookEvent
from tests.conftest import Drain
from tests.payments import midtrans

ADDRESS = "/webhooks/midtrans"
State = WebhookEvent.State


def post(body: bytes | str, address: str = ADDRESS, **extra: Any) -> Any:
    return Client(raise_request_exception=False).post(address, body, content_type="application/json", **extra)


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/"])
def test_signed_message_is_stored_then_applied(payment: Payment, vendor: responses.RequestsMock, drain: Drain, address: str):
    midtrans.serve_status(vendor, payment)

    answer = post(midtrans.message(payment), address)

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert WebhookEvent.objects.get().state == State.NEW
    assert ("payments.apply_webhook_event", "succeeded") in drain()
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Payment.Status.SUCCEEDED, Order.Status.PAID)
    assert [b.status for b in payment.order.bookings.all()] == [Booking.Status.PAID]
    event = WebhookEvent.objects.get()
    assert (event.state, event.payment, event.attempts, event.copies) == (State.DONE, payment, 1, 1)


@pytest.mark.defect("CE-02")
def test_documented_sample_has_the_documented_signature(db: None):
    sample = {
        "order_id": "PAY-000123-1",
        "status_code": "200",
        "gross_amount": "150000.00",
        "transaction_status": "settlement",
        "signature_key": "5fcdda15005e22fabc7eb58b6dd769bfe76ba5d53d59a909af21114ebaaa9462"
        "fd48f13377f72e55fa8222985857b73933296829b383a4d83187049df9198b43",
    }
    assert post(json.dumps(sample)).status_code == 404  # believed, and not ours to apply: the row is not here
    assert WebhookEvent.objects.get().reference == "PAY-000123-1"


def _wrong_messages() -> list[tuple[str, Any]]:
    right = {"order_id": "PAY-000123-1", "status_code": "200", "gross_amount": "150000.00", "transaction_status": "x"}
    signed = {**right, "signature_key": midtrans.sign(right)}
    without = [(f"without {name}", {k: v for k, v in signed.items() if k != name}) for name in midtrans_signed()]
    return [
        ("another key", {**right, "signature_key": midtrans.sign(right, key="SB-Mid-server-another")}),
        ("made of the status word", {**right, "signature_key": midtrans.sign({**right, "status_code": "x"})}),
        ("amount rewritten", {**signed, "gross_amount": "150000"}),
        ("order changed", {**signed, "order_id": "PAY-000124-1"}),
        ("empty signature", {**signed, "signature_key": ""}),
        ("signature no text", {**signed, "signature_key": ["x"]}),
        ("signature not ASCII", {**signed, "signature_key": "é" * 128}),
        ("half of a letter", {**signed, "order_id": "\ud800"}),
        ("number for text", {**signed, "status_code": 200}),
        *without,
    ]


def midtrans_signed() -> tuple[str, ...]:
    return ("order_id", "status_code", "gross_amount", "signature_key")


@pytest.mark.defect("CE-01")
@pytest.mark.parametrize(("_what", "wrong"), _wrong_messages(), ids=lambda value: value if isinstance(value, str) else "")
def test_message_with_a_wrong_signature_is_refused_and_not_stored(db: None, _what: str, wrong: dict[str, Any]):
    answer = post(json.dumps(wrong))
    assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{}", b"[]", b'"text"', b"null", b"1", b"[" * 60_000])
def test_body_that_cannot_be_read_is_refused(db: None, body: bytes):
    answer = post(body)
    assert answer.status_code == 403
    assert answer.json() == {"success": False, "error": "This message cannot be read."}
    assert not WebhookEvent.objects.exists()


def test_large_body_is_refused(db: None):
    answer = post(b"{" + b" " * 65 * 1024 + b"}")
    assert (answer.status_code, answer.json()["success"]) == (413, False)
    assert post(b"x" * 2_000_000).status_code == 413


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options", "patch"])
def test_other_methods_are_refused_in_json(db: None, method: str):
    answer = getattr(Client(), method)(ADDRESS)
    assert (answer.status_code, answer["Allow"], answer["Content-Type"]) == (405, "POST", "application/json")


@pytest.mark.parametrize("length", ["9" * 5000, "99999999999", "0" * 5000 + "99999"])
def test_length_beyond_all_measure_is_too_large(db: None, length: str):
    answer = Client().generic("POST", ADDRESS, b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/json")


def test_unknown_or_unconfigured_gateway_is_not_found(db: None, settings: Any):
    assert post(b"{}", "/webhooks/acme").status_code == 404
    settings.PAYMENT_GATEWAYS = {
        "midtrans": {
            "BACKEND": "payments.gateways.midtrans.MidtransGateway",
            "OPTIONS": {"server_key": "", "snap_url": "https://a.test", "api_url": "https://b.test"},
        }
    }
    answer = post(b"{}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_webhook_is_never_redirected_to_https(payment: Payment, settings: Any):
    settings.SECURE_SSL_REDIRECT = True
    assert post(midtrans.message(payment)).status_code == 200


def test_message_for_somebody_else_is_stored_and_left_alone(payment: Payment, drain: Drain):
    body = midtrans.message(payment, order_id="payment_notif_test_G000000001")
    assert post(body).status_code == 200
    assert drain() == []
    assert [(e.state, e.reference) for e in WebhookEvent.objects.all()] == [(State.IGNORED, "payment_notif_test_G000000001")]


def test_message_of_ours_without_its_payment_is_kept_and_told_to_staff(
    payment: Payment, root: Any, vendor: responses.RequestsMock, drain: Drain, mailoutbox: list[Any]
):
    midtrans.serve_status(vendor, payment)
    body = midtrans.message(payment, order_id="PAY-BCDFGHJKMN-1")
    answer = post(body)

    assert (answer.status_code, answer.json()["success"]) == (404, False)
    assert post(body).status_code == 404  # sent again, and still not here
    drain()
    event = WebhookEvent.objects.get()
    assert (event.state, event.copies) == (State.FAILED, 2)
    assert [mail.to for mail in mailoutbox] == [["root@example.com"]]


@pytest.mark.defect("CE-03")
@pytest.mark.defect("IT-26")
def test_unreachable_database_asks_the_gateway_to_send_again(payment: Payment, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database system is shutting down")

    body = midtrans.message(payment)
    with connection.execute_wrapper(refuse):
        answer = post(body)
    assert (answer.status_code, answer["Retry-After"], answer.json()["success"]) == (503, "60", False)
    assert not WebhookEvent.objects.exists()


@pytest.mark.defect("CE-03")
def test_message_whose_job_cannot_be_stored_is_not_stored_either(payment: Payment):
    def refuse_jobs(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "procrastinate" in sql:
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse_jobs):
        answer = post(midtrans.message(payment))
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert not WebhookEvent.objects.exists()
