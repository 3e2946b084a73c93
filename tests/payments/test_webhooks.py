import json
from datetime import timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from bookings.models import User
from config.logs import JsonFormatter
from payments.models import Payment, WebhookEvent
from payments.webhooks import apply_event, enqueue_due_events, receive_webhook
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments import midtrans
from tests.race import race

State = WebhookEvent.State


def post(body: bytes) -> Any:
    return Client().post("/webhooks/midtrans", body, content_type="application/json")


@pytest.mark.defect("TB-03")
def test_failed_message_stays_in_line_and_is_applied_later(payment: Payment, vendor: responses.RequestsMock, drain: Drain):
    vendor.get(midtrans.status_url(payment.reference), status=502, body="<html>bad gateway</html>")
    post(midtrans.message(payment))

    assert drain() == [("payments.apply_webhook_event", "todo")]
    event = WebhookEvent.objects.get()
    assert (event.state, event.attempts) == (State.FAILED, 1)
    assert event.error == "GatewayUnavailable: answered HTTP 502 without a JSON object"
    assert event.next_attempt_at > timezone.now()

    midtrans.serve_status(vendor, payment)
    later = timezone.now() + timedelta(hours=7)
    assert enqueue_due_events(now=later) == 1
    assert enqueue_due_events(now=later) == 0  # another worker finds nothing left
    drain()
    event.refresh_from_db()
    payment.refresh_from_db()
    assert (event.state, event.error, payment.status) == (State.DONE, "", Payment.Status.SUCCEEDED)


@pytest.mark.defect("TB-03")
def test_repeat_of_a_failed_message_is_applied_though_it_was_seen(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain
):
    vendor.get(midtrans.status_url(payment.reference), status=503, json={"status_code": "503"})
    post(midtrans.message(payment))
    drain()
    midtrans.serve_status(vendor, payment)

    assert post(midtrans.message(payment)).status_code == 200
    drain()

    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED
    assert [(e.state, e.copies) for e in WebhookEvent.objects.all()] == [(State.DONE, 2)]


@pytest.mark.defect("CE-06")
def test_repeat_of_an_applied_message_is_counted_and_does_nothing(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain
):
    midtrans.serve_status(vendor, payment)
    body = midtrans.message(payment)
    post(body)
    drain()
    asked = len(vendor.calls)

    assert post(body).status_code == 200

    assert drain() == []
    assert len(vendor.calls) == asked
    assert [(e.state, e.copies) for e in WebhookEvent.objects.all()] == [(State.DONE, 2)]


def test_message_of_money_waits_while_the_gateways_own_answer_lags_behind(
    payment: Payment, root: Any, vendor: responses.RequestsMock, drain: Drain, mailoutbox: list[Any]
):
    Payment.objects.filter(pk=payment.pk).update(status=Payment.Status.EXPIRED)  # nobody asks about it any more
    midtrans.serve_status(vendor, payment, "expire")
    post(midtrans.message(payment))
    drain()
    event = WebhookEvent.objects.get()
    assert (event.state, event.attempts) == (State.FAILED, 1)

    midtrans.serve_status(vendor, payment)
    enqueue_due_events(now=event.next_attempt_at)
    drain()

    event.refresh_from_db()
    payment.refresh_from_db()
    assert (event.state, payment.status) == (State.DONE, Payment.Status.SUCCEEDED)


def test_message_of_money_that_never_shows_is_left_to_the_staff(
    payment: Payment, root: Any, vendor: responses.RequestsMock, drain: Drain, mailoutbox: list[Any]
):
    midtrans.serve_status(vendor, payment, "pending")
    post(midtrans.message(payment))
    drain()
    for _round in range(7):
        enqueue_due_events(now=timezone.now() + timedelta(days=1))
        drain()
    event = WebhookEvent.objects.get()
    payment.refresh_from_db()
    assert (event.state, event.attempts, payment.status) == (State.IGNORED, 6, Payment.Status.PENDING)
    assert [mail.to for mail in mailoutbox] == [["root@example.com"]]


REFUND = {"refund_amount": "50000.00", "refund_chargeback_id": 1, "created_at": "2026-01-02 07:00:00"}


@pytest.mark.defect("CE-04")
@pytest.mark.parametrize(
    ("status", "changes", "what_staff_read"),
    [
        ("refund", {"refunds": [REFUND]}, "Rp50,000 of this payment went back at the gateway itself"),
        ("partial_refund", {"refunds": [REFUND]}, "Rp50,000 of this payment went back at the gateway itself"),
        ("partial_refund", {}, "but not how much"),
        ("chargeback", {}, "bank is asking for Rp150,000"),
        ("partial_chargeback", {}, "bank is asking for Rp50,000"),
    ],
)
def test_message_that_money_went_back_never_passes_for_nothing(
    payment: Payment,
    vendor: responses.RequestsMock,
    drain: Drain,
    root: User,
    mailoutbox: list[Any],
    status: str,
    changes: dict[str, Any],
    what_staff_read: str,
):
    midtrans.serve_status(vendor, payment)
    post(midtrans.message(payment))
    drain()
    facts = {"refund_amount": "50000.00", **changes}
    midtrans.serve_status(vendor, payment, status, **facts)
    post(midtrans.message(payment, status, **facts))
    drain()
    assert [what_staff_read in mail.body for mail in mailoutbox if mail.to == [root.email]] == [True]
    assert [event.state for event in WebhookEvent.objects.order_by("pk")] == [State.DONE, State.DONE]


def test_two_genuine_messages_of_one_status_are_both_kept(payment: Payment):
    for amount in ("50000.00", "70000.00"):
        post(midtrans.message(payment, "partial_refund", refund_amount=amount))
    assert WebhookEvent.objects.count() == 2


@pytest.mark.defect("TB-04")
@pytest.mark.defect("IT-23")
@pytest.mark.django_db(transaction=True)
def test_eight_copies_at_once_are_stored_once_and_applied_once(payment: Payment, news: list[str]):
    gateway_says = responses.RequestsMock(assert_all_requests_are_fired=False)
    body = midtrans.message(payment)
    with gateway_says:
        midtrans.serve_status(gateway_says, payment)
        stored = race(lambda _number: receive_webhook("midtrans", {}, body).pk, threads=8)
        assert [outcome.error for outcome in stored] == [None] * 8
        [event_id] = {outcome.value for outcome in stored}
        applied = race(lambda _number: apply_event(event_id), threads=8)

    assert [outcome.error for outcome in applied] == [None] * 8
    event = WebhookEvent.objects.get()
    assert (event.copies, event.state, event.attempts) == (8, State.DONE, 1)
    assert Payment.objects.get().status == Payment.Status.SUCCEEDED
    assert not Payment.objects.get().refunds.exists()
    assert news == [payment.order.bookings.get().reference]


@pytest.mark.django_db(transaction=True)
def test_messages_of_two_attempts_at_once_pay_one_and_owe_the_other_back(payment: Payment, news: list[str]):
    second = make_payment(payment.order)
    gateway_says = responses.RequestsMock(assert_all_requests_are_fired=False)
    with gateway_says:
        midtrans.serve_status(gateway_says, payment)
        midtrans.serve_status(gateway_says, second, transaction_id=midtrans.OTHER_TRANSACTION)
        events = [
            receive_webhook("midtrans", {}, midtrans.message(payment)),
            receive_webhook("midtrans", {}, midtrans.message(second, transaction_id=midtrans.OTHER_TRANSACTION)),
        ]
        outcomes = race(lambda number: apply_event(events[number].pk), threads=2)

    assert [outcome.error for outcome in outcomes] == [None, None]
    attempts = Payment.objects.filter(status=Payment.Status.SUCCEEDED)
    assert attempts.count() == 2
    assert sorted(attempt.refunds.count() for attempt in attempts) == [0, 1]
    assert len(news) == 1


def test_message_left_over_by_a_crash_is_found_after_a_minute(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain
):
    midtrans.serve_status(vendor, payment)
    event = receive_webhook("midtrans", {}, midtrans.message(payment))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")  # the worker died with the job

    assert enqueue_due_events(now=timezone.now()) == 0
    assert enqueue_due_events(now=timezone.now() + timedelta(minutes=1)) == 1
    drain()
    event.refresh_from_db()
    assert event.state == State.DONE


def test_staff_hear_of_a_message_that_fails_five_times(
    payment: Payment, root: Any, vendor: responses.RequestsMock, drain: Drain, mailoutbox: list[Any]
):
    vendor.get(midtrans.status_url(payment.reference), status=401, json={"status_code": "401", "status_message": "no"})
    post(midtrans.message(payment))
    now = timezone.now()
    for day in range(1, 7):
        with time_machine.travel(now + timedelta(days=day)):
            enqueue_due_events(now=timezone.now())
            drain()
    event = WebhookEvent.objects.get()
    assert event.state == State.FAILED
    assert event.attempts > 5
    assert "401" in event.error
    assert len(mailoutbox) == 1


def test_log_tells_the_steps_and_no_secret(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    midtrans.serve_status(vendor, payment)
    body = midtrans.message(payment)
    post(body)
    post(json.dumps({**json.loads(body), "signature_key": "f" * 128}).encode())
    drain()

    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    steps = [(line["message"], line.get("payment")) for line in lines if line.get("payment")]
    assert ("webhook received", payment.reference) in steps
    assert ("payment succeeded", payment.reference) in steps
    assert ("webhook applied", payment.reference) in steps
    everything = "\n".join(json.dumps(line) for line in lines)
    for secret in (midtrans.SERVER_KEY, json.loads(body)["signature_key"], "812785002530231", "sam@example.com", "Basic "):
        assert secret not in everything
