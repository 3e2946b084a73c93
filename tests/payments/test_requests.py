"""Paying what a tutor approves first: not before the answer, then until the deadline, and late as ever."""

import json
from datetime import timedelta

import pytest
import responses
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.acceptance import accept_booking
from bookings.api_keys import create_api_key
from bookings.errors import AnswerAwaited, OrderNotPayable
from bookings.models import ApiKey, Booking, SessionType, Tutor, User
from bookings.orders import expire_unpaid
from payments.checkout import start_checkout
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment, Refund
from payments.settlement import record_payment_succeeded
from tests.factories import make_payment, tomorrow
from tests.pages import text_of
from tests.payments import midtrans
from tests.requests_made import STATES, accepted, ask

Status = Booking.Status


@pytest.fixture(autouse=True)
def _ada_approves_first(ada: Tutor) -> None:
    ada.approves_first = True
    ada.save()


def word_of_payment(payment: Payment) -> PaymentReport:
    return PaymentReport(payment.reference, Outcome.PAID, status="settlement", external_id="t-1", money=payment.money)


@pytest.mark.parametrize("state", ["asked", "proposed"])
def test_request_has_no_payment_page(maths: SessionType, sam: User, state: str):
    booking = STATES[state](maths, sam)
    with pytest.raises(AnswerAwaited):
        start_checkout(booking.order, gateway_name="midtrans")
    assert not Payment.objects.exists()


def test_request_that_costs_nothing_cannot_be_confirmed_from_a_browser(maths: SessionType, sam: User, client: Client):
    maths.price = 0
    maths.save()
    booking = ask(maths, sam)
    client.force_login(sam)
    answer = client.post(f"/orders/{booking.order.reference}/pay/")
    assert (answer.status_code, Booking.objects.get().status) == (409, Status.REQUESTED)


@pytest.mark.parametrize("state", ["unanswered", "declined", "withdrawn", "unpaid"])
def test_request_that_is_over_has_no_payment_page(maths: SessionType, sam: User, state: str):
    booking = STATES[state](maths, sam)
    booking.order.refresh_from_db()
    with pytest.raises(OrderNotPayable):
        start_checkout(booking.order, gateway_name="midtrans")


def test_accepted_request_is_paid_with_its_lines(maths: SessionType, sam: User, vendor: responses.RequestsMock):
    midtrans.serve_page(vendor)
    booking = accept_booking(ask(maths, sam, starts_at=tomorrow(days=4)), who=maths.tutor.user)
    payment = start_checkout(booking.order, gateway_name="midtrans")
    assert payment is not None
    asked = json.loads(vendor.calls[0].request.body or "")
    assert [line["id"] for line in asked["item_details"]] == [booking.reference]
    assert asked["expiry"]["duration"] in (1439, 1440)
    record_payment_succeeded(payment, word_of_payment(payment))
    booking.refresh_from_db()
    booking.order.refresh_from_db()
    assert (booking.status, booking.order.status) == (Status.PAID, "paid")


def test_page_ends_before_the_gateways_limit_though_the_order_waits_longer(
    maths: SessionType, sam: User, vendor: responses.RequestsMock, settings
):
    settings.ACCEPTED_PAYMENT_HOURS = 24 * 20
    midtrans.serve_page(vendor)
    booking = accept_booking(ask(maths, sam, starts_at=tomorrow(days=30)), who=maths.tutor.user)
    payment = start_checkout(booking.order, gateway_name="midtrans")
    assert payment is not None
    assert booking.order.expires_at is not None
    assert payment.expires_at < timezone.now() + timedelta(days=7) < booking.order.expires_at
    midtrans.serve_page(vendor)
    with time_machine.travel(payment.expires_at + timedelta(minutes=1)):
        second = start_checkout(booking.order, gateway_name="midtrans")
    assert second is not None
    assert second.number == 2


@pytest.mark.defect("IT-24")
def test_money_for_what_nobody_accepted_goes_back(maths: SessionType, sam: User):
    booking = ask(maths, sam)
    payment = make_payment(booking.order)
    record_payment_succeeded(payment, word_of_payment(payment))
    payment.refresh_from_db()
    assert (payment.status, Booking.objects.get().status) == (Payment.Status.SUCCEEDED, Status.REQUESTED)
    assert [refund.money for refund in Refund.objects.all()] == [payment.money]


@pytest.mark.parametrize("is_taken", [False, True])
def test_late_money_for_an_accepted_request_follows_the_rule_of_late_money(
    maths: SessionType, sam: User, kim: User, is_taken: bool
):
    booking = accepted(maths, sam)
    payment = make_payment(booking.order)
    late = tomorrow() - timedelta(minutes=5)
    Booking.objects.update(held_until=late)
    type(booking.order).objects.filter(pk=booking.order_id).update(expires_at=late)
    with time_machine.travel(late, tick=False):
        expire_unpaid(now=late)
        if is_taken:
            ask(maths, kim, starts_at=booking.starts_at)
        record_payment_succeeded(payment, word_of_payment(payment))
    booking.refresh_from_db()
    assert booking.status == (Status.EXPIRED if is_taken else Status.PAID)
    assert [refund.reason for refund in Refund.objects.all()] == (["late"] if is_taken else [])


SAID = {
    "asked": "Waiting for an answer",
    "proposed": "Waiting for an answer",
    "accepted": "Not paid yet",
    "declined": "The tutor could not take this session",
    "withdrawn": "This order was cancelled",
    "unanswered": "This request was not answered in time",
    "unpaid": "This order was not paid in time",
}


@pytest.mark.parametrize("state", SAID)
def test_order_page_says_how_a_request_stands(maths: SessionType, sam: User, client: Client, state: str):
    booking = STATES[state](maths, sam)
    client.force_login(sam)
    page = text_of(client.get(f"/orders/{booking.order.reference}/"))
    assert SAID[state] in page
    assert ("Pay now" in page) == (state == "accepted")


@pytest.mark.parametrize("state", ["asked", "accepted"])
def test_cart_reminds_of_what_can_be_paid_only(maths: SessionType, sam: User, client: Client, state: str):
    booking = STATES[state](maths, sam)
    client.force_login(sam)
    assert (booking.order.get_absolute_url() in client.get("/cart/").content.decode()) == (state == "accepted")
    leads_to = booking.order.get_absolute_url() if state == "accepted" else "/cart/"
    assert client.get("/checkout/")["Location"] == leads_to


def test_program_is_told_that_this_tutor_has_to_be_asked(maths: SessionType, sam: User, client: Client):
    _row, key = create_api_key("shop", scopes=[ApiKey.Scope.CHECKOUT])
    line = {"tutor": "ada", "session_type": "maths", "start": tomorrow().isoformat()}
    answer = client.post(
        "/api/initiate-booking-checkout",
        {"student": sam.email, "bookings": [line], "gateway": "midtrans"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert (answer.status_code, answer.json()["success"]) == (409, False)
    assert "confirms every session first" in answer.json()["error"]
    assert not Booking.objects.exists()
