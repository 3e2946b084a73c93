"""Stripe's messages in the inbox: those that name no payment of ours, only Stripe's own number, and those without a use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from bookings.doubles.server import Message
from bookings.models import Booking
from bookings.money import Money
from payments.checkout import start_checkout
from payments.doubles.stripe import StripeDouble
from payments.gateways.stripe_signatures import HEADER, sign
from payments.models import Payment, WebhookEvent
from tests.conftest import Drain
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.stripe_bank import SECRETS, StripeBank, make_double

State = WebhookEvent.State
PART = Money(50_000, "IDR")


@pytest.fixture
def bank(settings: Any) -> Iterator[StripeBank]:
    with make_double() as double:
        bank = StripeBank(double)
        use_bank(settings, bank)
        yield bank


@pytest.fixture
def attempt(bank: StripeBank, booking: Booking) -> Payment:
    payment = start_checkout(booking.order, gateway_name="stripe")
    assert payment is not None
    return payment


def post(message: Message) -> int:
    headers: dict[str, Any] = dict(message.headers())
    return Client().post("/webhooks/stripe", message.body, content_type="application/json", headers=headers).status_code


def post_signed(event: Any) -> int:
    body = json.dumps(event).encode()
    at = int(time.time())
    return post(Message(body, lambda: {HEADER: f"t={at},v1={sign(SECRETS[0], at, body)}"}))


def post_all(bank: StripeBank) -> list[int]:
    sent, bank.double.messages[:] = list(bank.messages), []
    return [post(message) for message in sent]


def told() -> list[tuple[str, str, str]]:
    return list(WebhookEvent.objects.order_by("pk").values_list("kind", "reference", "state"))


def test_refund_of_the_dashboard_is_matched_by_the_stored_number(bank: StripeBank, attempt: Payment, drain: Drain):
    bank.pay(attempt.reference)
    post_all(bank)
    drain()
    WebhookEvent.objects.all().delete()
    bank.refund_in_dashboard(attempt.reference, PART)

    assert set(post_all(bank)) == {200}
    assert ("refund.created", "", State.NEW) in told()
    drain()

    assert ("refund.created", attempt.reference) in [(kind, reference) for kind, reference, _state in told()]
    assert State.FAILED not in {state for _kind, _reference, state in told()}
    assert WebhookEvent.objects.get(kind="refund.created").payment == attempt


def test_refund_of_a_payment_whose_number_is_not_stored_is_found_by_asking(bank: StripeBank, attempt: Payment, drain: Drain):
    bank.pay(attempt.reference)
    bank.double.messages.clear()  # that it was paid, nobody ever hears
    bank.refund_in_dashboard(attempt.reference, PART)
    [refund] = [one for one in bank.messages if b'"type": "refund.created"' in one.body]

    assert post(refund) == 200
    drain()

    event = WebhookEvent.objects.get()
    attempt.refresh_from_db()
    assert (event.reference, event.payment, event.state) == (attempt.reference, attempt, State.DONE)
    assert attempt.succeeded_at is not None


def test_refund_of_somebody_elses_payment_is_ignored_once_stripe_has_said_so(
    bank: StripeBank, attempt: Payment, drain: Drain
):
    bank.pay(attempt.reference)
    stripe: StripeDouble = bank.stripe
    for thing in [*stripe.sessions.values(), *stripe.intents.values(), *stripe.charges.values()]:
        thing["metadata"], thing["client_reference_id"] = {}, "another-shop-77"
    bank.double.messages.clear()
    bank.refund_in_dashboard(attempt.reference, PART)

    assert set(post_all(bank)) == {200}
    drain()

    assert {state for _kind, _reference, state in told()} == {State.IGNORED}
    assert {event.error for event in WebhookEvent.objects.all()} == {"Not a payment of this site."}


def test_message_of_a_kind_without_a_use_is_stored_and_nobody_is_asked(bank: StripeBank, db: None, drain: Drain):
    asked = len(bank.double.requests)
    assert post_signed({"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}}) == 200
    assert drain() == []
    assert told() == [("customer.created", "", State.IGNORED)]
    assert len(bank.double.requests) == asked


@pytest.mark.defect("CE-20")
def test_page_whose_number_was_lost_when_it_was_made_is_kept_from_its_message(
    bank: StripeBank, attempt: Payment, drain: Drain
):
    token = attempt.checkout_token
    Payment.objects.update(checkout_token="", checkout_url="")
    bank.pay(attempt.reference)
    post_all(bank)
    drain()
    attempt.refresh_from_db()
    assert (attempt.status, attempt.checkout_token) == (Payment.Status.SUCCEEDED, token)


@pytest.mark.defect("CE-03")
def test_payment_that_is_not_here_is_stored_and_sent_again_by_stripe(bank: StripeBank, attempt: Payment, db: None):
    bank.pay(attempt.reference)
    body = bank.messages[-1].body.replace(attempt.reference.encode(), b"PAY-BCDFGHJKMN-9")
    assert post_signed(json.loads(body)) == 500
    assert WebhookEvent.objects.get().reference == "PAY-BCDFGHJKMN-9"


@pytest.mark.defect("TB-30")
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{}", b"[]", b"null", b"[" * 60_000, b'{"id": ' + b"9" * 5000 + b"}"])
def test_unsigned_body_is_refused_whatever_it_is(bank: StripeBank, db: None, body: bytes):
    answer = Client().post("/webhooks/stripe", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert not WebhookEvent.objects.exists()


def test_unsigned_endpoints_do_not_exist(bank: StripeBank, db: None):
    for address in ("/webhooks/stripe-simple", "/webhooks/stripe_simple", "/stripe-webhooks-simple/", "/webhooks/stripe/x"):
        assert Client().post(address, b"{}", content_type="application/json").status_code == 404
