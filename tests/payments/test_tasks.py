from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import TaskNotFound

from bookings.jobs import Backoff, enqueue
from bookings.models import User
from bookings.staff import staff_addresses
from payments.checks import check_gateways
from payments.models import Payment, WebhookEvent
from payments.staff import tell_staff
from payments.tasks import apply_due_events, check_due_payments
from payments.webhooks import receive_webhook
from tests.conftest import Drain
from tests.factories import make_payment, make_user
from tests.payments import midtrans


def test_periodic_jobs_run_every_minute():
    periodic = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert periodic["payments.apply_due_events"] == "* * * * *"
    assert periodic["payments.check_due_payments"] == "* * * * *"


def test_periodic_jobs_find_lost_messages_and_silent_attempts(
    payment: Payment, vendor: responses.RequestsMock, drain: Drain
):
    past = timezone.now() - timedelta(minutes=1)
    silent = make_payment(payment.order, next_check_at=past)
    receive_webhook("midtrans", {}, midtrans.message(payment))
    WebhookEvent.objects.update(next_attempt_at=past)
    midtrans.serve_status(vendor, payment)
    midtrans.serve_not_begun(vendor, silent)

    apply_due_events(0)
    check_due_payments(0)

    done = [name for name, outcome in drain() if outcome == "succeeded"]
    assert done.count("payments.check_payment") == 1
    assert done.count("payments.apply_webhook_event") == 2  # the first job, and the one of the search: applied once
    assert WebhookEvent.objects.get().state == WebhookEvent.State.DONE


def test_jobs_wait_longer_after_each_failure():
    class Job:
        def __init__(self, attempts: int) -> None:
            self.attempts = attempts

    backoff, now = Backoff(runs=5, base=10, cap=60), timezone.now()

    def wait(attempts: int) -> float | None:
        decision = backoff.get_retry_decision(exception=ValueError(), job=Job(attempts))  # type: ignore[arg-type]
        return (decision.retry_at - now).total_seconds() if decision and decision.retry_at else None

    waits = [wait(attempts) for attempts in range(5)]
    assert waits[4] is None
    for seconds, usual in zip(waits[:4], (10, 20, 40, 60), strict=True):
        assert seconds is not None
        assert usual * 0.7 <= seconds <= usual * 1.2 + 2


def test_job_that_does_not_exist_is_never_enqueued(db: None):
    with pytest.raises(TaskNotFound):
        enqueue("payments.nothing")


def test_staff_are_those_whom_the_owner_names_else_all_admins(root: User, settings: Any):
    make_user(is_staff=True, is_active=False)
    make_user()
    assert staff_addresses() == ["root@example.com"]
    settings.ADMINS = [("Owner", "owner@example.com")]
    assert staff_addresses() == ["owner@example.com"]


def test_mail_to_staff_leads_to_the_payment(payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]):
    tell_staff(payment, what="Look at\nthis")
    drain()
    [mail] = mailoutbox
    assert mail.subject == "[Linkpool] Look at this"
    assert payment.reference in mail.body
    assert f"http://testserver/admin/payments/payment/{payment.pk}/change/" in mail.body


def test_gateway_without_keys_is_warned_of(settings: Any):
    midtrans_entry = settings.PAYMENT_GATEWAYS["midtrans"]
    assert check_gateways() == []  # Stripe, which has none either, is only not offered
    settings.PAYMENT_GATEWAYS = {"midtrans": {**midtrans_entry, "OPTIONS": {**midtrans_entry["OPTIONS"], "server_key": ""}}}
    assert [message.id for message in check_gateways()] == ["payments.W001"]
    settings.PAYMENT_GATEWAYS = {"acme": {"BACKEND": "payments.gateways.nowhere.Acme"}}
    assert [message.id for message in check_gateways()] == ["payments.E001"]
