"""The verdict of the chaos run must find what is wrong: here it is shown books that are right, then wrong in one point."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from bench.chaos.desks import Taken
from bench.chaos.verdict import look_at_money, look_at_sessions, look_for_leftovers
from bookings.jobs import enqueue
from bookings.models import Booking, Order, Tutor, User
from payments.models import Payment, Refund
from tests.factories import an_hour, make_booking, make_order, make_payment, make_tutor, tomorrow

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(ada: Tutor, sam: User) -> Payment:
    """The payment of a paid order of one session."""
    order = make_order(sam, status=Order.Status.PAID)
    make_booking(sam, ada, order=order, status=Booking.Status.PAID)
    return make_payment(
        order, status="succeeded", succeeded_at=timezone.now(), received_amount=150_000, received_currency="IDR"
    )


def taken(payment: Payment, **facts: Any) -> Taken:
    """Return what the vendor has in its ledger when all is right."""
    right = Taken(payment.reference, 0, amount=150_000, returned=0, returned_there=0, most_by_key=0)
    return replace(right, **facts)


def found(*ledger: Taken) -> list[str]:
    return list(look_at_money({"midtrans": ledger, "stripe": []}))


def send_back(payment: Payment, amount: int, **facts: Any) -> None:
    Refund.objects.create(
        payment=payment, amount=amount, reason="late", **{"status": "succeeded", "finished_at": timezone.now(), **facts}
    )


def test_right_books_are_right(payment: Payment):
    assert found(taken(payment)) == []
    assert list(look_at_sessions()) == []


def test_money_that_nobody_here_knows_of_is_found(payment: Payment):
    stranger = replace(taken(payment), reference="PAY-LOST-1")
    assert found(taken(payment), stranger) == ["PAY-LOST-1: midtrans took 150000, and nobody here knows"]


def test_order_that_no_vendor_was_paid_for_is_found(payment: Payment):
    said = found()
    assert f"{payment.reference}: succeeded, but no vendor took money for it" in said
    assert f"{payment.order.reference}: paid, but no vendor took money for it" in said


def test_money_of_an_order_that_was_given_up_must_have_gone_back(payment: Payment):
    Order.objects.update(status=Order.Status.EXPIRED, paid_at=None)
    Booking.objects.update(status=Booking.Status.EXPIRED)
    assert found(taken(payment)) == [
        f"{payment.order.reference}: expired, 150000 of the payer's money is left, and sessions for 0 stand"
    ]

    send_back(payment, 150_000)
    assert found(taken(payment, returned=150_000)) == []


def test_second_payment_of_an_order_must_have_gone_back(payment: Payment):
    second = make_payment(
        payment.order, status="succeeded", succeeded_at=timezone.now(), received_amount=150_000, received_currency="IDR"
    )
    assert len(found(taken(payment), taken(second))) == 1

    send_back(second, 150_000)
    assert found(taken(payment), taken(second, returned=150_000)) == []


def test_refund_that_only_one_side_knows_is_found(payment: Payment):
    assert f"{payment.reference}: midtrans sent back 50000, here it is 0" in found(taken(payment, returned=50_000))
    send_back(payment, 50_000)
    assert f"{payment.reference}: midtrans sent back 0, here it is 50000" in found(taken(payment))


def test_refund_that_was_carried_out_twice_or_over_is_found(payment: Payment):
    Order.objects.update(status=Order.Status.EXPIRED, paid_at=None)
    Booking.objects.update(status=Booking.Status.EXPIRED)
    send_back(payment, 150_000)

    said = found(taken(payment, returned=300_000, most_by_key=2))

    assert f"{payment.reference}: midtrans sent back 300000 of 150000" in said
    assert f"{payment.reference}: midtrans carried out one refund 2 times" in said


def test_refund_left_to_a_person_is_right_only_where_the_vendor_cannot_do_it(payment: Payment):
    Booking.objects.update(status=Booking.Status.CANCELLED, refund=150_000, cancelled_at=timezone.now())
    send_back(payment, 150_000, status="manual", finished_at=None)

    assert found(replace(taken(payment), can_be_returned=False)) == []
    assert len(found(taken(payment))) == 1


def test_dispute_that_is_not_known_is_found(payment: Payment):
    assert found(taken(payment, disputed=150_000)) == [
        f"{payment.reference}: the payer's bank disputes 150000 at midtrans, here it is 0"
    ]


def test_work_that_is_left_is_found(payment: Payment, sam: User):
    other = make_booking(sam, make_tutor(), during=an_hour(tomorrow(15)), status=Booking.Status.PAID)
    assert list(look_at_sessions()) == []
    enqueue("payments.check_payment", payment_id=payment.pk)

    left = list(look_for_leftovers())

    assert "payments.check_payment todo: among the jobs" in left
    assert f"{other.reference}: among the sessions without a link" in left
