import base64
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
import responses
from responses import matchers

from bookings.money import Money
from payments.errors import BadSignature, GatewayRefused, GatewayUnavailable
from payments.gateways.base import Attempt, CheckoutItem, Outcome
from payments.gateways.midtrans import MidtransGateway
from payments.models import Payment
from tests.payments import midtrans
from tests.payments.gateways.asking import MONEY, REFERENCE, checkout_request

SNAP, API = "https://snap.test/snap/v1", "https://api.midtrans.test"
PAYMENT = cast(Payment, SimpleNamespace(reference=REFERENCE, amount=150_000))


@pytest.fixture
def gateway() -> MidtransGateway:
    return MidtransGateway(server_key=midtrans.SERVER_KEY, snap_url=f"{SNAP}/", api_url=API)


def test_checkout_is_asked_for_as_documented(gateway: MidtransGateway, vendor: responses.RequestsMock):
    asked = {
        "transaction_details": {"order_id": REFERENCE, "gross_amount": 150_000},
        "item_details": [
            {"id": "BK-1", "price": 200_000, "quantity": 1, "name": "N" * 50},
            {"id": "discount", "price": -50_000, "quantity": 1, "name": "Discount"},
        ],
        "customer_details": {"first_name": "S" * 30, "email": "sam@example.com"},
        "credit_card": {"secure": True},
        "expiry": {"start_time": "2026-01-01 07:00:00 +0700", "unit": "minutes", "duration": 29},
        "callbacks": {"finish": "https://example.test/back/"},
        "custom_field1": REFERENCE,
    }
    credentials = base64.b64encode(f"{midtrans.SERVER_KEY}:".encode()).decode()
    vendor.post(
        f"{SNAP}/transactions",
        status=201,
        json={"token": "t-1", "redirect_url": "https://app.sandbox.midtrans.com/snap/v3/redirection/t-1"},
        match=[
            matchers.json_params_matcher(asked),
            matchers.header_matcher({"Authorization": f"Basic {credentials}", "Accept": "application/json"}),
            matchers.request_kwargs_matcher({"timeout": (5, 20), "stream": True}),
        ],
    )
    page = gateway.open_checkout(
        checkout_request(
            items=[
                CheckoutItem("BK-1", "N" * 80, Money(200_000, "IDR")),
                CheckoutItem("discount", "Discount", Money(-50_000, "IDR")),
            ],
            payer_name="S" * 80,
            made_at=datetime(2026, 1, 1, tzinfo=UTC),
            expires_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=29, seconds=59),
            return_url="https://example.test/back/",
        )
    )
    assert (page.url, page.token) == ("https://app.sandbox.midtrans.com/snap/v3/redirection/t-1", "t-1")


def test_lines_that_do_not_sum_up_are_never_sent():
    with pytest.raises(ValueError, match="sum up"):
        checkout_request(items=[CheckoutItem("BK-1", "Lesson", Money(1, "IDR"))])


def test_other_currencies_are_not_taken(gateway: MidtransGateway):
    assert not gateway.can_take(Money(2500, "USD"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, GatewayRefused),
        (401, GatewayRefused),
        (202, GatewayUnavailable),
        (429, GatewayUnavailable),
        (500, GatewayUnavailable),
    ],
)
def test_checkout_error_says_whether_to_ask_again(
    gateway: MidtransGateway, vendor: responses.RequestsMock, status: int, error: type[GatewayRefused]
):
    vendor.post(f"{SNAP}/transactions", status=status, json={"error_messages": ["transaction_details.order_id: no"]})
    with pytest.raises(error) as raised:
        gateway.open_checkout(checkout_request())
    assert raised.value.detail == f"Snap answered HTTP {status}: transaction_details.order_id: no"
    assert "order_id" not in str(raised.value)  # the vendor's words are for the log


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>maintenance</html>", "status": 201},
        {"body": "[]", "status": 200},
        {"body": "[" * 100_000, "status": 200},
        {"body": b"{" + b" " * 300_000 + b"}", "status": 200},
        {"body": "", "status": 301, "headers": {"Location": "https://elsewhere.test/"}},
        {"body": requests.ConnectTimeout("took too long")},
        {"body": requests.ConnectionError("refused")},
        {"body": '{"token": "t", "redirect_url": "javascript:alert(1)"}', "status": 201},
        {"body": '{"token": "t"}', "status": 201},
    ],
    ids=["html", "list", "deep", "large", "redirect", "timeout", "refused", "script", "no page"],
)
def test_answer_that_is_none_leaves_the_outcome_unknown(
    gateway: MidtransGateway, vendor: responses.RequestsMock, answer: dict[str, Any]
):
    vendor.post(f"{SNAP}/transactions", **answer)
    with pytest.raises(GatewayUnavailable):
        gateway.open_checkout(checkout_request())


def test_redirect_is_not_followed_though_a_page_waits_there(gateway: MidtransGateway, vendor: responses.RequestsMock):
    vendor.post(f"{SNAP}/transactions", status=307, headers={"Location": f"{SNAP}/elsewhere"}, json={})
    vendor.post(f"{SNAP}/elsewhere", status=201, json={"token": "t", "redirect_url": "https://pay.test/t"})
    with pytest.raises(GatewayUnavailable):
        gateway.open_checkout(checkout_request())
    assert len(vendor.calls) == 1


VECTORS = [
    (
        "200",
        "150000.00",
        "5fcdda15005e22fabc7eb58b6dd769bfe76ba5d53d59a909af21114ebaaa9462fd48f13377f72e55fa8222985857b73933296829b383a4d83187049df9198b43",
    ),
    (
        "201",
        "150000.00",
        "149274111eae942f4e4360426d8c24a37f9ba13eee842543b73b53d40eaf2f02355a8b217cd8375b941b612f77ed6c04c24dfc56379c6e4de7dd05872648b9ef",
    ),
    (
        "202",
        "150000.00",
        "a1af618348b5ff5ee2fe48b4989b19c1b091fcc464a5f5dbbf9716531fa41800b1be3ec362b066d820e574959a572b5af04d35101e9f1d5d2e1f1e5484372b26",
    ),
    (
        "200",
        "150000",
        "d5545907c908db9ffd3495b6b413187cce07e6e6ef82429cbc377ac21bb3e9bb36af8d439ecdeb5cf084989c67c904d6c9503cdbb61c1f63fbbbcccef86d717c",
    ),
]


@pytest.mark.defect("CE-02")
@pytest.mark.parametrize(("code", "amount", "signature"), VECTORS)
def test_signature_is_that_of_the_documented_vectors(gateway: MidtransGateway, code: str, amount: str, signature: str):
    told = {"order_id": "PAY-000123-1", "status_code": code, "gross_amount": amount, "signature_key": signature}
    gateway.verify_message({}, json.dumps(told).encode())

    told["gross_amount"] = "150000" if amount == "150000.00" else "150000.00"  # the same sum, written otherwise
    with pytest.raises(BadSignature):
        gateway.verify_message({}, json.dumps(told).encode())


STATUSES = [
    ("pending", "accept", Outcome.PENDING),
    ("pending", None, Outcome.PENDING),
    ("authorize", "accept", Outcome.REVIEW),
    ("capture", "accept", Outcome.PAID),
    ("capture", None, Outcome.PAID),
    ("CAPTURE", "ACCEPT", Outcome.PAID),
    ("capture", "challenge", Outcome.REVIEW),
    ("capture", "deny", Outcome.REVIEW),
    ("settlement", "accept", Outcome.PAID),
    ("settlement", None, Outcome.PAID),
    ("settlement", "deny", Outcome.REVIEW),
    ("deny", "accept", Outcome.FAILED),
    ("failure", None, Outcome.FAILED),
    ("cancel", "accept", Outcome.CANCELLED),
    ("expire", "accept", Outcome.EXPIRED),
    ("refund", "accept", Outcome.PAID),
    ("partial_refund", "accept", Outcome.PAID),
    ("chargeback", None, Outcome.PAID),
    ("partial_chargeback", None, Outcome.PAID),
    ("Refund", "ACCEPT", Outcome.PAID),
    ("chargeback", "deny", Outcome.PAID),
    ("PENDING", "PENDING", Outcome.PENDING),
    ("settlement", "challenge", Outcome.REVIEW),
    ("Settlement", "Deny", Outcome.REVIEW),
    ("expire", "deny", Outcome.EXPIRED),
    ("something_new", "accept", Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("status", "fraud", "outcome"), STATUSES)
def test_status_means_what_the_table_says(
    gateway: MidtransGateway, vendor: responses.RequestsMock, status: str, fraud: str | None, outcome: Outcome
):
    midtrans.serve_status(vendor, PAYMENT, status, fraud_status=fraud)
    report = gateway.fetch_report(Attempt(REFERENCE))
    assert (report.outcome, report.status, report.money) == (outcome, status.lower(), MONEY)


def test_times_are_those_of_jakarta(gateway: MidtransGateway, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, PAYMENT, settlement_time="2026-01-01 07:05:40")
    assert gateway.fetch_report(Attempt(REFERENCE)).paid_at == datetime(2026, 1, 1, 0, 5, 40, tzinfo=UTC)


@pytest.mark.parametrize("amount", ["150000.50", "", None, "a lot", "NaN", "1e99"])
def test_amount_that_cannot_be_read_is_no_money(
    gateway: MidtransGateway, vendor: responses.RequestsMock, amount: str | None
):
    midtrans.serve_status(vendor, PAYMENT, gross_amount=amount)
    assert gateway.fetch_report(Attempt(REFERENCE)).money is None


@pytest.mark.parametrize("http", [200, 404])
def test_unknown_payment_is_one_not_begun(gateway: MidtransGateway, vendor: responses.RequestsMock, http: int):
    vendor.get(f"{API}/v2/{REFERENCE}/status", status=http, json={"status_code": "404", "status_message": "no such"})
    report = gateway.fetch_report(Attempt(REFERENCE))
    assert (report.outcome, report.status, report.external_id) == (Outcome.PENDING, "", "")


def test_expired_payment_is_read_though_its_code_is_407(gateway: MidtransGateway, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, PAYMENT, "expire", status_code="407")
    assert gateway.fetch_report(Attempt(REFERENCE)).outcome is Outcome.EXPIRED


@pytest.mark.parametrize(
    ("code", "error"),
    [("401", GatewayRefused), ("402", GatewayRefused), ("429", GatewayUnavailable), ("500", GatewayUnavailable)],
)
def test_error_in_the_body_counts_though_http_says_ok(
    gateway: MidtransGateway, vendor: responses.RequestsMock, code: str, error: type[Exception]
):
    vendor.get(f"{API}/v2/{REFERENCE}/status", json={"status_code": code, "status_message": "sorry"})
    with pytest.raises(error):
        gateway.fetch_report(Attempt(REFERENCE))


@pytest.mark.defect("CE-07")
def test_paid_transaction_counts_though_a_refused_one_of_the_order_is_shown(
    gateway: MidtransGateway, vendor: responses.RequestsMock
):
    midtrans.serve_status(vendor, PAYMENT, "deny", transaction_id=midtrans.OTHER_TRANSACTION)
    vendor.get(midtrans.status_url(midtrans.TRANSACTION), json=midtrans.facts(PAYMENT))
    report = gateway.fetch_report(Attempt(REFERENCE, external_id=midtrans.TRANSACTION))
    assert (report.outcome, report.external_id) == (Outcome.PAID, midtrans.TRANSACTION)


def test_second_paid_transaction_of_an_order_is_seen_too(gateway: MidtransGateway, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, PAYMENT)
    told = midtrans.facts(PAYMENT, transaction_id=midtrans.OTHER_TRANSACTION)
    vendor.get(midtrans.status_url(midtrans.OTHER_TRANSACTION), json=told)
    message = gateway.read_message(midtrans.message(PAYMENT, transaction_id=midtrans.OTHER_TRANSACTION))
    report = gateway.confirm_message(message)
    assert (report.outcome, report.external_id) == (Outcome.PAID, midtrans.OTHER_TRANSACTION)


def test_message_of_a_second_transaction_waits_until_that_one_can_be_asked_about(
    gateway: MidtransGateway, vendor: responses.RequestsMock
):
    midtrans.serve_status(vendor, PAYMENT)
    vendor.get(midtrans.status_url(midtrans.OTHER_TRANSACTION), status=500)
    message = gateway.read_message(midtrans.message(PAYMENT, transaction_id=midtrans.OTHER_TRANSACTION))
    with pytest.raises(GatewayUnavailable):
        gateway.confirm_message(message)
    # Money that is seen already waits for nothing.
    assert gateway.fetch_report(Attempt(REFERENCE, external_id=midtrans.OTHER_TRANSACTION)).outcome is Outcome.PAID


def test_transaction_of_another_order_proves_nothing(gateway: MidtransGateway, vendor: responses.RequestsMock):
    midtrans.serve_not_begun(vendor, PAYMENT)
    told = midtrans.facts(PAYMENT, order_id="PAY-OTHERORDER-1")
    vendor.get(midtrans.status_url(midtrans.TRANSACTION), json=told)
    assert gateway.fetch_report(Attempt(REFERENCE, external_id=midtrans.TRANSACTION)).outcome is Outcome.PENDING


def test_transaction_number_that_is_none_is_never_put_into_an_address(
    gateway: MidtransGateway, vendor: responses.RequestsMock
):
    midtrans.serve_status(vendor, PAYMENT, "pending")
    body = midtrans.message(PAYMENT, transaction_id="../../v2/token")
    assert gateway.open_message({}, body).external_id == ""
    assert gateway.fetch_report(Attempt(REFERENCE, external_id="../../v2/token")).outcome is Outcome.PENDING
    assert [call.request.url for call in vendor.calls] == [midtrans.status_url(REFERENCE)]
