"""A worker dies in the middle of a message, by a real `kill -9`: nothing is half done, and another worker finishes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection, transaction
from django.utils import timezone

from bench.place import database_url
from bookings.doubles.server import Fault
from bookings.models import Booking, Change, Order, Tutor, User
from config import serving
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.models import Payment, WebhookEvent
from payments.webhooks import enqueue_due_events, receive_webhook
from tests.factories import make_booking
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY

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


@contextmanager
def running_worker(bank: MidtransDouble) -> Iterator[subprocess.Popen[bytes]]:
    """The worker of the site as it runs in production, on the test's database, killed at the end at the latest."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", ""),
        "ENV_FILE": os.devnull,
        "DEBUG": "1",
        "SECRET_KEY": site.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "EMAIL_URL": "dummymail://",
        "MIDTRANS_SERVER_KEY": SERVER_KEY,
        "MIDTRANS_SNAP_URL": f"{bank.url}/snap/v1",
        "MIDTRANS_API_URL": bank.url,
    }
    command = [sys.executable, *serving.worker().command]
    worker = subprocess.Popen(
        command, cwd=site.BASE_DIR, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait(timeout=10)


def kill(worker: subprocess.Popen[bytes]) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(timeout=10)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90  # a worker takes its time to start on a busy machine
    while not is_true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def is_somebody_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0]) > 0


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
