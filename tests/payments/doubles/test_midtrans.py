"""The pretend Midtrans behaves as the real one's documents say."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from payments.doubles.midtrans import MidtransDouble
from payments.gateways.midtrans import MidtransGateway

KEY = "SB-Mid-server-EXAMPLE0123456789abcd"
Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def midtrans() -> Iterator[MidtransDouble]:
    with MidtransDouble(server_key=KEY) as double:
        yield double


@pytest.fixture
def call(midtrans: MidtransDouble) -> Call:
    def ask(method: str, path: str, body: Any = None, key: str = KEY, **headers: str) -> tuple[int, dict[str, Any]]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = requests.request(method, f"{midtrans.url}{path}", json=body, auth=(key, ""), headers=names, timeout=5)
        return answer.status_code, answer.json()

    return ask


def page(order_id: str = "PAY-1", amount: Any = 150_000, **changes: Any) -> dict[str, Any]:
    items = [{"id": "BK-1", "price": amount, "quantity": 1, "name": "Maths lesson"}]
    return {"transaction_details": {"order_id": order_id, "gross_amount": amount}, "item_details": items, **changes}


def create(call: Call, **changes: Any) -> tuple[int, dict[str, Any]]:
    return call("POST", "/snap/v1/transactions", page(**changes))


def test_page_is_made_with_a_token_and_an_address(call: Call):
    status, answer = create(call)
    assert status == 201
    assert len(answer["token"]) == 36
    assert answer["redirect_url"].endswith(f"/snap/v3/redirection/{answer['token']}")


def test_other_key_is_refused_on_both_hosts(call: Call):
    assert call("POST", "/snap/v1/transactions", page(), key="other")[0] == 401
    assert call("GET", "/v2/PAY-1/status", key="other")[1]["status_code"] == "401"


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": "PAY 1"},
        {"order_id": "P" * 51},
        {"amount": "150000"},
        {"amount": 150_000.5},
        {"amount": 0},
        {"amount": True},
        {"item_details": [{"id": "1", "price": 1, "quantity": 1, "name": "Maths"}]},
        {"item_details": [{"id": "1", "price": 150_000, "quantity": 1, "name": "N" * 51}]},
        {"item_details": [{"id": "1", "price": 150_000, "quantity": 0, "name": "Maths"}]},
        {"customer_details": {"first_name": "S" * 256}},
        {"expiry": {"unit": "weeks", "duration": 1}},
        {"expiry": {"unit": "days", "duration": 8}},
        {"expiry": {"unit": "minutes", "duration": 30, "start_time": "2026-01-01 07:00:00"}},
    ],
)
def test_page_asked_for_wrongly_is_refused_in_one_sentence(call: Call, changes: dict[str, Any]):
    status, answer = create(call, **changes)
    assert (status, list(answer)) == (400, ["error_messages"])


def test_page_made_again_before_anything_was_begun_replaces_the_first(call: Call, midtrans: MidtransDouble):
    first, second = create(call)[1]["token"], create(call)[1]["token"]
    assert first != second
    assert call("POST", f"/snap/v1/transactions/{first}/cancel", {})[1] == {"error_messages": ["token not found"]}
    assert midtrans.open_pages("PAY-1") == 1


def test_used_number_is_refused_until_it_is_over(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pick("PAY-1", "bank_transfer")
    assert "has been paid and utilized" in create(call)[1]["error_messages"][0]
    call("POST", "/v2/PAY-1/expire", {})
    assert create(call)[0] == 201


def test_unknown_and_unbegun_payments_are_404_under_200(call: Call):
    create(call)
    for order_id in ("PAY-1", "PAY-2"):
        status, answer = call("GET", f"/v2/{order_id}/status")
        assert (status, answer["status_code"]) == (200, "404")
        assert "transaction_status" not in answer


def test_expired_payment_is_407(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pick("PAY-1")
    midtrans.expire("PAY-1")
    status, answer = call("GET", "/v2/PAY-1/status")
    assert (status, answer["status_code"], answer["transaction_status"]) == (200, "407", "expire")


def test_what_is_settled_can_neither_be_cancelled_nor_expired(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pay("PAY-1")
    assert [call("POST", f"/v2/PAY-1/{verb}", {})[1]["status_code"] for verb in ("cancel", "expire")] == ["412", "412"]


@pytest.mark.parametrize(
    ("method", "asked", "code"),
    [
        ("qris", {"refund_key": "RF-1", "amount": 150_001}, "414"),
        ("qris", {"refund_key": "RF 1", "amount": 1}, "400"),
        ("bank_transfer", {"refund_key": "RF-1", "amount": 1}, "412"),
        ("credit_card", {"refund_key": "RF-1", "amount": 1}, "412"),
        ("ovo", {"refund_key": "RF-1", "amount": 1}, "414"),
    ],
)
def test_refund_is_refused_with_its_code(call: Call, midtrans: MidtransDouble, method: str, asked: Any, code: str):
    create(call)
    midtrans.pay("PAY-1", method)
    assert call("POST", "/v2/PAY-1/refund", asked)[1]["status_code"] == code
    assert midtrans.sent_back("PAY-1") == 0


def test_one_refund_key_is_one_refund(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pay("PAY-1")
    for _time in range(2):
        assert call("POST", "/v2/PAY-1/refund", {"refund_key": "RF-1", "amount": 1})[1]["status_code"] == "200"
    assert call("POST", "/v2/PAY-1/refund", {"refund_key": "RF-1", "amount": 2})[1]["status_code"] == "406"
    assert midtrans.sent_back("PAY-1") == 1


def test_idempotency_key_repeats_a_success_whatever_the_body(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pay("PAY-1")
    refunds = [{"refund_key": f"RF-{number}", "amount": 1} for number in range(3)]
    refused = call("POST", "/v2/PAY-1/refund", {"refund_key": "RF-9", "amount": 200_000}, Idempotency_Key="same")
    first = call("POST", "/v2/PAY-1/refund", refunds[0], Idempotency_Key="same")
    second = call("POST", "/v2/PAY-1/refund", refunds[1], Idempotency_Key="same")
    assert refused[1]["status_code"] == "414"  # only successes are remembered
    assert first == second
    assert midtrans.sent_back("PAY-1") == 1
    call("POST", "/v2/PAY-1/refund", refunds[2], Idempotency_Key="k" * 47)  # too long: ignored
    assert midtrans.sent_back("PAY-1") == 2


def test_messages_are_signed_and_say_as_little_as_the_real_ones(call: Call, midtrans: MidtransDouble):
    create(call)
    midtrans.pick("PAY-1", "bank_transfer")
    midtrans.pay("PAY-1", "bank_transfer")
    gateway = MidtransGateway(server_key=KEY, snap_url="", api_url="")
    kinds = [gateway.open_message(message.headers(), message.body).kind for message in midtrans.messages]
    assert kinds == ["pending", "settlement"]
    assert dict(midtrans.messages[0].headers()) == {"Content-Type": "application/json", "User-Agent": "Veritrans"}


def test_other_processes_can_be_its_payers(midtrans: MidtransDouble, call: Call):
    create(call)
    paid = requests.post(f"{midtrans.url}/_double/pay", json={"order_id": "PAY-1", "method": "gopay"}, timeout=5)
    state = requests.get(f"{midtrans.url}/_double/state", timeout=5).json()
    assert paid.json() == midtrans.transaction("PAY-1").id
    assert state == {"PAY-1": {"taken": 150_000, "sent_back": 0, "transactions": ["settlement"]}}
