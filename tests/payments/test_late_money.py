"""Money that comes after the deadline, or after the order was given up: what is still free is booked, the rest goes back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, DateOverride, Notice, Order, SessionType, Tutor, User
from bookings.orders import place_order
from bookings.promo_codes import put_code
from payments.models import Payment, Refund
from payments.settlement import record_payment_succeeded
from payments.tasks import owe_refunds
from tests.conftest import Drain
from tests.factories import make_booking, make_code, make_payment, make_session_type, make_tutor, tomorrow
from tests.payments.late import HOURS, back, let_it_expire, order_of, pay, sell, states
from tests.payments.test_settlement import report_of
from tests.race import race

Status = Booking.Status
Captured = Callable[..., Any]


@pytest.mark.defect("TB-05")
@pytest.mark.defect("TB-06")
def test_all_sessions_are_revived_while_all_are_free(maths: SessionType, sam: User, news: list[str], drain: Drain):
    order = order_of(maths, sam)
    let_it_expire(order)
    pay(order)
    order.refresh_from_db()
    assert (order.status, states(order), back(order)) == (Order.Status.PAID, [(Status.PAID, None)] * 3, [])
    assert Notice.objects.filter(fact="paid", to=sam).count() == 3


@pytest.mark.defect("IT-22")
@pytest.mark.defect("TB-06")
def test_sessions_still_free_are_kept_and_the_money_of_the_others_goes_back(
    maths: SessionType, sam: User, kim: User, news: list[str], django_capture_on_commit_callbacks: Captured
):
    order = order_of(maths, sam)
    first, lost, last = order.bookings.order_by("during")
    let_it_expire(order)
    sell(lost, kim)
    with django_capture_on_commit_callbacks(execute=True):
        payment = pay(order)

    order.refresh_from_db()
    assert (order.status, order.total) == (Order.Status.PAID, 450_000)
    assert states(order) == [(Status.PAID, None), (Status.EXPIRED, 150_000), (Status.PAID, None)]
    assert back(order) == [("late", 150_000, lost.reference)]
    assert Payment.objects.get(pk=payment.pk).left.amount == 300_000
    assert news == [first.reference, last.reference]
    told = Notice.objects.filter(fact="paid", to=sam).order_by("pk").values_list("booking__reference", "details__of")
    assert list(told) == [(first.reference, 2), (last.reference, 2)]


def test_lost_news_of_a_session_that_was_gone_sends_its_money_back_all_the_same(
    maths: SessionType, sam: User, kim: User, drain: Drain
):
    order = order_of(maths, sam)
    lost = order.bookings.earliest("during")
    let_it_expire(order)
    sell(lost, kim)
    pay(order)
    assert back(order) == []
    for _round in range(2):
        owe_refunds(0)
    assert back(order) == [("late", 150_000, lost.reference)]


def test_shares_of_a_discount_stay_as_sold(maths: SessionType, sam: User, kim: User):
    for hour in HOURS:
        cart = place_hold(maths, starts_at=tomorrow(hour), student=sam).order
    make_code("TENTH")
    assert put_code(sam, "tenth") is None
    order = place_order(cart)
    let_it_expire(order)
    sell(order.bookings.earliest("during"), kim)
    pay(order)
    owe_refunds(0)
    assert [amount for _why, amount, _booking in back(order)] == [135_000]
    order.refresh_from_db()
    assert (order.total, order.discount, order.promo_code is not None) == (405_000, 45_000, True)


@pytest.mark.defect("IT-24")
def test_session_that_has_begun_meanwhile_counts_as_gone(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    with time_machine.travel(tomorrow(9, 30)):
        pay(order)
        owe_refunds(0)
    assert states(order) == [(Status.EXPIRED, 150_000), (Status.PAID, None), (Status.PAID, None)]
    assert [why for why, _amount, _booking in back(order)] == ["late"]


def test_time_that_the_tutor_has_closed_meanwhile_counts_as_gone(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    DateOverride.objects.create(tutor=maths.tutor, date=tomorrow().date(), starts=time(10), ends=time(0))
    pay(order)
    assert states(order) == [(Status.EXPIRED, 150_000), (Status.PAID, None), (Status.PAID, None)]


def test_tutor_who_is_no_longer_here_gives_no_late_session(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    Tutor.objects.filter(pk=maths.tutor_id).update(is_approved=False)
    pay(order)
    assert (states(order), back(order)) == ([(Status.EXPIRED, None)] * 3, [("late", 450_000, None)])


def test_order_paid_in_time_is_booked_whatever_the_tutor_has_closed_since(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    DateOverride.objects.create(tutor=maths.tutor, date=tomorrow().date())
    pay(order)
    assert states(order) == [(Status.PAID, None)] * 3


def test_student_who_is_busy_meanwhile_does_not_get_the_session(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    sell_elsewhere = make_booking(sam, make_tutor(), during=order.bookings.earliest("during").time, status=Status.PAID)
    pay(order)
    assert states(order) == [(Status.EXPIRED, 150_000), (Status.PAID, None), (Status.PAID, None)]
    assert sell_elsewhere.is_paid


def test_hold_of_somebody_that_ran_out_is_in_nobodys_way(maths: SessionType, sam: User, kim: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    place_hold(maths, starts_at=tomorrow(9), student=kim)
    Booking.objects.filter(student=kim).update(held_until=timezone.now() - timedelta(seconds=1))
    pay(order)
    assert states(order) == [(Status.PAID, None)] * 3


def test_none_free_sends_the_whole_payment_back_and_changes_nothing(maths: SessionType, sam: User, kim: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    for booking in order.bookings.all():
        sell(booking, kim)
    pay(order)
    order.refresh_from_db()
    assert (order.status, states(order)) == (Order.Status.EXPIRED, [(Status.EXPIRED, None)] * 3)
    assert back(order) == [("late", 450_000, None)]


def test_second_payment_of_a_partly_revived_order_goes_back_whole(maths: SessionType, sam: User, kim: User):
    order = order_of(maths, sam)
    let_it_expire(order)
    sell(order.bookings.earliest("during"), kim)
    first, second = pay(order), pay(order)
    owe_refunds(0)
    assert {(r.payment, r.reason, r.amount) for r in Refund.objects.all()} == {
        (first, "late", 150_000),
        (second, "twice", 450_000),
    }


@pytest.mark.defect("IT-23")
@pytest.mark.django_db(transaction=True)
def test_late_payments_of_orders_that_share_times_sell_each_time_once(maths: SessionType, sam: User, kim: User):
    """Crosswise: each order holds the times in another sequence, and both are paid at once, each twice over."""
    for round_ in range(4):
        days, orders = 2 + round_, []
        for student, hours in [(sam, (9, 11, 13)), (kim, (13, 11, 9))]:
            for hour in hours:
                cart = place_hold(maths, starts_at=tomorrow(hour, days=days), student=student).order
            orders.append(place_order(cart))
            let_it_expire(orders[-1])
        payments = [make_payment(order) for order in (*orders, *orders)]

        def tell(number: int, payments: list[Payment] = payments) -> bool:
            payment = payments[number % 4]
            return record_payment_succeeded(payment, replace(report_of(payment), external_id=payment.reference))

        assert [outcome.error for outcome in race(tell, threads=8)] == [None] * 8

        owe_refunds(0)
        booked = Booking.objects.filter(order__in=orders, status=Status.PAID)
        assert sorted(booking.starts_at.hour for booking in booked) == [9, 11, 13]
        taken = sum(payment.amount for payment in payments)
        returned = sum(refund.amount for refund in Refund.objects.filter(payment__in=payments))
        assert taken - returned == sum(booking.net.amount for booking in booked)


def test_session_type_that_is_not_sold_any_more_is_kept_as_it_was_sold(ada: Tutor, sam: User):
    short = make_session_type(ada, minutes=30, price=80_000)
    order = place_order(place_hold(short, starts_at=tomorrow(), student=sam).order)
    let_it_expire(order)
    SessionType.objects.filter(pk=short.pk).update(is_active=False, minutes=45, price=1)
    pay(order)
    booking = order.bookings.get()
    assert (booking.status, booking.minutes, booking.price) == (Status.PAID, 30, 80_000)
