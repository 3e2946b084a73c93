"""What a payer's bank took is taken off the tutors' account, once, and never more than there was."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from payments.earnings import settle_earnings
from payments.models import Dispute
from tests.factories import make_order, make_payment
from tests.payments.test_earnings import nets, sell, send_back


def dispute(booking: Booking, status: str = "open", **fields: Any) -> Dispute:
    payment, now = booking.order.payments.get(), timezone.now()
    sum_of = {"amount": payment.amount, "currency": payment.currency, **fields}
    return Dispute.objects.create(
        payment=payment,
        external_id=f"dp_{payment.pk}",
        status=status,
        opened_at=now,
        closed_at=None if status == "open" else now,
        **sum_of,
    )


def test_a_lost_dispute_takes_everything_and_an_open_one_nothing_yet(ada: Tutor, sam: User):
    open_one, lost_one = sell(sam, ada), sell(sam, ada, day=2)
    settle_earnings(lost_one.order_id)
    dispute(open_one)
    dispute(lost_one, "lost")
    for booking in (open_one, lost_one):
        settle_earnings(booking.order_id)
    assert nets(open_one, lost_one) == [150_000, 0]
    line = lost_one.earnings.get(kind="correction")
    assert line.why == "Rp150,000 of the price went back to the payer, or was taken by the payer’s bank."


def sell_two(student: User, tutor: Tutor) -> tuple[Booking, Booking]:
    """Two sessions of one order, paid together."""
    order = make_order(student, status="paid")
    one = sell(student, tutor, order=order)
    two = sell(student, tutor, order=order, day=2)
    order.payments.update(amount=order.total)
    return one, two


def test_a_dispute_lost_in_part_takes_its_part_of_each_session(ada: Tutor, sam: User):
    one, two = sell_two(sam, ada)
    dispute(one, "lost", amount=30_001)
    settle_earnings(one.order_id)
    assert nets(one, two) == [134_999, 135_000]


@pytest.mark.parametrize(("lost", "left"), [(50_000, 170_000), (200_000, 20_000), (220_000, 0), (300_000, 0)])
def test_what_went_back_and_what_the_bank_took_is_each_taken_off_once(ada: Tutor, sam: User, lost: int, left: int):
    one, two = sell_two(sam, ada)
    send_back(one, 30_000, reason="other", named=True)
    Booking.objects.filter(pk=one.pk).update(refund=30_000)
    send_back(two, 50_000)
    dispute(one, "lost", amount=lost)
    settle_earnings(one.order_id)
    assert sum(nets(one, two)) == left


def test_a_dispute_lost_in_another_currency_takes_everything(ada: Tutor, sam: User):
    booking = sell(sam, ada)
    dispute(booking, "lost", amount=900, currency="USD")
    settle_earnings(booking.order_id)
    assert nets(booking) == [0]


def test_a_second_payment_that_the_bank_took_concerns_nobody(ada: Tutor, sam: User):
    booking = sell(sam, ada)
    dispute(booking, "lost")
    Dispute.objects.update(payment=make_payment(booking.order, number=2, status="succeeded", succeeded_at=timezone.now()))
    settle_earnings(booking.order_id)
    assert nets(booking) == [150_000]
