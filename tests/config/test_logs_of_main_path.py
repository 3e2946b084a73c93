"""Follow one session through the log: from the slot that was held to the door that was opened."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses
from django.conf import settings
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.models import Booking, SessionType, User
from config.logs import FIELDS
from payments.models import Payment
from tests.config.test_logs import Lines, run_worker
from tests.factories import make_link, tomorrow
from tests.payments import midtrans

STEPS = [
    "slot held",
    "order placed",
    "payment started",
    "webhook received",
    "payment succeeded",
    "booking paid",
    "webhook applied",
    "meeting ready",
    "door opened",
]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    """The vendors' side of HTTP."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as fake:
        yield fake


def walk_main_path(browser: Client, vendor: responses.RequestsMock) -> Booking:
    """Hold, check out, be paid by a gateway's message, get the link from the worker, and go through the door."""
    browser.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": tomorrow().isoformat()})
    midtrans.serve_page(vendor)
    browser.post("/checkout/", {"gateway": "midtrans", "expected_total": "150000"})
    payment = Payment.objects.get()
    midtrans.serve_status(vendor, payment)
    Client().post("/webhooks/midtrans", midtrans.message(payment), content_type="application/json")
    while ProcrastinateJob.objects.filter(status="todo", scheduled_at=None).exists():
        run_worker()  # it may stop before it has seen what its last job has enqueued
    booking = Booking.objects.get()
    browser.get(reverse("meetings:join", args=[booking.reference]))
    return booking


@pytest.mark.django_db(transaction=True)
def test_each_step_of_the_main_path_leaves_a_line_in_order(
    maths: SessionType, sam: User, vendor: responses.RequestsMock, lines: Lines, settings
):
    settings.JOIN_OPENS_MINUTES = 10_000
    link = make_link()
    browser = Client()
    browser.force_login(sam)

    booking = walk_main_path(browser, vendor)

    payment = Payment.objects.get()
    told = [line for line in lines.written if line["message"] in STEPS]
    assert [line["message"] for line in told] == STEPS
    known = {"booking": booking.reference, "order": booking.order.reference, "payment": payment.reference}
    assert all(any(line.get(name) == value for name, value in known.items()) for line in told)
    assert told[7]["task"].startswith("meetings.provision_meeting")  # the payment's own job, or the round of the minute
    written = json.dumps(lines.written)
    for secret in (
        *(sam.email, booking.tutor.user.email, sam.full_name, link.url, link.url.rpartition("/")[2]),
        *(midtrans.SERVER_KEY, payment.checkout_url, payment.checkout_token, settings.SECRET_KEY),
        *(browser.cookies["sessionid"].value, "signature_key"),
    ):
        assert secret not in written, secret


def test_every_field_that_is_passed_to_the_log_is_written():
    """What a line carries and the formatter does not know would be lost without a word."""
    root = Path(settings.BASE_DIR)
    unknown = []
    for app in ("bookings", "payments", "meetings", "config"):
        for path in (root / app).rglob("*.py"):
            for name in _extras(ast.parse(path.read_text(encoding="utf-8"))):
                if name not in FIELDS:
                    unknown.append(f"{path.relative_to(root)}: {name}")
    assert unknown == []


def _extras(tree: ast.AST) -> Iterator[str]:
    """Yield the names in dictionaries that are written down as `extra=`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
            yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))
