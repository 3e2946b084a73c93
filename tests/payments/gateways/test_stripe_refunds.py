"""Money goes back once per key, never more than is left, and never while a bank disputes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bookings.doubles.server import Fault
from bookings.money import Money
from payments.doubles.stripe import StripeDouble
from payments.errors import GatewayRefused, GatewayUnavailable
from payments.gateways.base import Attempt, RefundRequest, RefundState
from payments.gateways.stripe import StripeGateway
from tests.payments.gateways.asking import KEY, MONEY, PART, REFERENCE, open_attempt, refund_request
from tests.payments.gateways.stripe_bank import SECRETS

CREATE = "POST /v1/refunds"
DAY = 24 * 60 * 60


@pytest.fixture
def attempt(gateway: StripeGateway, stripe: StripeDouble) -> Attempt:
    """Paid."""
    attempt = open_attempt(gateway)
    return replace(attempt, external_id=stripe.pay(REFERENCE))


@pytest.fixture
def wanted(gateway: StripeGateway, attempt: Attempt) -> RefundRequest:
    return refund_request(gateway, attempt, PART)


def created(stripe: StripeDouble) -> int:
    return sum(f"{request.method} {request.path}" == CREATE for request in stripe.requests)


def test_refund_names_the_payment_the_sum_and_our_key(gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest):
    report = gateway.send_refund(wanted)
    asked = next(request for request in stripe.requests if request.path == "/v1/refunds")
    assert asked.headers["Idempotency-Key"] == f"refund-{KEY}"
    [refund] = stripe.refunds.values()
    assert (refund["payment_intent"], refund["amount"]) == (wanted.attempt.external_id, 5_000_000)
    assert (refund["reason"], refund["metadata"]) == ("requested_by_customer", {"refund": KEY})
    assert (report.external_id, report.state, report.money, report.key) == (refund["id"], RefundState.SUCCEEDED, PART, KEY)


def test_refund_is_not_sent_again_after_stripe_forgot_the_key(
    gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest
):
    first = gateway.send_refund(wanted)
    stripe.pass_time(2 * DAY)
    assert gateway.send_refund(wanted).external_id == first.external_id
    assert (len(stripe.refunds), created(stripe)) == (1, 1)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER])
def test_refund_whose_answer_was_lost_is_found_and_not_sent_again(
    gateway: StripeGateway, hasty: StripeGateway, stripe: StripeDouble, wanted: RefundRequest, fault: Fault
):
    stripe.fail_next(fault, CREATE)
    with pytest.raises(GatewayUnavailable):
        hasty.send_refund(wanted)
    stripe.pass_time(2 * DAY)
    assert gateway.send_refund(wanted).state is RefundState.SUCCEEDED
    assert (len(stripe.refunds), created(stripe)) == (1, 1)


def test_refund_that_failed_is_reported_and_not_sent_again_under_its_key(
    gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest
):
    stripe.fail_refund(gateway.send_refund(wanted).external_id)
    report = gateway.send_refund(wanted)
    assert (report.state, report.detail) == (RefundState.FAILED, "expired_or_canceled_card")
    assert gateway.send_refund(replace(wanted, key="RF-ANEW")).state is RefundState.SUCCEEDED
    assert stripe.sent_back(wanted.attempt.external_id) == 5_000_000


@pytest.mark.parametrize("status", ["pending", "requires_action"])
def test_refund_may_be_under_way_for_days(gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest, status: str):
    stripe.refunds_start = status
    assert gateway.send_refund(wanted).state is RefundState.PENDING
    [refund] = stripe.refunds
    stripe.settle_refund(refund)
    assert [one.state for one in gateway.fetch_report(wanted.attempt).refunds] == [RefundState.SUCCEEDED]


def test_all_refunds_are_seen_however_many(gateway: StripeGateway, stripe: StripeDouble, attempt: Attempt):
    for _number in range(120):
        stripe.refund_in_dashboard(attempt.external_id, 100)
    report = gateway.fetch_report(attempt)
    assert len({refund.external_id for refund in report.refunds}) == 120


Trouble = Callable[[StripeDouble, str], object]
TROUBLES: list[tuple[Trouble, Money, str]] = [
    (lambda stripe, intent: None, Money(150_001, "IDR"), "more than is left of the payment"),
    (lambda stripe, intent: stripe.refund_in_dashboard(intent, 12_000_000), PART, "more than is left of the payment"),
    (lambda stripe, intent: stripe.refund_in_dashboard(intent, 15_000_000), PART, "all of it has gone back already"),
    (lambda stripe, intent: stripe.open_dispute(intent), PART, "the payer's bank disputes the payment"),
    (lambda stripe, intent: stripe.close_dispute(stripe.open_dispute(intent), "lost"), PART, "the payer's bank disputes"),
]


@pytest.mark.parametrize(("trouble", "money", "why"), TROUBLES)
def test_refund_that_stripe_will_never_send_is_refused_with_its_reason(
    gateway: StripeGateway, stripe: StripeDouble, attempt: Attempt, trouble: Trouble, money: Money, why: str
):
    trouble(stripe, attempt.external_id)
    before = stripe.sent_back(attempt.external_id)
    with pytest.raises(GatewayRefused) as refused:
        gateway.send_refund(refund_request(gateway, attempt, money))
    assert refused.value.detail.startswith(why)
    assert stripe.sent_back(attempt.external_id) == before


@pytest.mark.parametrize("status", ["needs_response", "under_review", "warning_under_review", "lost", "a new word"])
def test_disputed_payment_is_not_even_asked_to_be_sent_back(
    gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest, status: str
):
    stripe.close_dispute(stripe.open_dispute(wanted.attempt.external_id), status)
    with pytest.raises(GatewayRefused):
        gateway.send_refund(wanted)
    assert created(stripe) == 0


def test_payment_whose_dispute_was_won_can_be_sent_back(gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest):
    stripe.close_dispute(stripe.open_dispute(wanted.attempt.external_id), "won")
    assert gateway.send_refund(wanted).state is RefundState.SUCCEEDED


def test_refund_of_another_payment_than_the_pages_is_refused(
    gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest
):
    with pytest.raises(GatewayRefused):
        gateway.send_refund(replace(wanted, attempt=replace(wanted.attempt, external_id="pi_other")))
    assert stripe.refunds == {}


def test_wrong_key_is_no_answer_about_the_refund(stripe: StripeDouble, wanted: RefundRequest):
    wrong = StripeGateway(secret_key="sk_test_WRONG", webhook_secrets=SECRETS, api_url=stripe.url)
    with pytest.raises(GatewayUnavailable):
        wrong.send_refund(wanted)


def test_sum_in_another_currency_than_was_paid_is_refused(
    gateway: StripeGateway, stripe: StripeDouble, wanted: RefundRequest
):
    with pytest.raises(GatewayRefused):
        gateway.send_refund(replace(wanted, money=Money(500, "USD")))
    assert stripe.refunds == {}
    assert gateway.fetch_report(wanted.attempt).money == MONEY
