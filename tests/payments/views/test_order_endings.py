"""What an order's page says of money that is slow, was taken back, has gone back, or is not sent back, is never false."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from payments.models import Dispute, Payment, Refund
from tests.factories import make_payment
from tests.pages import text_of
from tests.payments.views.test_order_states import URL, disputed, end_dispute, over, paid, returned, review, tried, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


def test_order_is_paid_again_once_its_dispute_is_won(page: Client, sam: User, ada: Tutor):
    order = end_dispute(disputed(sam, ada), Dispute.Status.WON)

    assert "Paid. Thank you!" in text_of(page.get(order.get_absolute_url()))


def test_order_paid_twice_stays_paid_when_the_bank_takes_the_second_payment_back(page: Client, sam: User, ada: Tutor):
    order = paid(sam, ada)
    received = {"status": "succeeded", "received_amount": 150_000, "received_currency": "IDR"}
    second = make_payment(order, checkout_url=URL, succeeded_at=timezone.now(), **received)
    Dispute.objects.create(
        payment=second,
        external_id="dp_2",
        amount=150_000,
        currency="IDR",
        opened_at=timezone.now(),
        status=Dispute.Status.LOST,
        closed_at=timezone.now(),
    )

    assert "Paid. Thank you!" in text_of(page.get(order.get_absolute_url()))


def test_late_money_that_has_gone_back_is_not_told_as_still_on_its_way(page: Client, sam: User, ada: Tutor, kim: User):
    order = returned(sam, ada, kim)
    Refund.objects.update(status="succeeded", finished_at=timezone.now(), next_attempt_at=None)

    told = text_of(page.get(order.get_absolute_url()))

    assert "Nothing is booked, and your money went back" in told
    assert "goes back" not in told


def test_late_money_that_is_not_sent_back_is_never_told_as_not_charged(page: Client, sam: User, ada: Tutor, kim: User):
    order = returned(sam, ada, kim)
    Refund.objects.update(status="failed", finished_at=timezone.now(), next_attempt_at=None)

    told = text_of(page.get(order.get_absolute_url()))

    assert "you were not charged" not in told
    assert "Money came for it, and nothing of that is being sent back." in told


def test_refund_that_was_given_up_is_not_told_as_coming_back(page: Client, sam: User, ada: Tutor):
    order = paid(sam, ada, Booking.Status.CANCELLED)
    booking = order.bookings.get()
    Booking.objects.filter(pk=booking.pk).update(refund=150_000)
    facts = {"amount": 150_000, "reason": Refund.Reason.CANCELLED, "status": "failed", "finished_at": timezone.now()}
    Refund.objects.create(payment=order.payments.get(), booking=booking, **facts)

    told = text_of(page.get(order.get_absolute_url())) + text_of(page.get(booking.get_absolute_url()))

    assert "What was to go back is not sent any more." in told
    assert "of it comes back" not in told
    assert "goes back to you" not in told
    assert "Comes back Rp150,000" not in told


@pytest.mark.parametrize("fields", [{}, {"superseded_at": timezone.now()}])
def test_money_that_may_be_on_its_way_is_not_told_as_nothing_taken(page: Client, sam: User, ada: Tutor, fields: Any):
    order = tried(sam, ada, external_id="pi_slow", **fields)

    told = text_of(page.get(order.get_absolute_url()))

    assert "You have begun to pay, and this page says so by itself" in told
    assert "its money may be on its way" in told
    assert "Its payment page is open." not in told
    assert "Nothing was taken" not in told


def test_slow_money_is_still_waited_for_when_its_order_is_over(page: Client, sam: User, ada: Tutor):
    order = over(sam, ada)
    make_payment(order, checkout_url=URL, external_id="pi_slow", status="expired")

    told = text_of(page.get(order.get_absolute_url()))

    assert "no money has reached us" in told
    assert "you were not charged" not in told
    assert "Nothing was taken" not in told


def test_page_that_was_closed_with_money_on_it_is_not_told_as_nothing_taken(page: Client, sam: User, ada: Tutor):
    order = review(sam, ada)
    Payment.objects.update(closed_at=timezone.now())

    assert "nothing was taken" not in text_of(page.get(order.get_absolute_url()))


def test_receipt_tells_what_the_bank_has_taken_back(page: Client, sam: User, ada: Tutor):
    order = end_dispute(disputed(sam, ada), Dispute.Status.LOST)

    told = text_of(page.get(f"{order.get_absolute_url()}receipt/"))

    assert "Taken back by your bank" in told
    assert "Paid in the end Rp0" in told


def test_attempts_are_told_one_by_one(page: Client, sam: User, ada: Tutor):
    order = waiting(sam, ada)
    now = timezone.now()
    make_payment(order, checkout_url=URL, status="failed")
    make_payment(order, checkout_url=URL, status="expired", superseded_at=now, closed_at=now)
    make_payment(order, checkout_url=URL, status="expired")
    make_payment(order, checkout_url=URL)

    told = text_of(page.get(order.get_absolute_url())).partition("4 attempts to pay")[2]

    lines = ["4. Midtrans", "Its payment page is open.", "3. Midtrans", "Its payment page is over. Nothing was taken."]
    lines += ["2. Midtrans", "Its payment page was closed.", "1. Midtrans", "It was refused, or broken off."]
    places = [told.find(line) for line in lines]
    assert places == sorted(places)
    assert places[0] >= 0
