"""Refunds that cannot go on yet: they say why, are tried again in time, and tell the staff once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.models import Order, User
from bookings.money import Money
from payments.models import Dispute, Payment, Refund
from payments.refund_sending import LONGEST_WAIT, wait_after
from tests.conftest import Drain
from tests.payments.gateways.banks import Bank, Vendor
from tests.payments.refunds.conftest import owe, pay, send, use_refusing

pytestmark = pytest.mark.django_db
Status = Refund.Status
PART = 50_000


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (9, 256), (10, 360), (1000, 360)]
)
def test_wait_doubles_up_to_six_hours(attempts: int, minutes: int):
    assert wait_after(attempts) == timedelta(minutes=minutes) <= LONGEST_WAIT


def test_gateway_that_does_not_answer_is_asked_again_and_the_staff_hear_of_it_once(
    vendor_bank: Vendor, order: Order, root: User, drain: Drain, mailoutbox: list[Any], settings: Any
):
    payment = pay(vendor_bank, order)
    settings.PAYMENT_GATEWAYS = {payment.gateway: vendor_bank.unrepeated}
    refund = owe(payment, PART)
    drain()
    mailoutbox.clear()
    vendor_bank.double.fault_rates = {Fault.ERROR: 1.0}
    for number in range(1, 8):
        before = timezone.now()
        send(refund)
        assert refund.next_attempt_at is not None
        assert refund.next_attempt_at - before >= wait_after(number)
    drain()
    assert (refund.status, refund.attempts, refund.round) == (Status.PENDING, 7, 1)
    assert refund.note.startswith("The gateway has not said yet what became of it")
    assert len([mail for mail in mailoutbox if "has not been sent back yet" in mail.subject]) == 1


def test_gateway_without_keys_waits_and_the_staff_hear_of_it_once(
    stripe_bank: Any, order: Order, root: User, drain: Drain, mailoutbox: list[Any], settings: Any
):
    refund = owe(pay(stripe_bank, order), PART)
    drain()
    mailoutbox.clear()
    settings.PAYMENT_GATEWAYS = {"stripe": stripe_bank.keyless}
    for _time in range(3):
        send(refund)
    drain()
    assert (refund.status, refund.note) == (Status.PENDING, "It waits: the gateway stripe is not set up here.")
    assert len(mailoutbox) == 1
    settings.PAYMENT_GATEWAYS = {"stripe": stripe_bank.entry}
    assert send(refund).status == Status.SUCCEEDED


def test_refusal_for_good_is_shown_to_staff_and_takes_nothing(
    stripe_bank: Any, order: Order, root: User, drain: Drain, mailoutbox: list[Any], settings: Any
):
    payment = pay(stripe_bank, order)
    use_refusing(settings, stripe_bank)
    refund = send(owe(payment, PART))
    drain()
    assert (refund.status, refund.note, refund.next_attempt_at) == (Status.FAILED, "no funds", None)
    assert any(f"({refund.reference}) could not be sent back" in mail.body for mail in mailoutbox)
    payment.refresh_from_db()
    assert payment.refunded_amount == 0


def test_refund_waits_while_the_payers_bank_asks_for_the_money(bank: Bank, order: Order):
    payment = pay(bank, order)
    refund = owe(payment, PART)
    bank.dispute(payment.reference)
    send(refund)  # asking comes first, and finds the dispute that no message told of
    assert (refund.status, payment.disputes.get().status) == (Status.PENDING, Dispute.Status.OPEN)
    assert "bank is asking" in refund.note
    send(refund)
    assert bank.sent_back(payment.reference) == Money(0, "IDR")
    order.refresh_from_db()
    assert order.disputed_at is not None


def test_refund_of_a_payment_that_needs_a_look_waits(stripe_bank: Bank, order: Order):
    payment = pay(stripe_bank, order)
    refund = owe(payment, PART)
    Payment.objects.update(status=Payment.Status.NEEDS_REVIEW)
    send(refund)
    assert (refund.status, refund.attempts, refund.note) == (
        Status.PENDING,
        0,
        "It waits: this payment needs a look first.",
    )
    Payment.objects.update(status=Payment.Status.SUCCEEDED)
    assert send(refund).status == Status.SUCCEEDED


def test_what_is_under_way_for_days_is_shown_to_staff(
    midtrans_bank: Bank, order: Order, root: User, drain: Drain, mailoutbox: list[Any]
):
    refund = send(owe(pay(midtrans_bank, order), PART))
    assert refund.status == Status.SUBMITTED
    Refund.objects.update(attempts=16)
    refund.refresh_from_db()
    send(refund)
    drain()
    assert len([mail for mail in mailoutbox if "still under way" in mail.body]) == 1


def test_question_that_is_refused_is_no_refusal_of_the_refund(stripe_bank: Any, order: Order, settings: Any):
    refund = owe(pay(stripe_bank, order), PART)
    settings.PAYMENT_GATEWAYS = {"stripe": stripe_bank.stranger}
    send(refund)
    assert (refund.status, refund.attempts) == (Status.PENDING, 1)
