from datetime import timedelta
from typing import Any

import pytest
import responses
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments.models import Payment, WebhookEvent
from payments.webhooks import receive_webhook
from tests.conftest import Drain
from tests.factories import make_payment, make_user
from tests.payments import midtrans

State = WebhookEvent.State
LIST = "/admin/payments/webhookevent/"
ALL = f"{LIST}apply-failed/"


def clerk(*codenames: str) -> Client:
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def page_of(event: WebhookEvent) -> str:
    return reverse("admin:payments_webhookevent_change", args=[event.pk])


def choose(client: Client, *events: WebhookEvent) -> Any:
    chosen = {"action": "apply_chosen", "_selected_action": [str(event.pk) for event in events]}
    return client.post(LIST, chosen, follow=True)


@pytest.fixture
def failed(payment: Payment, vendor: responses.RequestsMock, drain: Drain) -> list[WebhookEvent]:
    """Three messages that could not be applied, the gateway being away; it is back now."""
    attempts = [payment, make_payment(payment.order), make_payment(payment.order)]
    for attempt in attempts:
        vendor.upsert(responses.GET, midtrans.status_url(attempt.reference), status=503, body="busy")
        receive_webhook("midtrans", {}, midtrans.message(attempt, "expire", transaction_id=midtrans.transaction_of(attempt)))
    drain()
    for attempt in attempts:
        midtrans.serve_status(vendor, attempt, "expire", transaction_id=midtrans.transaction_of(attempt))
    return list(WebhookEvent.objects.order_by("pk"))


def states() -> list[str]:
    return list(WebhookEvent.objects.order_by("pk").values_list("state", flat=True))


def test_all_that_failed_is_applied_by_one_click_after_a_question(desk: Client, failed: list[WebhookEvent], drain: Drain):
    listed = desk.get(LIST).text
    assert "Failed: 3. Not applied yet: 0. With the workers right now: 3." in listed  # their quick second tries
    assert ALL in listed
    question = desk.get(ALL).text
    assert "3 messages could not be applied." in question
    assert states() == [State.FAILED] * 3

    answer = desk.post(ALL, follow=True)

    assert "3 messages are applied again now." in answer.text
    drain()
    assert states() == [State.DONE] * 3
    again = desk.get(ALL).text
    assert "No message waits: none has failed." in again
    assert ALL not in desk.get(LIST).text
    assert "None of these messages waits to be applied." in desk.post(ALL, follow=True).text


def test_chosen_messages_are_applied_again_and_no_others(desk: Client, failed: list[WebhookEvent], drain: Drain):
    answer = choose(desk, failed[0], failed[2])
    assert "2 messages are applied again now." in answer.text
    drain()
    assert states() == [State.DONE, State.FAILED, State.DONE]


def test_all_is_done_in_batches_that_call_each_other(
    desk: Client, failed: list[WebhookEvent], drain: Drain, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("payments.tasks.BATCH", 2)
    desk.post(ALL)
    assert [name for name, _outcome in drain()].count("payments.apply_events_in_line") == 2
    assert states() == [State.DONE] * 3


def test_done_message_can_be_applied_again_and_changes_nothing(
    desk: Client, payment: Payment, vendor: responses.RequestsMock, drain: Drain
):
    midtrans.serve_status(vendor, payment)
    event = receive_webhook("midtrans", {}, midtrans.message(payment))
    drain()
    paid = Payment.objects.values().get()

    answer = desk.post(f"{LIST}{event.pk}/apply/", follow=True)

    assert "Tried again: nothing to do." in answer.text
    assert Payment.objects.values().get() == paid


def test_only_who_may_work_on_messages_reads_bodies_and_applies(failed: list[WebhookEvent]):
    reader, worker = clerk("view_webhookevent"), clerk("view_webhookevent", "change_webhookevent")
    assert "812785002530231" in worker.get(page_of(failed[0])).text
    assert "812785002530231" not in reader.get(page_of(failed[0])).text
    assert "GatewayUnavailable" in reader.get(page_of(failed[0])).text
    assert ALL not in reader.get(LIST).text
    assert [reader.get(ALL).status_code, reader.post(ALL).status_code] == [403, 403]
    choose(reader, failed[0])
    assert WebhookEvent.objects.due(timezone.now()).count() == 0
    assert clerk().get(LIST).status_code == 403


def test_emptied_body_is_said_to_be_deleted_and_cannot_be_applied(desk: Client, failed: list[WebhookEvent]):
    WebhookEvent.objects.update(body=b"", state=State.DONE)
    page = desk.get(page_of(failed[0])).text
    assert "Deleted for its age." in page
    assert 'class="verb"' not in page
    assert "was deleted for its age" in desk.post(f"{LIST}{failed[0].pk}/apply/", follow=True).text
    assert states() == [State.DONE] * 3


@pytest.mark.parametrize("told", ["\ud800", "\x00", "9" * 5000, "‮txt", "x" * 60_000])
def test_absurd_body_is_shown(desk: Client, payment: Payment, told: str):
    event = receive_webhook("midtrans", {}, midtrans.message(payment, status_message=told))
    assert desk.get(page_of(event)).status_code == 200


def test_message_that_breaks_our_reader_tells_so_in_the_admin(
    desk: Client, failed: list[WebhookEvent], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("payments.gateways.midtrans_words._OUTCOMES", None)
    answer = desk.post(f"{LIST}{failed[0].pk}/apply/", follow=True)
    assert "It cannot be applied (AttributeError). It stays in line." in answer.text


@pytest.mark.parametrize("count", [1, 50])
def test_list_takes_the_same_queries_however_long(
    desk: Client, payment: Payment, django_assert_max_num_queries: Any, count: int
):
    old = timezone.now() - timedelta(days=1)
    WebhookEvent.objects.bulk_create(
        WebhookEvent(gateway="midtrans", dedupe_key=f"{number}", body=b"{}", payment=payment, next_attempt_at=old)
        for number in range(count)
    )
    with django_assert_max_num_queries(9):
        assert desk.get(LIST).status_code == 200
