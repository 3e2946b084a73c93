"""The companies are asked for money back: once, whatever happens on the way."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.doubles.server import Fault
from bookings.models import Order, User
from bookings.money import Money
from payments.models import Payment, Refund
from payments.refund_sending import enqueue_due_refunds, send_refund
from payments.tasks import send_due_refunds
from tests.conftest import Drain
from tests.payments.gateways.banks import Bank, Vendor
from tests.payments.refunds.conftest import hear, open_page, owe, pay, send
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Refund.Status
PART = 50_000


def sending_jobs() -> int:
    return ProcrastinateJob.objects.filter(task_name="payments.send_refund", status="todo").count()


@pytest.mark.defect("IT-20", "TB-28")
@pytest.mark.parametrize("amount", [150_000, PART], ids=["all", "a part"])
def test_refund_is_sent_and_its_end_is_heard_of(bank: Bank, order: Order, amount: int):
    payment = pay(bank, order)
    refund = send(owe(payment, amount))
    assert refund.status in (Status.SUBMITTED, Status.SUCCEEDED)
    assert refund.external_id
    bank.confirm_refunds(payment.reference)
    refund = send(refund)

    assert (refund.status, refund.finished_at is not None, refund.next_attempt_at) == (Status.SUCCEEDED, True, None)
    assert refund.receipt_number
    assert bank.sent_back(payment.reference) == Money(amount, "IDR")
    payment.refresh_from_db()
    assert (payment.status, payment.refunded_amount) == (Payment.Status.SUCCEEDED, amount)


@pytest.mark.defect("TB-28", "IT-11")
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER, Fault.RESET_BEFORE, Fault.ERROR, Fault.BUSY])
def test_lost_answer_sends_nothing_twice(
    vendor_bank: Vendor, order: Order, monkeypatch: pytest.MonkeyPatch, settings: Any, fault: Fault
):
    payment = pay(vendor_bank, order)
    refund = owe(payment, PART)
    if vendor_bank.gateway().name == "midtrans":
        hasty = {**vendor_bank.entry["OPTIONS"], "timeouts": (5, 0.4), "time_limit": 0.8}
        settings.PAYMENT_GATEWAYS = {"midtrans": {**vendor_bank.entry, "OPTIONS": hasty}}
    vendor_bank.double.fail_next(fault, vendor_bank.calls["refund"])
    send(refund)
    assert refund.status != Status.FAILED  # unknown is not failed
    for _again in range(3):
        send(refund)
    vendor_bank.confirm_refunds(payment.reference)
    send(refund)
    assert refund.status == Status.SUCCEEDED
    assert vendor_bank.sent_back(payment.reference) == Money(PART, "IDR")


@pytest.mark.defect("TB-28")
def test_worker_that_died_after_the_work_is_gone_on_with(bank: Bank, order: Order, monkeypatch: pytest.MonkeyPatch):
    payment = pay(bank, order)
    refund = owe(payment, PART)
    monkeypatch.setattr("payments.refund_sending._record_answer", _die)
    with pytest.raises(KeyboardInterrupt):
        send(refund)
    monkeypatch.undo()
    refund.refresh_from_db()
    assert (refund.status, refund.attempts) == (Status.PENDING, 1)
    assert bank.sent_back(payment.reference) == Money(PART, "IDR")

    Refund.objects.update(next_attempt_at=timezone.now())
    assert enqueue_due_refunds(now=timezone.now()) == 1
    send(refund)
    bank.confirm_refunds(payment.reference)
    send(refund)
    assert (refund.status, bank.sent_back(payment.reference)) == (Status.SUCCEEDED, Money(PART, "IDR"))


def _die(*_args: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-28", "IT-23")
def test_workers_that_ask_at_once_send_it_once(vendor_bank: Vendor, order: Order):
    payment = pay(vendor_bank, order)
    refund = owe(payment, PART)
    outcomes = race(lambda _number: send_refund(Refund.objects.get(pk=refund.pk), attempts=0), threads=8)
    assert [outcome.error for outcome in outcomes] == [None] * 8
    refund.refresh_from_db()
    assert refund.attempts == 1
    assert vendor_bank.sent_back(payment.reference) == Money(PART, "IDR")


def test_copy_of_a_job_does_nothing(bank: Bank, order: Order):
    payment = pay(bank, order)
    refund = owe(payment, PART)
    send_refund(refund, attempts=0)
    send_refund(refund, attempts=0)
    refund.refresh_from_db()
    assert refund.attempts == 1


@pytest.mark.django_db(transaction=True)
def test_rounds_at_once_give_each_refund_one_job(sam: User, order: Order, stripe_bank: Bank):
    payment = pay(stripe_bank, order)
    for _number in range(5):
        owe(payment, 10_000)
    outcomes = race(lambda _number: enqueue_due_refunds(now=timezone.now(), limit=3), threads=4)
    assert sum(outcome.value for outcome in outcomes) == 5
    assert sending_jobs() == 5


@pytest.mark.parametrize("fields", [{}, {"next_attempt_at": None}], ids=["by default", "without a time"])
def test_round_finds_what_was_owed_by_an_older_version(
    stripe_bank: Bank, order: Order, drain: Drain, fields: dict[str, Any]
):
    refund = Refund.objects.create(payment=pay(stripe_bank, order), amount=PART, reason=Refund.Reason.OTHER, **fields)
    send_due_refunds(timestamp=0)
    drain()
    refund.refresh_from_db()
    assert refund.status == Status.SUCCEEDED


def test_what_cannot_be_sent_becomes_a_task_with_everything_that_it_needs(
    midtrans_bank: Any, order: Order, root: User, drain: Drain, mailoutbox: list[Any]
):
    payment = _paid_by_transfer(midtrans_bank, order)
    refund = send(owe(payment, PART))
    drain()
    assert (refund.status, refund.next_attempt_at) == (Status.MANUAL, None)
    for word in ("bank transfer", "Rp50,000", payment.reference, "virtual account", payment.external_id):
        assert word in refund.note
    assert any(f"({refund.reference}) must be sent back by hand" in mail.body for mail in mailoutbox)
    assert enqueue_due_refunds(now=timezone.now()) == 0


def _paid_by_transfer(bank: Any, order: Order) -> Payment:
    from_page = pay_by(bank, order, "bank_transfer")
    hear(bank, from_page)
    return from_page


def pay_by(bank: Any, order: Order, method: str) -> Payment:
    payment = open_page(bank, order)
    assert bank.midtrans.pay(payment.reference, method)
    return payment


def test_whole_card_payment_that_is_not_settled_is_voided(midtrans_bank: Any, order: Order, root: User):
    payment = pay_by(midtrans_bank, order, "credit_card")
    hear(midtrans_bank, payment)
    refund = send(owe(payment, 150_000))
    hear(midtrans_bank, payment)  # Midtrans now says "cancel"
    refund.refresh_from_db()
    assert (refund.status, payment.status, payment.disputes.count()) == (
        Status.SUCCEEDED,
        Payment.Status.SUCCEEDED,
        0,
    )
    assert payment.refunds.count() == 1


def test_void_whose_answer_was_lost_is_known_again(midtrans_bank: Any, order: Order, monkeypatch: pytest.MonkeyPatch):
    payment = pay_by(midtrans_bank, order, "credit_card")
    hear(midtrans_bank, payment)
    refund = owe(payment, 150_000)
    monkeypatch.setattr("payments.refund_sending._record_answer", _die)
    with pytest.raises(KeyboardInterrupt):
        send(refund)
    monkeypatch.undo()
    refund.refresh_from_db()
    send(refund)
    payment.refresh_from_db()
    assert (refund.status, payment.status) == (Status.SUCCEEDED, Payment.Status.SUCCEEDED)
    assert payment.refunds.count() == 1


def test_refund_made_at_the_gateway_meanwhile_is_not_sent_again(bank: Bank, order: Order):
    payment = pay(bank, order)
    refund = owe(payment, PART)
    bank.refund_in_dashboard(payment.reference, Money(PART, "IDR"))
    bank.confirm_refunds(payment.reference)
    send(refund)
    assert refund.status == Status.SUCCEEDED
    assert [one.pk for one in payment.refunds.all()] == [refund.pk]
    assert bank.sent_back(payment.reference) == Money(PART, "IDR")
