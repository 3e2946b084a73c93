from typing import Any

import pytest
import requests
import responses
from django.test import Client

from bookings.api_keys import create_api_key
from bookings.holds import place_hold
from bookings.models import ApiKey, Booking, Order, SessionType, Tutor, User
from payments.models import Payment
from payments.settlement import record_payment_succeeded
from tests.factories import make_booking, make_code, make_payment, make_session_type, tomorrow
from tests.payments import midtrans
from tests.payments.test_settlement import report_of

CHECKOUT, VERIFY = "/api/initiate-booking-checkout", "/api/verify-payment"


@pytest.fixture
def key(db: None) -> str:
    return create_api_key("shop", scopes=[ApiKey.Scope.CHECKOUT])[1]


@pytest.fixture
def call(key: str) -> Any:
    def post(address: str, body: Any) -> Any:
        client = Client(raise_request_exception=False)
        return client.post(address, body, content_type="application/json", headers={"Authorization": f"Bearer {key}"})

    return post


def wish(what: SessionType, **changes: Any) -> dict[str, Any]:
    line = {"tutor": what.tutor.slug, "session_type": what.slug, "start": tomorrow().isoformat()}
    return {**line, **changes}


def order_of(session_type: SessionType, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    bookings = list(lines) or [wish(session_type)]
    return {"student": "sam@example.com", "bookings": bookings, "gateway": "midtrans", **changes}


@pytest.mark.parametrize("address", [CHECKOUT, f"{CHECKOUT}/"])
def test_checkout_holds_the_slots_and_answers_the_page(
    call: Any, maths: SessionType, sam: User, vendor: responses.RequestsMock, address: str
):
    midtrans.serve_page(vendor)
    later = wish(maths, start=tomorrow(15).strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    answer = call(address, order_of(maths, wish(maths), later, student="Sam@Example.com"))

    order = Order.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "checkout_url": "https://pay.midtrans.test/snap/v3/redirection/token-1",
        "session_id": order.payments.get().reference,
        "pending_booking_id": order.reference,
        "booking_ids": [booking.reference for booking in order.bookings.order_by("pk")],
        "total_amount": 300_000,
        "session_count": 2,
    }
    assert (order.payer, order.status) == (sam, Order.Status.AWAITING_PAYMENT)


@pytest.mark.defect("TB-01")
@pytest.mark.defect("CE-18")
def test_prices_and_states_that_are_sent_are_not_believed(
    call: Any, maths: SessionType, sam: User, vendor: responses.RequestsMock
):
    midtrans.serve_page(vendor)
    sent = wish(maths, price=1, duration=600, status="paid", payment_status="paid", discount=149_999)
    answer = call(CHECKOUT, order_of(maths, sent, total_amount=1, metadata={"status": "paid"}))
    booking = Booking.objects.get()
    assert answer.json()["total_amount"] == 150_000
    assert (booking.price, booking.minutes, booking.status) == (150_000, 60, Booking.Status.HELD)


@pytest.mark.defect("TB-02")
def test_slot_that_is_gone_keeps_nothing(call: Any, maths: SessionType, sam: User, kim: User):
    place_hold(maths, starts_at=tomorrow(), student=kim)
    answer = call(CHECKOUT, order_of(maths, wish(maths, start=tomorrow(9).isoformat()), wish(maths)))
    assert (answer.status_code, answer.json()["success"]) == (409, False)
    assert not Order.objects.filter(payer=sam).exists()
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"student": ""}, 400, "Missing required field: student"),
        ({"student": "nobody@example.com"}, 404, "There is no student with this e-mail address."),
        ({"student": 7}, 400, "student must be a text."),
        ({"bookings": []}, 400, "No bookings provided"),
        ({"bookings": "x"}, 400, "No bookings provided"),
        ({"bookings": ["x"]}, 400, "Please send a JSON object."),
        ({"bookings": [{}] * 11}, 400, "Please book at most 10 sessions at once."),
        ({"bookings": [{"tutor": "ada", "start": "2030-01-01T00:00:00Z"}]}, 400, "Missing required field: session_type"),
        ({"gateway": "acme"}, 400, "Please choose one of the ways to pay that are offered."),
        ({"gateway": ["midtrans"]}, 400, "gateway must be a text."),
        ({"promo_code": "FREE100"}, 409, "This code is not known here. Please check how it is written."),
        ({"promo_code": ["FREE100"]}, 400, "promo_code must be a text."),
    ],
)
def test_checkout_says_what_is_wrong(
    call: Any, maths: SessionType, sam: User, change: dict[str, Any], status: int, error: str
):
    answer = call(CHECKOUT, order_of(maths, **change))
    assert (answer.status_code, answer.json()) == (status, {"success": False, "error": error})
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "start", ["tomorrow", "2030-01-01", "2030-01-01T09:00:00", "9998-12-31T23:59:00Z", "2030-13-01T00:00Z"]
)
def test_start_must_be_a_time_with_its_offset(call: Any, maths: SessionType, sam: User, start: str):
    answer = call(CHECKOUT, order_of(maths, wish(maths, start=start)))
    assert answer.status_code == 400
    assert "a time with its offset" in answer.json()["error"]


@pytest.mark.parametrize("change", [{"tutor": "nobody"}, {"session_type": "nothing"}, {"tutor": "a\u0000b"}])
def test_unknown_tutor_or_session_is_refused(call: Any, maths: SessionType, sam: User, change: dict[str, Any]):
    answer = call(CHECKOUT, order_of(maths, wish(maths, **change)))
    assert answer.status_code in (400, 404)
    assert answer.json()["success"] is False


def test_paused_tutor_is_not_booked(call: Any, maths: SessionType, sam: User):
    Tutor.objects.update(is_paused=True)
    assert call(CHECKOUT, order_of(maths)).status_code == 404


def test_empty_promo_code_and_no_gateway_are_fine(call: Any, maths: SessionType, sam: User, vendor: responses.RequestsMock):
    midtrans.serve_page(vendor)
    assert call(CHECKOUT, order_of(maths, promo_code="", gateway=None)).status_code == 200


def test_order_that_costs_nothing_is_paid_at_once(call: Any, ada: Tutor, sam: User):
    answer = call(CHECKOUT, order_of(make_session_type(ada, price=0)))
    order = Order.objects.get()
    assert (order.status, answer.json()["session_id"]) == (Order.Status.PAID, "")
    assert answer.json()["checkout_url"] == f"http://testserver/orders/{order.reference}/"


def test_gateway_in_trouble_leaves_the_slot_to_others(
    call: Any, maths: SessionType, sam: User, kim: User, vendor: responses.RequestsMock
):
    vendor.post("https://snap.test/snap/v1/transactions", body=requests.ReadTimeout("slow"))
    answer = call(CHECKOUT, order_of(maths))
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert place_hold(maths, starts_at=tomorrow(), student=kim).status == Booking.Status.HELD


@pytest.mark.defect("CE-22")
@pytest.mark.parametrize("by", ["order", "payment"])
def test_verification_asks_the_gateway(call: Any, payment: Payment, vendor: responses.RequestsMock, by: str):
    midtrans.serve_status(vendor, payment)
    answer = call(VERIFY, {"orderId": payment.reference if by == "payment" else payment.order.reference})
    assert answer.json() == {
        "success": True,
        "order_id": payment.order.reference,
        "payment_status": "succeeded",
        "transaction_status": "settlement",
    }
    payment.order.refresh_from_db()
    assert payment.order.is_paid


@pytest.mark.defect("CE-23")
@pytest.mark.parametrize(
    ("word", "ours"), [("pending", "pending"), ("deny", "failed"), ("expire", "expired"), ("cancel", "failed")]
)
def test_verification_never_says_paid_for_anything_else(
    call: Any, payment: Payment, vendor: responses.RequestsMock, word: str, ours: str
):
    midtrans.serve_status(vendor, payment, word)
    answer = call(VERIFY, {"orderId": payment.order.reference}).json()
    assert (answer["payment_status"], answer["transaction_status"]) == (ours, word)
    payment.order.refresh_from_db()
    assert payment.order.status == Order.Status.AWAITING_PAYMENT


@pytest.mark.defect("IT-25")
def test_attempt_that_was_not_begun_is_not_paid(call: Any, payment: Payment, vendor: responses.RequestsMock):
    midtrans.serve_not_begun(vendor, payment)
    answer = call(VERIFY, {"orderId": payment.reference}).json()
    assert (answer["payment_status"], answer["transaction_status"]) == ("pending", "not_started")


def test_verification_cannot_set_a_paid_order_back(call: Any, payment: Payment, vendor: responses.RequestsMock):
    record_payment_succeeded(payment, report_of(payment))
    midtrans.serve_status(vendor, payment, "expire")
    assert call(VERIFY, {"orderId": payment.order.reference}).json()["payment_status"] == "succeeded"


def test_verification_of_an_order_looks_at_its_paid_attempt(call: Any, payment: Payment, vendor: responses.RequestsMock):
    record_payment_succeeded(payment, report_of(payment))
    make_payment(payment.order)
    midtrans.serve_status(vendor, payment)
    assert call(VERIFY, {"orderId": payment.order.reference}).json()["payment_status"] == "succeeded"


def test_order_without_attempts_answers_its_own_state(call: Any, sam: User, ada: Tutor):
    order = make_booking(sam, ada, status=Booking.Status.PAID).order
    answer = call(VERIFY, {"orderId": order.reference}).json()
    assert (answer["payment_status"], answer["transaction_status"]) == ("paid", "")


def test_verification_says_when_the_gateway_does_not_answer(call: Any, payment: Payment, vendor: responses.RequestsMock):
    vendor.get(midtrans.status_url(payment.reference), status=502, body="<html>")
    answer = call(VERIFY, {"orderId": payment.reference})
    assert (answer.status_code, answer.json()["success"]) == (503, False)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "Missing required field: orderId"),
        ({"orderId": 5}, 400, "orderId must be a text."),
        ({"orderId": "OR-NONE"}, 404, "There is no order of this number."),
        ([], 400, "Please send a JSON object."),
    ],
)
def test_verification_says_what_is_wrong(call: Any, body: Any, status: int, error: str):
    answer = call(VERIFY, body)
    assert (answer.status_code, answer.json()) == (status, {"success": False, "error": error})


@pytest.mark.parametrize("address", [CHECKOUT, VERIFY])
def test_calls_need_a_key_with_the_scope(db: None, address: str):
    _row, other = create_api_key("slots", scopes=[ApiKey.Scope.SLOTS])
    statuses = [
        Client().post(address, {}, content_type="application/json", headers=headers).status_code
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {other}"})
    ]
    assert statuses == [401, 401, 403]


@pytest.mark.parametrize("address", [CHECKOUT, VERIFY])
def test_trouble_is_told_in_json(call: Any, key: str, address: str):
    broken = call(address, "{")
    got = Client().get(address, headers={"Authorization": f"Bearer {key}"})
    assert [(a.status_code, a["Content-Type"], a.json()["success"]) for a in (broken, got)] == [
        (400, "application/json", False),
        (405, "application/json", False),
    ]


@pytest.mark.defect("TB-01", "TB-10")
def test_code_of_a_program_makes_the_order_cheaper(call: Any, maths: SessionType, sam: User, vendor: responses.RequestsMock):
    make_code("SUMMER", uses_allowed=1)
    midtrans.serve_page(vendor)
    sent = order_of(maths, promo_code=" summer ", discount=149_999, total_amount=1, price=1)
    answer = call(CHECKOUT, sent)
    order = Order.objects.get()
    assert (answer.status_code, answer.json()["total_amount"]) == (200, 135_000)
    assert (order.total, order.discount, order.payments.get().amount) == (135_000, 15_000, 135_000)


def test_code_that_makes_an_order_free_confirms_it_without_a_gateway(call: Any, maths: SessionType, sam: User):
    make_code("GRATIS", kind="free")
    answer = call(CHECKOUT, order_of(maths, promo_code="gratis")).json()
    order = Order.objects.get()
    assert (answer["session_id"], answer["total_amount"]) == ("", 0)
    assert answer["checkout_url"].endswith(order.get_absolute_url())
    assert (order.status, order.bookings.get().status, order.payments.count()) == ("paid", "paid", 0)


def test_code_that_takes_nothing_off_holds_nothing(call: Any, maths: SessionType, sam: User):
    make_code("SPENT", uses_allowed=0)
    answer = call(CHECKOUT, order_of(maths, promo_code="SPENT"))
    assert (answer.status_code, answer.json()["error"]) == (409, "This code has been used up.")
    assert not Order.objects.exists()
    assert not Booking.objects.exists()
