from typing import Any

import pytest
import responses
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from bookings.models import User
from payments.models import Payment, Refund, WebhookEvent
from payments.settlement import record_payment_succeeded
from payments.webhooks import receive_webhook
from tests.factories import make_payment, make_user
from tests.payments import midtrans
from tests.payments.test_settlement import report_of


@pytest.fixture
def admin(client: Client, root: User) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def event(payment: Payment) -> WebhookEvent:
    return receive_webhook("midtrans", {}, midtrans.message(payment))


@pytest.fixture
def refund(payment: Payment) -> Refund:
    record_payment_succeeded(payment, report_of(payment))
    second = make_payment(payment.order)
    record_payment_succeeded(second, report_of(second, external_id=midtrans.OTHER_TRANSACTION))
    return second.refunds.get()


def clerk(*codenames: str) -> Client:
    """A browser of somebody in the staff who may do only this."""
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def url(what: str, row: Any = None) -> str:
    return reverse(f"admin:payments_{what}", args=[row.pk] if row else [])


@pytest.mark.parametrize("model", ["payment", "refund", "webhookevent"])
def test_lists_can_be_searched_but_nothing_can_be_typed_in(admin: Client, refund: Refund, event: WebhookEvent, model: str):
    row = {"payment": refund.payment, "refund": refund, "webhookevent": event}[model]
    found = admin.get(
        url(f"{model}_changelist"), {"q": refund.payment.order.reference if model != "webhookevent" else "PAY-"}
    )
    assert found.status_code == 200
    assert found.context["cl"].result_count >= 1
    page = admin.get(url(f"{model}_change", row))
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert admin.get(url(f"{model}_add")).status_code == 403
    assert admin.post(url(f"{model}_delete", row)).status_code == 403


@pytest.mark.parametrize("model", ["payment", "refund", "webhookevent"])
@pytest.mark.parametrize("count", [1, 8])
def test_lists_take_the_same_queries_however_long(
    admin: Client, refund: Refund, event: WebhookEvent, django_assert_max_num_queries: Any, model: str, count: int
):
    for number in range(1, count):
        payment = make_payment(refund.payment.order)
        Refund.objects.create(payment=payment, amount=1, reason=Refund.Reason.OTHER)
        receive_webhook("midtrans", {}, midtrans.message(payment, status_message=str(number)))
    with django_assert_max_num_queries(9):
        assert admin.get(url(f"{model}_changelist")).status_code == 200


def test_payments_that_need_a_look_can_be_listed(admin: Client, payment: Payment):
    record_payment_succeeded(payment, report_of(payment, money=None))
    make_payment(payment.order)
    listed = admin.get(url("payment_changelist"), {"status__exact": "needs_review"}).context["cl"].queryset
    assert list(listed) == [payment]


def test_event_shows_its_raw_body_harmlessly(admin: Client, payment: Payment):
    body = midtrans.message(payment, status_message="<script>alert(1)</script>")
    page = admin.get(url("webhookevent_change", receive_webhook("midtrans", {}, body)))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>alert(1)" not in page.text
    assert "signature_key" in page.text


def test_event_can_be_applied_again(admin: Client, event: WebhookEvent, vendor: responses.RequestsMock):
    press = url("webhookevent_apply", event)
    vendor.get(midtrans.status_url(event.reference), status=503, body="busy")
    failed = admin.post(press, follow=True)
    assert "The payment service does not answer right now" in failed.text
    assert "GatewayUnavailable: answered HTTP 503 without a JSON object" in failed.text
    assert "Apply again" in failed.text

    vendor.reset()
    vendor.get(midtrans.status_url(event.reference), json=midtrans.facts(Payment.objects.get()))
    done = admin.post(press, follow=True)
    assert "Tried again: applied." in done.text
    assert Payment.objects.get().status == Payment.Status.SUCCEEDED


def test_gateway_can_be_asked_from_the_payment(admin: Client, payment: Payment, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, payment)
    answer = admin.post(url("payment_ask", payment), follow=True)
    assert "The gateway says: settlement." in answer.text
    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED


def test_refund_is_recorded_as_sent_by_hand_with_how(admin: Client, refund: Refund, root: User):
    page = admin.get(url("refund_change", refund))
    assert "How and when was it sent?" in page.text
    without = admin.post(url("refund_record", refund), {"text": ""}, follow=True)
    assert "Please say how and when the money was sent back." in without.text
    admin.post(url("refund_record", refund), {"text": "Transfer of 21 November"})
    refund.refresh_from_db()
    assert (refund.status, refund.note) == (Refund.Status.SUCCEEDED, "Transfer of 21 November")
    line = refund.payment.order.changes.filter(what="refund").first()
    assert line is not None
    assert line.who == root


@pytest.mark.parametrize(("model", "button"), [("payment", "ask"), ("refund", "record"), ("webhookevent", "apply")])
def test_buttons_need_the_permission_to_change(refund: Refund, event: WebhookEvent, model: str, button: str):
    row = {"payment": refund.payment, "refund": refund, "webhookevent": event}[model]
    viewer = clerk(f"view_{model}")
    assert 'class="verb"' not in viewer.get(url(f"{model}_change", row)).text
    assert viewer.post(url(f"{model}_{button}", row), {"text": "x"}).status_code == 403
    doer = clerk(f"view_{model}", f"change_{model}")
    assert 'class="verb"' in doer.get(url(f"{model}_change", row)).text


def test_buttons_are_pressed_and_never_just_visited(admin: Client, event: WebhookEvent):
    assert admin.get(url("webhookevent_apply", event)).status_code == 405
