"""What Stripe is asked for when a page is opened, and that there is one page however often it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.utils import timezone, translation

from bookings.doubles.server import Fault
from bookings.money import Money
from payments.doubles.stripe import StripeDouble
from payments.doubles.stripe_forms import read_form
from payments.errors import GatewayRefused, GatewayUnavailable
from payments.gateways.base import Attempt, CheckoutItem, CheckoutRequest, Outcome
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe_pages import page_of, session_wanted
from tests.payments.gateways.asking import REFERENCE, checkout_request

CREATE = "POST /v1/checkout/sessions"


def asked_of(stripe: StripeDouble) -> dict[str, Any]:
    return read_form(parse_qsl(stripe.requests[-1].body.decode(), keep_blank_values=True))


def lines_of(request: CheckoutRequest) -> list[tuple[str, int]]:
    lines: Any = session_wanted(request)["line_items"]
    return [(line["price_data"]["product_data"]["name"], line["price_data"]["unit_amount"]) for line in lines]


def lessons(*prices: int, currency: str = "IDR") -> dict[str, Any]:
    items = [
        CheckoutItem(f"BK-{number}", f"Lesson {number}", Money(price, currency)) for number, price in enumerate(prices, 1)
    ]
    return {"items": items, "money": Money(sum(prices), currency)}


def test_page_carries_our_reference_on_the_session_and_on_the_payment(gateway: StripeGateway, stripe: StripeDouble):
    request = checkout_request(**lessons(100_000, 50_000))
    page = gateway.open_checkout(request)
    form = asked_of(stripe)
    assert page.token in stripe.sessions
    assert page.url == stripe.sessions[page.token]["url"]
    assert (form["mode"], form["client_reference_id"]) == ("payment", REFERENCE)
    assert form["metadata"] == form["payment_intent_data"]["metadata"] == {"attempt": REFERENCE}
    assert form["success_url"] == form["cancel_url"] == request.return_url
    assert form["customer_email"] == "sam@example.com"
    assert form["adaptive_pricing"] == {"enabled": "false"}
    assert "payment_method_types" not in form
    assert stripe.requests[-1].headers["Idempotency-Key"] == f"checkout-{REFERENCE}"
    assert stripe.requests[-1].headers["Authorization"] == f"Bearer {stripe.secret_key}"


def test_each_session_is_a_line_in_minor_units():
    assert lines_of(checkout_request(**lessons(100_000, 50_000))) == [("Lesson 1", 10_000_000), ("Lesson 2", 5_000_000)]
    assert lines_of(checkout_request(**lessons(2_550, currency="USD"))) == [("Lesson 1", 2_550)]


def test_discount_leaves_one_line_that_says_so():
    assert lines_of(checkout_request()) == [("Maths lesson (discount included)", 15_000_000)]


def test_more_lines_than_stripe_takes_become_one():
    [(name, amount)] = lines_of(checkout_request(**lessons(*[1_000] * 101)))
    assert amount == 10_100_000
    assert name.startswith("Lesson 1, Lesson 2")
    assert len(name) <= 250


def test_long_name_is_shortened_and_an_empty_one_replaced():
    items = [CheckoutItem("BK-1", "x" * 400, Money(1_000, "IDR")), CheckoutItem("BK-2", "", Money(1_000, "IDR"))]
    [(first, _), (second, _)] = lines_of(checkout_request(items=items, money=Money(2_000, "IDR")))
    assert (len(first), first[-1], second) == (250, "…", "BK-2")


@pytest.mark.parametrize(("asked", "given"), [(5, 31), (30, 31), (45, 45), (23 * 60, 23 * 60), (48 * 60, 23 * 60 + 55)])
def test_page_is_open_as_long_as_asked_within_what_stripe_allows(asked: int, given: int):
    now = timezone.now()
    request = checkout_request(made_at=now, expires_at=now + timedelta(minutes=asked))
    assert session_wanted(request)["expires_at"] == int((now + timedelta(minutes=given)).timestamp())


def test_same_attempt_has_one_page(gateway: StripeGateway, stripe: StripeDouble):
    request = checkout_request()
    assert gateway.open_checkout(request) == gateway.open_checkout(request)
    assert len(stripe.sessions) == 1


def test_same_attempt_asked_for_in_another_language_has_one_page(gateway: StripeGateway, stripe: StripeDouble):
    items = checkout_request().items
    first = gateway.open_checkout(checkout_request())
    with translation.override("id"):
        renamed = [CheckoutItem(item.id, f"{item.name} (id)", item.money) for item in items]
        assert gateway.open_checkout(checkout_request(items=renamed)) == first
    assert len(stripe.sessions) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER])
def test_sdk_asks_again_by_itself_and_there_is_one_page(gateway: StripeGateway, stripe: StripeDouble, fault: Fault):
    stripe.silence = 0.1
    stripe.fail_next(fault, CREATE)
    page = gateway.open_checkout(checkout_request())
    assert [page.token] == list(stripe.sessions)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER])
def test_page_whose_opening_answer_was_lost_is_found_again(stripe: StripeDouble, hasty: StripeGateway, fault: Fault):
    request = checkout_request()
    stripe.fail_next(fault, CREATE)
    with pytest.raises(GatewayUnavailable):
        hasty.open_checkout(request)
    [token] = stripe.sessions
    report = hasty.fetch_report(Attempt(REFERENCE, made_at=request.made_at))
    assert (report.token, report.outcome, report.reference) == (token, Outcome.PENDING, REFERENCE)
    stripe.pay(REFERENCE)
    assert hasty.fetch_report(Attempt(REFERENCE, made_at=request.made_at)).outcome is Outcome.PAID


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.BUSY, Fault.RESET_BEFORE, Fault.HTML])
def test_page_that_was_never_made_is_not_begun(stripe: StripeDouble, hasty: StripeGateway, fault: Fault):
    request = checkout_request()
    stripe.fail_next(fault, CREATE)
    with pytest.raises(GatewayUnavailable):
        hasty.open_checkout(request)
    report = hasty.fetch_report(Attempt(REFERENCE, made_at=request.made_at))
    assert (report.outcome, report.token, report.detail) == (Outcome.PENDING, "", "not begun")


@pytest.mark.parametrize(("minutes", "outcome"), [(0, Outcome.PENDING), (6, Outcome.CANCELLED)])
def test_page_that_was_never_made_is_closed_once_it_cannot_be_on_its_way(
    gateway: StripeGateway, minutes: int, outcome: Outcome
):
    made_at = timezone.now() - timedelta(minutes=minutes)
    assert gateway.close_checkout(Attempt(REFERENCE, made_at=made_at)).outcome is outcome


def test_lost_page_is_closed(stripe: StripeDouble, gateway: StripeGateway):
    request = checkout_request()
    gateway.open_checkout(request)
    assert gateway.close_checkout(Attempt(REFERENCE, made_at=request.made_at)).outcome is Outcome.EXPIRED
    assert stripe.open_pages(REFERENCE) == 0


def test_lost_page_is_found_among_many(stripe: StripeDouble, gateway: StripeGateway):
    request = checkout_request()
    token = gateway.open_checkout(request).token
    for number in range(250):
        _copy_of(stripe, token, f"PAY-OTHER{number}-1")
    assert gateway.fetch_report(Attempt(REFERENCE, made_at=request.made_at)).token == token


@pytest.mark.parametrize("minutes", [-10, 0, 10])
def test_lost_page_is_found_though_thousands_were_made_within_the_half_hour(
    stripe: StripeDouble, gateway: StripeGateway, minutes: int
):
    """And whoever asks for one that was never made hears so: it is closed, and asked for no more."""
    request = checkout_request()
    token = gateway.open_checkout(request).token
    for number in range(2_500):
        _copy_of(stripe, token, f"PAY-OTHER{number}-1")
    made_at = timezone.now() - timedelta(minutes=minutes)
    assert gateway.fetch_report(Attempt(REFERENCE, made_at=made_at)).token == token
    assert gateway.fetch_report(Attempt("PAY-NEVER-1", made_at=made_at)).detail == "not begun"


def test_lost_page_is_not_said_to_be_missing_when_there_are_too_many_to_look(stripe: StripeDouble, gateway: StripeGateway):
    token = gateway.open_checkout(checkout_request(reference="PAY-OTHER-1")).token
    for number in range(4_050):
        _copy_of(stripe, token, f"PAY-OTHER{number}-1")
    with pytest.raises(GatewayUnavailable):
        gateway.fetch_report(Attempt(REFERENCE, made_at=timezone.now()))


def test_only_sessions_of_that_time_are_looked_through(stripe: StripeDouble, gateway: StripeGateway):
    gateway.open_checkout(checkout_request())
    yesterday = timezone.now() - timedelta(days=1)
    assert gateway.fetch_report(Attempt(REFERENCE, made_at=yesterday)).detail == "not begun"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "//evil.test/pay", "ftp://evil.test", "https://checkout.test/" + "x" * 5_000, None, 7]
)
def test_page_address_that_cannot_be_trusted_is_not_used(url: object):
    with pytest.raises(GatewayUnavailable):
        page_of({"id": "cs_test_1", "url": url}, api_url="https://api.stripe.com")


def test_page_over_plain_http_is_not_used_at_stripe_itself():
    with pytest.raises(GatewayUnavailable):
        page_of({"id": "cs_test_1", "url": "http://checkout.stripe.com/c/1"}, api_url="https://api.stripe.com")


def test_sum_that_cannot_be_charged_exactly_is_refused(gateway: StripeGateway, stripe: StripeDouble):
    with pytest.raises(GatewayRefused):
        gateway.open_checkout(checkout_request(**lessons(5_125, currency="KWD")))
    assert stripe.requests == []


def test_request_that_stripe_refuses_names_what_is_wrong_but_nobody(gateway: StripeGateway):
    with pytest.raises(GatewayRefused) as refused:
        gateway.open_checkout(checkout_request(payer_email="nobody at all"))
    assert refused.value.detail == "Stripe answered HTTP 400, email_invalid, about customer_email"


def _copy_of(stripe: StripeDouble, token: str, reference: str) -> None:
    session = {**stripe.sessions[token], "id": f"cs_test_{reference}", "client_reference_id": reference}
    stripe.sessions[session["id"]] = {**session, "metadata": {"attempt": reference}}
