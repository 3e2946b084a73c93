"""Stripe from the payer's click to the paid session, over real HTTP on both sides of this site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from bookings.doubles.server import Fault, Message
from bookings.models import Booking, Order, User
from payments.checkout import start_checkout
from payments.errors import GatewayUnavailable
from payments.models import Payment, Refund, WebhookEvent
from tests.conftest import Drain
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.stripe_bank import StripeBank, make_double

ADDRESS = "/webhooks/stripe"
Status = Payment.Status


@pytest.fixture
def bank(settings: Any) -> Iterator[StripeBank]:
    with make_double() as double:
        bank = StripeBank(double)
        use_bank(settings, bank)
        yield bank


@pytest.fixture
def attempt(bank: StripeBank, booking: Booking) -> Payment:
    """Sam's open page at Stripe."""
    attempt = start_checkout(booking.order, gateway_name="stripe")
    assert attempt is not None
    return attempt


def post(message: Message, address: str = ADDRESS, **headers: str) -> int:
    sent = {**message.headers(), **headers}
    return (
        Client(raise_request_exception=False)
        .post(address, message.body, content_type="application/json", headers=sent)
        .status_code
    )


def now(payment: Payment) -> Payment:
    return Payment.objects.select_related("order").get(pk=payment.pk)


def test_payer_is_sent_to_the_page_that_stripe_named(bank: StripeBank, booking: Booking, sam: User):
    client = Client()
    client.force_login(sam)
    answer = client.post(f"/orders/{booking.order.reference}/pay/", {"gateway": "stripe"})
    [session] = bank.stripe.sessions.values()
    assert (answer.status_code, answer["Location"]) == (303, session["url"])
    payment = Payment.objects.get()
    assert (payment.gateway, payment.checkout_token, payment.checkout_url) == ("stripe", session["id"], session["url"])
    assert session["client_reference_id"] == payment.reference
    assert session["success_url"].endswith(f"/payments/return/{payment.reference}/")


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/"])
def test_paid_message_makes_the_session_paid(bank: StripeBank, attempt: Payment, drain: Drain, address: str):
    intent = bank.stripe.pay(attempt.reference)
    assert post(bank.messages[-1], address) == 200
    drain()
    paid = now(attempt)
    assert (paid.status, paid.order.status, paid.external_id, paid.method) == (
        Status.SUCCEEDED,
        Order.Status.PAID,
        intent,
        "card",
    )
    assert paid.received == paid.money
    assert [one.status for one in paid.order.bookings.all()] == [Booking.Status.PAID]


@pytest.mark.defect("CE-01", "TB-30")
def test_forged_message_is_refused_and_not_stored(bank: StripeBank, attempt: Payment):
    bank.stripe.pay(attempt.reference)
    true = bank.messages[-1]
    forged = Message(true.body.replace(b'"amount_total": ', b'"amount_total": 1'), true.headers)
    assert [post(forged), post(Message(true.body, dict))] == [400, 400]
    assert Client().post("/webhooks/stripe-simple", true.body, content_type="application/json").status_code == 404
    assert not WebhookEvent.objects.exists()


def test_message_of_the_other_mode_is_refused_and_not_stored(bank: StripeBank, attempt: Payment):
    bank.stripe.is_live = True
    bank.stripe.pay(attempt.reference)
    assert post(bank.messages[-1]) == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.defect("CE-03")
def test_message_of_a_payment_that_is_not_here_yet_is_kept_and_sent_again(bank: StripeBank, attempt: Payment, drain: Drain):
    bank.stripe.pay(attempt.reference)
    Payment.objects.filter(pk=attempt.pk).update(reference="PAY-NOTYETHERE-1")
    assert post(bank.messages[-1]) == 500
    assert WebhookEvent.objects.get().state != WebhookEvent.State.DONE
    Payment.objects.filter(pk=attempt.pk).update(reference=attempt.reference)
    assert post(bank.messages[-1]) == 200
    drain()
    assert now(attempt).status == Status.SUCCEEDED


@pytest.mark.defect("CE-03")
def test_message_that_stripe_cannot_confirm_yet_stays_in_line(bank: StripeBank, attempt: Payment, drain: Drain):
    bank.stripe.pay(attempt.reference)
    for _try in range(3):  # the SDK's own repetitions too
        bank.stripe.fail_next(Fault.ERROR, "GET /v1/checkout/sessions/")
    assert post(bank.messages[-1]) == 200
    drain()
    event = WebhookEvent.objects.get()
    assert (event.state, now(attempt).status) == (WebhookEvent.State.FAILED, Status.PENDING)
    assert "HTTP 500" in event.error
    assert post(bank.messages[-1]) == 200
    drain()
    assert now(attempt).status == Status.SUCCEEDED


@pytest.mark.defect("IT-25")
def test_payment_intent_without_money_pays_nothing(bank: StripeBank, attempt: Payment, drain: Drain):
    intent = bank.stripe.pay_later(attempt.reference)
    post(bank.messages[-1])
    drain()
    waiting = now(attempt)
    assert (waiting.status, waiting.external_id, waiting.order.status) == (
        Status.PENDING,
        intent,
        Order.Status.AWAITING_PAYMENT,
    )
    bank.stripe.settle_later(attempt.reference)
    post(bank.messages[-1])
    drain()
    assert now(attempt).order.status == Order.Status.PAID


def test_whoever_comes_back_before_the_message_is_paid_all_the_same(bank: StripeBank, attempt: Payment, sam: User):
    bank.stripe.pay(attempt.reference)
    client = Client()
    client.force_login(sam)
    back = client.get(f"/payments/return/{attempt.reference}/?session_id=cs_test_other&paid=1")
    assert now(attempt).status == Status.PENDING  # looking changes nothing
    client.post(back["Location"].partition("?")[0] + "check/")
    assert now(attempt).order.status == Order.Status.PAID
    assert post(bank.messages[-1]) == 200


def test_page_whose_answer_was_lost_is_paid_on_all_the_same(bank: StripeBank, booking: Booking, drain: Drain):
    bank.stripe.silence = 0.1
    for _try in range(3):
        bank.stripe.fail_next(Fault.RESET, "POST /v1/checkout/sessions")
    with pytest.raises(GatewayUnavailable):
        start_checkout(booking.order, gateway_name="stripe")
    attempt = Payment.objects.get()
    assert (attempt.status, attempt.checkout_token) == (Status.PENDING, "")
    bank.stripe.pay(attempt.reference)
    post(bank.messages[-1])
    drain()
    paid = now(attempt)
    assert (paid.order.status, paid.checkout_token) == (Order.Status.PAID, *bank.stripe.sessions)


def test_refund_made_at_stripe_appears_though_its_message_comes_first(bank: StripeBank, attempt: Payment, drain: Drain):
    intent = bank.stripe.pay(attempt.reference)
    bank.stripe.refund_in_dashboard(intent, 100_000)
    for message in reversed(bank.messages):
        assert post(message) == 200
        drain()
    refunds = Refund.objects.filter(payment=attempt).values_list("amount", "status")
    assert list(refunds) == [(1_000, Refund.Status.SUCCEEDED)]
    assert now(attempt).status in Payment.MONEY_RECEIVED


def test_other_sites_on_the_same_account_are_none_of_ours(bank: StripeBank, attempt: Payment, drain: Drain):
    session = bank.stripe.session_of(attempt.reference)
    session.update(client_reference_id="shop-order-7", metadata={})
    bank.stripe.by_reference["shop-order-7"] = session["id"]
    intent = bank.stripe.pay("shop-order-7")
    bank.stripe.intents[intent]["metadata"] = {}
    for charge in bank.stripe.charges.values():
        charge["metadata"] = {}
    bank.stripe.refund_in_dashboard(intent, 100_000)
    for message in bank.messages:
        assert post(message) == 200
    drain()
    assert {event.state for event in WebhookEvent.objects.all()} == {WebhookEvent.State.IGNORED}
    assert now(attempt).status == Status.PENDING


def test_event_of_a_kind_that_nobody_waits_for_is_kept_and_left(bank: StripeBank, attempt: Payment, drain: Drain):
    bank.stripe.decline(attempt.reference)
    [message] = bank.messages
    assert json.loads(message.body)["type"] == "payment_intent.payment_failed"
    assert post(message) == 200
    drain()
    assert WebhookEvent.objects.get().state == WebhookEvent.State.IGNORED
    assert now(attempt).status == Status.PENDING
