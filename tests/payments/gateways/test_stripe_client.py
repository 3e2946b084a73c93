"""What goes wrong on the way: the limits of time, the SDK's repetitions, and errors that tell no secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bookings.doubles.server import Answer, Fault, Request
from payments.doubles.stripe import StripeDouble
from payments.errors import GatewayError, GatewayRefused, GatewayUnavailable
from payments.gateways.base import Attempt
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe_client import ANSWER_LIMIT, Patience
from tests.payments.gateways.asking import REFERENCE, checkout_request, open_attempt
from tests.payments.gateways.stripe_bank import SECRET_KEY, SECRETS

FETCH = "GET /v1/checkout/sessions/"


class Answering(StripeDouble):
    """Answers as it is told."""

    said: Callable[[Request], Answer | None] = staticmethod(lambda request: None)

    def answer(self, request: Request) -> Answer:
        return self.said(request) or super().answer(request)


@pytest.fixture
def stripe():
    with Answering(secret_key=SECRET_KEY, webhook_secrets=SECRETS, silence=5) as double:
        yield double


def patient(stripe: StripeDouble, *, timeout: float = 2, limit: float = 5, retries: int = 0) -> StripeGateway:
    patience = Patience(timeout, limit, retries)
    return StripeGateway(secret_key=SECRET_KEY, webhook_secrets=SECRETS, api_url=stripe.url, patience=patience)


def error(kind: str = "invalid_request_error", **more: str) -> dict[str, dict[str, str]]:
    return {"error": {"type": kind, "message": f"Nothing of sam@example.com with {SECRET_KEY}", **more}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(400, error(code="parameter_missing", param="mode")), GatewayRefused),
        (Answer(400, error("idempotency_error")), GatewayRefused),
        (Answer(401, error()), GatewayRefused),
        (Answer(402, error("card_error", code="card_declined")), GatewayRefused),
        (Answer(403, error()), GatewayRefused),
        (Answer(404, error(code="resource_missing")), GatewayRefused),
        (Answer(409, error("idempotency_error", code="idempotency_key_in_use")), GatewayUnavailable),
        (Answer(400, error(code="rate_limit")), GatewayUnavailable),
        (Answer(429, error("rate_limit_error")), GatewayUnavailable),
        (Answer(500, error("api_error")), GatewayUnavailable),
        (Answer(503, error("api_error")), GatewayUnavailable),
        (Answer(404, {"message": "no such page"}), GatewayUnavailable),
        (Answer(404, "no such page"), GatewayUnavailable),
        (Answer(400, {"error": "odd"}), GatewayUnavailable),
        (Answer(301, {}, {"Location": "http://127.0.0.1:1/"}), GatewayUnavailable),
        (Answer(200, []), GatewayUnavailable),
        (Answer(200, None), GatewayUnavailable),
        (Answer(200, "paid"), GatewayUnavailable),
    ],
    ids=lambda value: f"{value.status} {str(value.body)[:40]}" if isinstance(value, Answer) else value.__name__,
)
def test_no_is_told_from_no_answer_and_no_secret_is_told(
    stripe: Answering, answer: Answer, expected: type[Exception], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    stripe.said = lambda request: answer
    with pytest.raises(expected) as told:
        patient(stripe).open_checkout(checkout_request())
    assert isinstance(told.value, GatewayError)
    assert isinstance(told.value, GatewayRefused) == (expected is GatewayRefused)
    for word in ("EXAMPLE", "sam@"):
        assert word not in told.value.detail + repr(told.value) + caplog.text


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET, Fault.ERROR, Fault.LOST])
def test_sdk_asks_a_second_time_by_itself(stripe: StripeDouble, fault: Fault):
    gateway = patient(stripe, timeout=0.4, retries=1)
    attempt = open_attempt(gateway)
    stripe.fail_next(fault, FETCH)
    assert gateway.fetch_report(attempt).token == attempt.token


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.SLOW])
def test_repetitions_share_one_limit(stripe: StripeDouble, fault: Fault):
    gateway = patient(stripe, timeout=0.5, limit=1.2, retries=5)
    attempt = open_attempt(gateway)
    for _number in range(6):
        stripe.fail_next(fault, FETCH)
    began = time.monotonic()
    with pytest.raises(GatewayUnavailable):
        gateway.fetch_report(attempt)
    assert time.monotonic() - began < 3


def test_several_questions_share_one_limit(stripe: Answering):
    gateway = patient(stripe, limit=0.5)
    asked: list[str] = []

    def say_slowly(request: Request) -> Answer:
        asked.append(request.path)
        time.sleep(0.2)
        return Answer(200, {"object": "list", "data": [{"id": f"cs_{len(asked)}"}], "has_more": True})

    stripe.said = say_slowly
    with pytest.raises(GatewayUnavailable):
        gateway.fetch_report(Attempt(REFERENCE))
    assert len(asked) <= 4


def test_answer_without_an_end_is_not_read(stripe: Answering):
    stripe.said = lambda request: Answer(200, {"id": "x" * (ANSWER_LIMIT + 1)})
    with pytest.raises(GatewayUnavailable) as told:
        patient(stripe, timeout=10, limit=20).fetch_report(Attempt(REFERENCE, "cs_test_1"))
    assert told.value.detail == "no answer from Stripe (too long)"


def test_key_is_not_carried_to_where_a_redirect_leads(stripe: Answering):
    seen: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stripe.said = lambda request: Answer(302, {}, {"Location": f"http://127.0.0.1:{server.server_address[1]}/"})
    with pytest.raises(GatewayUnavailable):
        patient(stripe).fetch_report(Attempt(REFERENCE, "cs_test_1"))
    server.shutdown()
    server.server_close()
    assert seen == []


def test_key_in_use_by_a_request_that_still_runs_is_no_answer(stripe: StripeDouble):
    stripe.busy_keys.add(f"checkout-{REFERENCE}")
    with pytest.raises(GatewayUnavailable):
        patient(stripe).open_checkout(checkout_request())


def test_nothing_listens_there():
    gateway = StripeGateway(
        secret_key=SECRET_KEY, webhook_secrets=SECRETS, api_url="http://127.0.0.1:1", patience=Patience(retries=0)
    )
    with pytest.raises(GatewayUnavailable) as told:
        gateway.open_checkout(checkout_request())
    assert told.value.detail == "no answer from Stripe (ConnectionError)"


def test_address_with_a_final_slash_and_odd_tokens_stay_at_stripe(stripe: StripeDouble):
    gateway = StripeGateway(secret_key=SECRET_KEY, webhook_secrets=SECRETS, api_url=f"{stripe.url}/")
    with pytest.raises(GatewayRefused):
        gateway.fetch_report(Attempt(REFERENCE, "../refunds?x=1#y"))
    assert stripe.requests[-1].path == "/v1/checkout/sessions/..%2Frefunds%3Fx%3D1%23y"
