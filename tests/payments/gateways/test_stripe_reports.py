"""What Stripe's sessions and messages mean, and that a message is only asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from bookings.money import Money
from payments.doubles.stripe import StripeDouble
from payments.errors import GatewayRefused
from payments.gateways.base import Attempt, DisputeState, Outcome, PaymentReport
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe_messages import read_event
from payments.gateways.stripe_words import dispute_of, refund_of, report_of
from tests.payments.gateways.asking import MONEY, REFERENCE, checkout_request, open_attempt, tell

SESSION = {
    "id": "cs_test_1",
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 15_000_000,
    "currency": "idr",
    "client_reference_id": REFERENCE,
    "metadata": {"attempt": REFERENCE},
    "created": 1767225000,
    "payment_intent": {
        "id": "pi_1",
        "status": "succeeded",
        "latest_charge": {"id": "ch_1", "created": 1767225600, "payment_method_details": {"type": "card"}},
    },
}


def session(**changes: Any) -> dict[str, Any]:
    return {**SESSION, **changes}


@pytest.mark.defect("IT-25")
@pytest.mark.parametrize(
    ("status", "payment_status", "intent", "outcome"),
    [
        ("complete", "paid", "succeeded", Outcome.PAID),
        ("complete", "unpaid", "processing", Outcome.PENDING),
        ("complete", "unpaid", "requires_action", Outcome.PENDING),
        ("complete", "unpaid", "requires_payment_method", Outcome.FAILED),
        ("complete", "unpaid", "canceled", Outcome.CANCELLED),
        ("complete", "unpaid", "requires_capture", Outcome.REVIEW),
        ("complete", "no_payment_required", "", Outcome.REVIEW),
        ("open", "unpaid", "", Outcome.PENDING),
        ("open", "unpaid", "requires_payment_method", Outcome.PENDING),
        ("expired", "unpaid", "", Outcome.EXPIRED),
        ("expired", "paid", "succeeded", Outcome.PAID),
        ("frozen", "unpaid", "", Outcome.UNKNOWN),
        ("complete", "half", "succeeded", Outcome.UNKNOWN),
        ("complete", "", "succeeded", Outcome.UNKNOWN),
    ],
)
def test_status_of_session_and_payment_decide_together(status: str, payment_status: str, intent: str, outcome: Outcome):
    payment: Any = {**SESSION["payment_intent"], "status": intent} if intent else None  # type: ignore[dict-item]
    report = report_of(session(status=status, payment_status=payment_status, payment_intent=payment))
    assert report.outcome is outcome
    assert report.external_id == ("pi_1" if intent else "")


def test_paid_session_is_read_whole():
    assert report_of(SESSION) == PaymentReport(
        reference=REFERENCE,
        outcome=Outcome.PAID,
        status="paid",
        external_id="pi_1",
        money=MONEY,
        method="card",
        paid_at=datetime(2026, 1, 1, tzinfo=UTC),
        detail="paid, succeeded",
        token="cs_test_1",
    )


@pytest.mark.parametrize(
    ("changes", "money"),
    [
        ({"amount_total": None}, None),
        ({"amount_total": "15000000"}, None),
        ({"amount_total": 15_000_050}, None),
        ({"currency": None}, None),
        ({"currency": "usd"}, Money(15_000_000, "USD")),
        ({"amount_total": 100}, Money(1, "IDR")),
    ],
)
def test_amount_is_read_exactly_or_not_at_all(changes: dict[str, Any], money: Money | None):
    assert report_of(session(**changes)).money == money


@pytest.mark.parametrize(
    "wrong", [None, [], "x", 7, {"id": None}, {"latest_charge": []}, {"latest_charge": {"created": "x"}}]
)
def test_session_with_fields_of_other_kinds_is_read_as_far_as_it_goes(wrong: object):
    report = report_of(session(payment_intent=wrong, metadata=wrong, client_reference_id=REFERENCE))
    assert (report.reference, report.outcome, report.money) == (REFERENCE, Outcome.PAID, MONEY)


def test_intent_that_is_not_expanded_is_an_id():
    assert report_of(session(payment_intent="pi_7")).external_id == "pi_7"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.OPEN),
        ("warning_under_review", DisputeState.OPEN),
        ("warning_closed", DisputeState.WON),
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("appeal_under_review", DisputeState.OPEN),
        ("won", DisputeState.WON),
        ("prevented", DisputeState.WON),
        ("lost", DisputeState.LOST),
        ("a new word", DisputeState.OPEN),
    ],
)
def test_dispute_is_open_until_it_is_won_or_lost(status: str, state: DisputeState):
    assert dispute_of({"id": "du_1", "status": status}).state is state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("a new word", "pending"),
    ],
)
def test_refund_is_under_way_until_it_has_succeeded_or_failed(status: str, state: str):
    assert refund_of({"id": "re_1", "status": status}).state == state


def test_slow_method_is_under_way_until_its_money_comes(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    intent = stripe.pay_later(REFERENCE)
    told = tell(gateway, stripe.messages[-1], attempt)
    assert (told.outcome, told.external_id) == (Outcome.PENDING, intent)
    assert not gateway.read_message(stripe.messages[-1].body).claims_money
    stripe.settle_later(REFERENCE)
    assert tell(gateway, stripe.messages[0], attempt).outcome is Outcome.PAID  # the old message, late
    assert gateway.read_message(stripe.messages[-1].body).claims_money


def test_slow_method_that_fails_is_failed(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    stripe.pay_later(REFERENCE)
    stripe.fail_later(REFERENCE)
    report = tell(gateway, stripe.messages[-1], attempt)
    assert report.outcome is Outcome.FAILED
    assert report.detail == "unpaid, requires_payment_method, payment_intent_payment_attempt_failed"


def test_message_that_says_paid_is_asked_about(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    stripe.pay(REFERENCE)
    message = gateway.read_message(stripe.messages[-1].body)
    stripe.session_of(REFERENCE).update(status="open", payment_status="unpaid")
    assert message.claims_money
    assert gateway.confirm_message(message, attempt).outcome is Outcome.PENDING


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "charge.succeeded", "payout.paid", "a.kind.of.tomorrow"])
def test_kind_of_message_that_nobody_waits_for_is_about_nothing(kind: str):
    message = read_event(b'{"id": "evt_1", "type": "%s", "data": {"object": {"payment_intent": "pi_1"}}}' % kind.encode())
    assert (message.dedupe_key, message.kind, message.reference, message.external_id) == ("evt_1", kind, "", "")


def test_message_is_known_by_the_number_of_its_event(gateway: StripeGateway, stripe: StripeDouble):
    open_attempt(gateway)
    stripe.pay(REFERENCE)
    [event] = stripe.events
    assert gateway.read_message(stripe.messages[-1].body).dedupe_key == event


def test_message_finds_the_page_whose_opening_answer_was_lost(gateway: StripeGateway, stripe: StripeDouble):
    token = gateway.open_checkout(checkout_request()).token
    stripe.pay(REFERENCE)
    report = tell(gateway, stripe.messages[-1], Attempt(REFERENCE, made_at=timezone.now()))
    assert (report.outcome, report.token) == (Outcome.PAID, token)
    assert not any(request.path == "/v1/checkout/sessions" and request.method == "GET" for request in stripe.requests)


def test_message_of_another_page_of_the_attempt_does_not_hide_the_one_we_know(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    other = {**stripe.sessions[attempt.token], "id": "cs_test_other"}
    stripe.sessions["cs_test_other"] = {**other, "payment_intent": None}
    stripe.pay(attempt.token)
    message = replace(gateway.read_message(stripe.messages[-1].body), token="cs_test_other")
    assert gateway.confirm_message(message, attempt).outcome is Outcome.PAID


@pytest.mark.parametrize("is_known", [True, False], ids=["known here", "not known here"])
def test_refund_and_dispute_find_their_payment_by_its_intent(gateway: StripeGateway, stripe: StripeDouble, is_known: bool):
    attempt = open_attempt(gateway)
    intent = stripe.pay(REFERENCE)
    refund = stripe.refund_in_dashboard(intent, 5_000_000)
    dispute = stripe.open_dispute(intent)
    for message in stripe.messages[1:]:
        report = tell(gateway, message, attempt if is_known else None)
        assert (report.reference, report.outcome, report.external_id) == (REFERENCE, Outcome.PAID, intent)
        assert [one.external_id for one in report.refunds] == [refund]
        assert [one.external_id for one in report.disputes] == [dispute]


def test_payment_of_another_site_on_the_same_account_is_none_of_ours(gateway: StripeGateway, stripe: StripeDouble):
    gateway.open_checkout(checkout_request())
    intent = stripe.pay(REFERENCE)
    stripe.intents[intent]["metadata"] = {}
    stripe.refund_in_dashboard(intent, 5_000_000)
    report = tell(gateway, stripe.messages[1])
    assert (report.reference, report.outcome) == ("", Outcome.UNKNOWN)


def test_payment_that_stripe_does_not_know_is_none_of_ours(gateway: StripeGateway):
    message = read_event(b'{"id": "evt_1", "type": "refund.created", "data": {"object": {"payment_intent": "pi_nowhere"}}}')
    assert gateway.confirm_message(message).reference == ""


def test_what_asking_does_not_show_yet_is_taken_from_the_message(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    intent = stripe.pay(REFERENCE)
    dispute = stripe.open_dispute(intent)
    stripe.charges[stripe.intents[intent]["latest_charge"]]["disputed"] = False
    assert [one.external_id for one in tell(gateway, stripe.messages[-1], attempt).disputes] == [dispute]


def test_dispute_that_was_won_meanwhile_is_not_opened_again_by_its_old_message(gateway: StripeGateway, stripe: StripeDouble):
    attempt = open_attempt(gateway)
    stripe.close_dispute(stripe.open_dispute(stripe.pay(REFERENCE)), "won")
    opened = next(message for message in stripe.messages if b"charge.dispute.created" in message.body)
    assert [one.state for one in tell(gateway, opened, attempt).disputes] == [DisputeState.WON]


def test_page_that_stripe_does_not_know_is_a_fault_of_the_set_up(gateway: StripeGateway):
    with pytest.raises(GatewayRefused):
        gateway.fetch_report(Attempt(REFERENCE, "cs_test_of_another_account"))
