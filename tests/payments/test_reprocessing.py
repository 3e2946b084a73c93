"""The inbox for operators: messages applied again by the command, and the bodies that are thrown away for their age."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from payments.models import Payment, WebhookEvent
from payments.tasks import empty_old_messages
from payments.webhooks import apply_event, receive_webhook
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments import midtrans

State = WebhookEvent.State
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def second(payment: Payment) -> Payment:
    return make_payment(payment.order)


def test_everything_in_line_is_applied_and_trouble_stops_nobody(
    payment: Payment, second: Payment, vendor: responses.RequestsMock, capsys: pytest.CaptureFixture[str]
):
    receive_webhook("midtrans", {}, midtrans.message(payment, "expire", transaction_id=midtrans.OTHER_TRANSACTION))
    receive_webhook("midtrans", {}, midtrans.message(second))
    vendor.get(midtrans.status_url(payment.reference), status=503, body="busy")
    midtrans.serve_status(vendor, second)

    with pytest.raises(CommandError) as failed:
        call_command("reprocess_webhooks")

    said = capsys.readouterr()
    assert failed.value.returncode == 1
    assert said.out == "2 messages: 1 applied, 0 changed nothing, 1 still fail, 0 too old to be applied again.\n"
    assert "GatewayUnavailable" in said.err
    vendor.reset()
    midtrans.serve_status(vendor, payment, "expire", transaction_id=midtrans.OTHER_TRANSACTION)
    call_command("reprocess_webhooks", "--state", "failed")


@pytest.mark.parametrize(
    ("options", "applied"),
    [
        ([], {"early", "late"}),
        (["--since", "2026-11-20"], {"late"}),  # Jakarta's day began at 17:00 UTC the day before
        (["--since", "2026-11-19T16:00:00Z"], {"early", "late"}),
        (["--since", "2026-11-19T23:00"], {"early", "late"}),
        (["--since", "2026-11-20T00:30+07:00"], set()),
        (["--state", "failed"], {"early"}),
        (["--state", "new"], {"late"}),
        (["--gateway", "midtrans"], {"early", "late"}),
    ],
)
def test_messages_are_chosen_by_time_state_and_gateway(
    payment: Payment, second: Payment, vendor: responses.RequestsMock, options: list[str], applied: set[str]
):
    for attempt, at, state in ((payment, "16:30", State.FAILED), (second, "17:15", State.NEW)):
        hour, minute = map(int, at.split(":"))
        with time_machine.travel(NOW):
            message = midtrans.message(attempt, transaction_id=midtrans.transaction_of(attempt))
            event = receive_webhook("midtrans", {}, message)
        received = datetime(2026, 11, 19, hour, minute, tzinfo=UTC)
        WebhookEvent.objects.filter(pk=event.pk).update(received_at=received, state=state)
        midtrans.serve_status(vendor, attempt, transaction_id=midtrans.transaction_of(attempt))

    with time_machine.travel(NOW):
        call_command("reprocess_webhooks", *options)

    names = {payment.reference: "early", second.reference: "late"}
    assert {names[e.reference] for e in WebhookEvent.objects.filter(state=State.DONE)} == applied


@pytest.mark.parametrize(
    ("since", "sentence"),
    [
        ("yesterday", "is not a date or time"),
        ("2026-02-30", "is not a date or time"),
        ("", "is not a date or time"),
        ("x" * 10_000, "is not a date or time"),
        ("2026-11-20T25:00", "is not a date or time"),
        ("9999-12-31", "is yet to come"),
        ("9999-12-31T23:59:59-23:00", "is not a date or time"),
        ("\x00", "is not a date or time"),
    ],
)
def test_time_that_is_none_gets_one_clear_sentence(db: None, since: str, sentence: str):
    with pytest.raises(CommandError, match=sentence) as refused:
        call_command("reprocess_webhooks", "--since", since)
    assert len(str(refused.value)) < 300


def test_dates_of_long_ago_are_times_like_others(db: None, capsys: pytest.CaptureFixture[str]):
    call_command("reprocess_webhooks", "--since", "1900-01-01", "--state", "all")
    assert capsys.readouterr().out.startswith("0 messages:")


def test_everything_once_more_wants_a_date_and_changes_nothing_the_second_time(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain, capsys: pytest.CaptureFixture[str]
):
    midtrans.serve_status(vendor, payment)
    receive_webhook("midtrans", {}, midtrans.message(payment))
    drain()
    paid = Payment.objects.values().get()
    call_command("reprocess_webhooks")
    assert capsys.readouterr().out.startswith("0 messages:")  # it is done, so it does not wait
    with pytest.raises(CommandError, match="--since"):
        call_command("reprocess_webhooks", "--state", "all")

    call_command("reprocess_webhooks", "--state", "all", "--since", "2020-01-01")

    assert "1 messages: 0 applied, 1 changed nothing" in capsys.readouterr().out
    assert Payment.objects.values().get() == paid
    WebhookEvent.objects.update(body=b"")
    call_command("reprocess_webhooks", "--state", "all", "--since", "2020-01-01")
    assert "1 too old to be applied again" in capsys.readouterr().out
    assert WebhookEvent.objects.get().state == State.IGNORED


def test_old_bodies_are_emptied_in_batches_and_their_copies_stay_copies(
    payment: Payment, vendor: responses.RequestsMock, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    midtrans.serve_status(vendor, payment)
    bodies = [midtrans.message(payment, status_message=str(number)) for number in range(7)]
    events = [receive_webhook("midtrans", {}, body) for body in bodies]
    for event in events[:5]:
        apply_event(event.pk)
    # Once done, put in line again, and failed: it still needs its body.
    WebhookEvent.objects.filter(pk=events[5].pk).update(state=State.FAILED, applied_at=timezone.now())
    monkeypatch.setattr("payments.inbox.BATCH", 2)
    long_after = timezone.now() + timedelta(days=settings.WEBHOOK_KEPT_DAYS + 1)
    young = WebhookEvent.objects.filter(pk=events[4].pk)
    young.update(applied_at=long_after - timedelta(days=3))

    empty_old_messages(0)
    assert WebhookEvent.objects.filter(body=b"").count() == 0  # nothing is old yet
    with time_machine.travel(long_after):
        empty_old_messages(0)

    emptied = WebhookEvent.objects.filter(body=b"")
    assert set(emptied.values_list("pk", flat=True)) == {event.pk for event in events[:4]}
    again = receive_webhook("midtrans", {}, bodies[0])
    assert (again.pk, again.copies, again.state) == (events[0].pk, 2, emptied.get(pk=events[0].pk).state)
    assert WebhookEvent.objects.count() == 7
