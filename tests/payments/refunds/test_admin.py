"""The admin's pages of refunds and disputes: what needs a person first, everything it takes, and one click for each verb."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import Order, User
from bookings.money import Money
from payments.models import Dispute, Payment, Refund
from payments.refunds import refund_payment
from payments.settlement import record_report
from tests.factories import make_payment
from tests.pages import text_of
from tests.payments.refunds.conftest import owe, pay
from tests.payments.test_admin import clerk
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db
Status = Refund.Status


@pytest.fixture
def payment(order: Order) -> Payment:
    payment = make_payment(order)
    record_report(payment, report_of(payment))
    payment.refresh_from_db()
    return payment


def url(what: str, row: Any = None) -> str:
    return reverse(f"admin:payments_{what}", args=[row.pk] if row else [])


def press(desk: Client, row: Refund | Dispute, button: str, text: str = "") -> str:
    page = desk.post(url(f"{row._meta.model_name}_{button}", row), {"text": text}, follow=True)
    row.refresh_from_db()
    return text_of(page)


def dispute_of(payment: Payment, number: int = 1, **fields: Any) -> Dispute:
    facts = {"external_id": f"dp_{number}", "amount": 1_000, "currency": "IDR", "opened_at": timezone.now()}
    return Dispute.objects.create(payment=payment, **{**facts, **fields})


def test_refund_by_hand_has_everything_that_it_takes_on_one_page(desk: Client, payment: Payment, order: Order):
    refund = owe(payment, 50_000, status=Status.MANUAL, note="Please ask the payer where Rp50,000 shall go.")
    told = text_of(desk.get(url("refund_change", refund)))
    for word in (
        "Rp50,000",
        "Please ask the payer where Rp50,000 shall go.",
        "Sam Student",
        "sam@example.com",
        payment.reference,
        payment.external_id,
        "bank_transfer",
        "midtrans",
        order.reference,
        "Record as sent back by hand",
    ):
        assert word in told


@pytest.mark.parametrize(
    ("fields", "buttons"),
    [
        ({"status": Status.PENDING}, {"send", "look", "record"}),
        ({"status": Status.SUBMITTED}, {"look", "record"}),
        ({"status": Status.MANUAL}, {"again", "look", "record", "drop"}),
        ({"status": Status.FAILED}, {"again", "look", "record", "drop"}),
        ({"status": Status.FAILED, "finished_at": timezone.now()}, set()),
        ({"status": Status.SUCCEEDED, "finished_at": timezone.now()}, set()),
    ],
)
def test_refund_shows_only_what_can_be_done(desk: Client, payment: Payment, fields: dict[str, Any], buttons: set[str]):
    refund = owe(payment, 50_000, **fields)
    page = desk.get(url("refund_change", refund)).text
    shown = {name for name in ("send", "again", "look", "record", "drop") if url(f"refund_{name}", refund) in page}
    assert shown == buttons


def test_refund_is_sent_with_one_click(desk: Client, stripe_bank: Any, order: Order, root: User):
    payment = pay(stripe_bank, order)
    refund = refund_payment(payment, amount=Money(50_000, "IDR"), who=root, why="as promised")
    assert "This refund is now: sent back." in press(desk, refund, "send")
    assert stripe_bank.sent_back(payment.reference) == Money(50_000, "IDR")


def test_failed_refund_is_tried_again_with_one_click(desk: Client, stripe_bank: Any, order: Order):
    payment = pay(stripe_bank, order)
    refund = owe(payment, 50_000, status=Status.FAILED, next_attempt_at=None)
    assert "This refund is now: sent back." in press(desk, refund, "again")
    assert (refund.round, refund.status) == (2, Status.SUCCEEDED)
    assert stripe_bank.sent_back(payment.reference) == Money(50_000, "IDR")


def test_refund_made_at_the_gateway_is_found_with_one_click(desk: Client, stripe_bank: Any, order: Order):
    payment = pay(stripe_bank, order)
    refund = owe(payment, 50_000, status=Status.MANUAL)
    stripe_bank.refund_in_dashboard(payment.reference, Money(50_000, "IDR"))
    stripe_bank.confirm_refunds(payment.reference)
    assert "This refund is now: sent back." in press(desk, refund, "look")


def test_refund_is_dropped_with_a_reason(desk: Client, payment: Payment):
    refund = owe(payment, 50_000, status=Status.MANUAL)
    assert "Please say why." in press(desk, refund, "drop")
    assert "nothing more is sent back" in press(desk, refund, "drop", "The payer keeps it")
    assert refund.is_given_up


@pytest.mark.parametrize(
    ("value", "found"), [("person", [10, 20]), ("gateway", [30, 40]), ("nothing", [50, 60]), ("", [10, 20, 30, 40, 50, 60])]
)
def test_refunds_are_found_by_what_is_to_be_done(desk: Client, payment: Payment, value: str, found: list[int]):
    now = timezone.now()
    owe(payment, 10, status=Status.MANUAL)
    owe(payment, 20, status=Status.FAILED)
    owe(payment, 30, status=Status.PENDING)
    owe(payment, 40, status=Status.SUBMITTED)
    owe(payment, 50, status=Status.SUCCEEDED, finished_at=now)
    owe(payment, 60, status=Status.FAILED, finished_at=now)
    page: Any = desk.get(url("refund_changelist"), {"needs": value} if value else {})
    assert sorted(row.amount for row in page.context["cl"].queryset) == found
    assert [row.amount for row in page.context["waiting"]] == [10, 20]


def test_open_disputes_come_first_and_end_with_a_reason(desk: Client, payment: Payment):
    old = dispute_of(payment, 1, status="won", closed_at=timezone.now())
    dispute = dispute_of(payment, 2)
    dispute_of(payment, 3, status="lost", closed_at=timezone.now())
    page: Any = desk.get(url("dispute_changelist"))
    assert page.context["cl"].queryset.first() == dispute
    assert url("dispute_won", old) not in desk.get(url("dispute_change", old)).text

    assert "Please say how you know." in press(desk, dispute, "won")
    assert "This dispute is now: won: the money stays." in press(desk, dispute, "won", "Their letter of today")
    assert (dispute.status, dispute.note) == (Dispute.Status.WON, "Their letter of today")


def test_dispute_is_lost_with_a_reason(desk: Client, payment: Payment):
    dispute = dispute_of(payment)
    assert "This dispute is now: lost: the money is gone." in press(desk, dispute, "lost", "Midtrans wrote")


@pytest.mark.parametrize(("model", "button"), [("refund", "again"), ("refund", "drop"), ("dispute", "won")])
def test_buttons_need_the_permission_to_change(payment: Payment, model: str, button: str):
    row = owe(payment, 1, status=Status.MANUAL) if model == "refund" else dispute_of(payment)
    viewer = clerk(f"view_{model}")
    assert 'class="verb"' not in viewer.get(url(f"{model}_change", row)).text
    assert viewer.post(url(f"{model}_{button}", row), {"text": "x"}).status_code == 403
    assert viewer.get(url(f"{model}_{button}", row)).status_code == 405


@pytest.mark.parametrize("model", ["refund", "dispute"])
def test_lists_take_the_same_queries_for_fifty_as_for_one(desk: Client, payment: Payment, model: str):
    def add(number: int) -> None:
        owe(payment, 1, status=Status.MANUAL)
        dispute_of(payment, number)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(url(f"{model}_changelist")).status_code == 200
        return len(queries)

    add(0)
    count()
    before = count()
    for number in range(1, 50):
        add(number)
    assert count() == before
