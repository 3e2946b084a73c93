"""What a program is told of an order with several attempts: what is true, and never an error for a success."""

from typing import Any

import pytest
from django.test import Client

from bookings.api_keys import create_api_key
from bookings.models import ApiKey, Order
from payments.checkout import start_checkout
from payments.models import Payment
from tests.payments.tills import SILENT, North, South

pytestmark = pytest.mark.usefixtures("tills")


@pytest.fixture
def verify(order: Order, client: Client) -> Any:
    _row, key = create_api_key("shop", scopes=[ApiKey.Scope.CHECKOUT])
    headers = {"Authorization": f"Bearer {key}"}

    def ask(reference: str = "") -> Any:
        body = {"orderId": reference or order.reference}
        return client.post("/api/verify-payment", body, content_type="application/json", headers=headers)

    return ask


def begin(order: Order, gateway: str) -> Payment:
    payment = start_checkout(order, gateway_name=gateway)
    assert payment is not None
    return payment


@pytest.mark.defect("TB-13")
@pytest.mark.parametrize("is_newest", [True, False])
def test_attempt_that_is_paid_counts_whichever_it_is(order: Order, verify: Any, is_newest: bool):
    North.trouble = SILENT  # its page stays open
    first, second = begin(order, "north"), begin(order, "south")
    North.trouble = None
    (South if is_newest else North).pay(second if is_newest else first)
    assert verify().json() == {
        "success": True,
        "order_id": order.reference,
        "payment_status": "succeeded",
        "transaction_status": "paid",
    }
    order.refresh_from_db()
    assert order.is_paid


@pytest.mark.defect("TB-13")
def test_success_is_no_error_though_the_gateway_is_silent(order: Order, verify: Any):
    payment = begin(order, "north")
    North.pay(payment)
    assert verify().json()["payment_status"] == "succeeded"
    North.trouble = SILENT
    for reference in (order.reference, payment.reference):
        answer = verify(reference)
        assert (answer.status_code, answer.json()["payment_status"]) == (200, "succeeded")
        assert answer.json()["transaction_status"] == ""


@pytest.mark.defect("CE-23")
def test_attempts_of_which_none_is_paid_are_told_by_the_newest(order: Order, verify: Any):
    begin(order, "north")
    begin(order, "south")
    answer = verify().json()
    assert (answer["payment_status"], answer["transaction_status"]) == ("pending", "pending")


def test_silent_gateway_of_an_unpaid_attempt_is_to_be_asked_again(order: Order, verify: Any):
    begin(order, "north")
    North.trouble = SILENT
    assert (verify().status_code, verify().json()["success"]) == (503, False)
