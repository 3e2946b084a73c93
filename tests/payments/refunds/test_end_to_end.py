"""From a cancelled session, or one to which somebody did not come, to the money with its payer: at every company."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bookings.absence import Verdict, record_absence
from bookings.cancellation import cancel_booking
from bookings.models import Booking, Order, Tutor, User
from bookings.money import Money
from payments.models import Payment, Refund
from payments.refund_sending import enqueue_due_refunds
from tests.conftest import Drain
from tests.pages import text_of
from tests.payments.gateways.banks import Bank
from tests.payments.refunds.conftest import hear, pay

pytestmark = pytest.mark.django_db
Status = Refund.Status


def come_back(bank: Bank, payment: Payment, drain: Drain) -> None:
    """Let time pass until the company's bank has sent what it was asked for."""
    drain()
    bank.confirm_refunds(payment.reference)
    Refund.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    enqueue_due_refunds(now=timezone.now())
    drain()


def mails_to(mailoutbox: list[Any], person: User, words: str) -> list[str]:
    return [mail.subject for mail in mailoutbox if mail.to == [person.email] and words in mail.subject]


@pytest.mark.defect("IT-20", "IT-27", "CE-04")
def test_cancelled_session_brings_the_money_back(
    bank: Bank,
    order: Order,
    sam: User,
    client: Client,
    drain: Drain,
    mailoutbox: list[Any],
    django_capture_on_commit_callbacks: Any,
):
    payment = pay(bank, order)
    booking = order.bookings.get()
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=sam, seen=booking.net)
    come_back(bank, payment, drain)

    refund = Refund.objects.get()
    assert (refund.booking, refund.money, refund.status) == (booking, booking.net, Status.SUCCEEDED)
    assert bank.sent_back(payment.reference) == booking.net
    assert mails_to(mailoutbox, sam, "goes back") == ["Rp150,000 goes back to you"]
    assert mails_to(mailoutbox, sam, "sent back") == ["Rp150,000 has been sent back to you"]
    client.force_login(sam)
    assert "Rp150,000 went back to you" in text_of(client.get(order.get_absolute_url()))


@pytest.mark.defect("IT-21", "IT-12")
def test_tutors_absence_brings_the_money_back(
    bank: Bank, order: Order, sam: User, root: User, drain: Drain, django_capture_on_commit_callbacks: Any
):
    payment = pay(bank, order)
    began = timezone.now() - timedelta(minutes=40)
    times = (began, began + timedelta(hours=1))
    Booking.objects.update(during=times, blocks=times)
    with django_capture_on_commit_callbacks(execute=True):
        record_absence(order.bookings.get(), verdict=Verdict.TUTOR_ABSENT, who=root, why="nobody came")
    come_back(bank, payment, drain)
    assert [(one.reason, one.status) for one in payment.refunds.all()] == [("absent", Status.SUCCEEDED)]
    assert bank.sent_back(payment.reference) == Money(150_000, "IDR")


@pytest.mark.defect("IT-22", "TB-06")
def test_late_money_goes_back_by_itself(bank: Bank, order: Order, sam: User, drain: Drain):
    payment = pay(bank, order)
    Order.objects.update(status=Order.Status.CANCELLED)  # as if it had been given up before
    second = pay(bank, order)
    come_back(bank, second, drain)
    assert [(one.reason, one.status) for one in second.refunds.all()] == [("cancelled", Status.SUCCEEDED)]
    assert bank.sent_back(second.reference) == Money(150_000, "IDR")
    assert bank.sent_back(payment.reference) == Money(0, "IDR")


def test_refund_that_waits_for_a_dispute_goes_on_when_it_is_won(
    stripe_bank: Any, order: Order, ada: Tutor, root: User, drain: Drain, django_capture_on_commit_callbacks: Any
):
    payment = pay(stripe_bank, order)
    stripe_bank.dispute(payment.reference)
    hear(stripe_bank, payment)
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(order.bookings.get(), who=ada.user, seen=Money(150_000, "IDR"), why="ill")
    drain()
    refund = Refund.objects.get()
    assert (refund.status, stripe_bank.sent_back(payment.reference)) == (Status.PENDING, Money(0, "IDR"))

    [dispute] = stripe_bank.stripe.disputes
    stripe_bank.stripe.close_dispute(dispute, "won")
    hear(stripe_bank, payment)
    drain()
    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.status, order.disputed_at) == (Status.SUCCEEDED, None)
    assert stripe_bank.sent_back(payment.reference) == Money(150_000, "IDR")


def test_refund_that_waits_for_a_dispute_is_given_up_when_it_is_lost(
    stripe_bank: Any, order: Order, ada: Tutor, root: User, drain: Drain, django_capture_on_commit_callbacks: Any
):
    payment = pay(stripe_bank, order)
    stripe_bank.dispute(payment.reference)
    hear(stripe_bank, payment)
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(order.bookings.get(), who=ada.user, seen=Money(150_000, "IDR"), why="ill")
    drain()
    [dispute] = stripe_bank.stripe.disputes
    stripe_bank.stripe.close_dispute(dispute, "lost")
    hear(stripe_bank, payment)
    drain()
    refund = Refund.objects.get()
    assert (refund.is_given_up, refund.note) == (True, "Nothing is left of this payment: the payer’s bank has taken it.")
    assert stripe_bank.sent_back(payment.reference) == Money(0, "IDR")
