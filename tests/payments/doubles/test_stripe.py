"""The pretend Stripe says no as Stripe does, forgets nothing it should keep, and can be asked by many at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from bookings.doubles.server import Fault
from payments.doubles.stripe import StripeDouble
from tests.payments.gateways.stripe_bank import SECRET_KEY, make_double

DAY = 24 * 60 * 60


@pytest.fixture
def stripe() -> Iterator[StripeDouble]:
    with make_double() as double:
        yield double


def form(**changes: Any) -> dict[str, Any]:
    usual = {
        "mode": "payment",
        "client_reference_id": "PAY-ABCD-1",
        "metadata[attempt]": "PAY-ABCD-1",
        "payment_intent_data[metadata][attempt]": "PAY-ABCD-1",
        "line_items[0][quantity]": 1,
        "line_items[0][price_data][currency]": "idr",
        "line_items[0][price_data][unit_amount]": 15_000_000,
        "line_items[0][price_data][product_data][name]": "Maths",
        "success_url": "https://lessons.test/",
        "cancel_url": "https://lessons.test/",
        "expires_at": int(time.time()) + 31 * 60,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def post(
    stripe: StripeDouble, path: str, data: dict[str, Any], key: str = "", secret: str = SECRET_KEY
) -> requests.Response:
    headers = {"Authorization": f"Bearer {secret}", **({"Idempotency-Key": key} if key else {})}
    return requests.post(f"{stripe.url}/v1/{path}", data=data, headers=headers, timeout=10)


def get(stripe: StripeDouble, path: str, **params: Any) -> Any:
    return requests.get(
        f"{stripe.url}/v1/{path}", params=params, headers={"Authorization": f"Bearer {SECRET_KEY}"}, timeout=10
    ).json()


def create(stripe: StripeDouble, key: str = "", **changes: Any) -> requests.Response:
    return post(stripe, "checkout/sessions", form(**changes), key)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"payment_method_types[0]": "card"}, "payment_method_types"),
        ({"mode": "gift"}, "mode"),
        ({"success_url": "lessons"}, "success_url"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"expires_at": int(time.time()) + 29 * 60}, "expires_at"),
        ({"expires_at": int(time.time()) + 25 * 60 * 60}, "expires_at"),
        ({"line_items[0][quantity]": 0}, "line_items[0][quantity]"),
        ({"line_items[0][price_data][unit_amount]": -1}, "line_items[0][price_data][unit_amount]"),
        ({"line_items[0][price_data][unit_amount]": "1.5"}, "line_items[0][price_data][unit_amount]"),
        ({"line_items[0][price_data][currency]": "IDR"}, "line_items[0][price_data][currency]"),
        ({"line_items[0][price_data][product_data][name]": ""}, "line_items[0][price_data][product_data][name]"),
        ({"metadata[attempt]": "x" * 501}, "metadata[attempt]"),
        ({"payment_intent_data[metadata][attempt]": "x" * 501}, "metadata[attempt]"),
    ],
)
def test_wrong_session_is_refused_by_the_name_of_its_field(stripe: StripeDouble, changes: dict[str, Any], param: str):
    answer = create(stripe, **changes)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert stripe.sessions == {}


def test_only_its_own_key_is_let_in(stripe: StripeDouble):
    answer = post(stripe, "checkout/sessions", form(), secret="sk_test_OTHER")
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


def test_key_of_a_request_brings_the_first_answer_again(stripe: StripeDouble):
    data = form()
    first, again = (post(stripe, "checkout/sessions", data, "key-1") for _number in range(2))
    assert first.json() == again.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    other = post(stripe, "checkout/sessions", {**data, "client_reference_id": "PAY-OTHER-1"}, "key-1")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    stripe.pass_time(DAY + 1)
    forgotten = {**data, "expires_at": stripe.now() + 40 * 60}
    assert post(stripe, "checkout/sessions", forgotten, "key-1").json()["id"] != first.json()["id"]


def test_failure_after_the_work_is_remembered_and_a_refusal_is_not(stripe: StripeDouble):
    stripe.fail_next(Fault.ERROR_AFTER)
    data = form()
    assert [post(stripe, "checkout/sessions", data, "key-1").status_code for _number in range(2)] == [500, 500]
    assert create(stripe, "key-2", mode="gift").status_code == 400
    assert create(stripe, "key-2").status_code == 200
    assert len(stripe.sessions) == 2


def test_page_ends_by_itself_and_says_so(stripe: StripeDouble):
    session = create(stripe).json()
    stripe.pass_time(32 * 60)
    assert get(stripe, f"checkout/sessions/{session['id']}")["status"] == "expired"
    assert [event["type"] for event in get(stripe, "events")["data"]] == ["checkout.session.expired"]
    assert stripe.pay(session["id"]) == ""


def test_many_pages_end_at_once(stripe: StripeDouble):
    for _number in range(3_000):
        stripe.sessions[f"cs_{_number}"] = {"id": f"cs_{_number}", "status": "open", "url": ""}
        stripe.ends.append((0, f"cs_{_number}"))
    stripe.end_sessions()
    assert {session["status"] for session in stripe.sessions.values()} == {"expired"}


def test_lists_come_in_pages_the_newest_first(stripe: StripeDouble):
    ids = [create(stripe, client_reference_id=f"PAY-{number}-1").json()["id"] for number in range(5)]
    first = get(stripe, "checkout/sessions", limit=2)
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:2:-1], True)
    rest = get(stripe, "checkout/sessions", limit=100, starting_after=ids[3])
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([ids[2], ids[1], ids[0]], False)


def test_page_can_be_looked_at_without_a_key(stripe: StripeDouble):
    session = create(stripe).json()
    assert requests.get(session["url"], timeout=10).json()["status"] == "open"


def test_payer_is_driven_from_another_process(stripe: StripeDouble):
    create(stripe)
    intent = requests.post(f"{stripe.url}/_double/pay", json={"page": "PAY-ABCD-1"}, timeout=10).json()
    state = requests.get(f"{stripe.url}/_double/state", timeout=10).json()
    assert [(one["payment_intent"], one["payment_status"]) for one in state["sessions"]] == [(intent, "paid")]
    [message] = requests.get(f"{stripe.url}/_double/messages", timeout=10).json()
    assert message["headers"]["Stripe-Signature"].startswith("t=")
    assert message["headers"]["Stripe-Signature"].count("v1=") == 2


def test_many_refunds_at_once_stay_within_what_was_paid(stripe: StripeDouble):
    create(stripe)
    intent = stripe.pay("PAY-ABCD-1")
    with ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(post, stripe, "refunds", {"payment_intent": intent, "amount": 1_000_000}, f"key-{number % 25}")
            for number in range(50)
        ]
        statuses = [one.result().status_code for one in asked]
    assert stripe.sent_back(intent) == 15_000_000
    assert len(stripe.refunds) == 15
    assert set(statuses) == {200, 400}
