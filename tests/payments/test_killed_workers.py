"""A worker dies in the middle of a message, by a real `kill -9`: nothing is half done, and another worker finishes it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.models import Booking, Change, Order, Tutor, User
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.models import Payment, WebhookEvent
from payments.webhooks import enqueue_due_events, receive_webhook
from tests import workers
from tests.factories import make_booking
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY
from tests.workers import is_somebody_waiting_for_a_lock, kill, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bank(settings: Any) -> Iterator[MidtransDouble]:
    with MidtransDouble(server_key=SERVER_KEY, silence=30) as double:
        use_bank(settings, MidtransBank(double))
        yield double


@pytest.fixture
def event(bank: MidtransDouble, ada: Tutor, sam: User) -> WebhookEvent:
    """The message of a payment, stored with its job."""
    payment = start_checkout(make_booking(sam, ada).order, gateway_name="midtrans")
    assert payment is not None
    bank.pay(payment.reference)
    message = bank.messages[-1]
    return receive_webhook("midtrans", message.headers(), message.body)


def running_worker(bank: MidtransDouble) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return workers.running_worker(
        MIDTRANS_SERVER_KEY=SERVER_KEY, MIDTRANS_SNAP_URL=f"{bank.url}/snap/v1", MIDTRANS_API_URL=bank.url
    )


def books() -> tuple[str, str, str, str]:
    return (
        WebhookEvent.objects.get().state,
        Payment.objects.get().status,
        Order.objects.get().status,
        Booking.objects.get().status,
    )


def finish(bank: MidtransDouble) -> None:
    """Let another worker find what the dead one left, a minute later."""
    assert enqueue_due_events(now=timezone.now() + timedelta(minutes=2)) == 1
    with running_worker(bank):
        wait_until(lambda: books()[0] == "done")


@pytest.mark.defect("CE-03", "TB-03")
def test_worker_killed_while_it_asks_the_gateway_leaves_the_message_to_another(bank: MidtransDouble, event: WebhookEvent):
    bank.fail_next(Fault.LOST, "GET /v2/")
    asked = len(bank.requests)
    with running_worker(bank) as worker:
        wait_until(lambda: len(bank.requests) > asked)
        kill(worker)
    assert books() == ("new", "pending", "awaiting_payment", "held")

    finish(bank)

    assert books() == ("done", "succeeded", "paid", "paid")
    assert Change.objects.filter(became=Booking.Status.PAID, booking__isnull=False).count() == 1


@pytest.mark.defect("TB-03", "IT-23")
def test_worker_killed_halfway_through_the_books_leaves_nothing_half_done(bank: MidtransDouble, event: WebhookEvent):
    with running_worker(bank) as worker:
        with transaction.atomic():
            Order.objects.select_for_update().get()  # the payment is written by then, the order is not
            wait_until(is_somebody_waiting_for_a_lock)
            kill(worker)
        wait_until(lambda: not is_somebody_waiting_for_a_lock())
    assert books() == ("new", "pending", "awaiting_payment", "held")

    finish(bank)

    assert books() == ("done", "succeeded", "paid", "paid")
    assert Change.objects.filter(became=Booking.Status.PAID, booking__isnull=False).count() == 1
