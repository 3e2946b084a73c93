"""An order is given up, and paid all the same: the later word counts, and the no of somebody else stays."""

import pytest
from django.utils import timezone

from bookings.asking import withdraw_request
from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.holds import place_hold, release_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import place_order, release_order
from payments.tasks import owe_refunds
from tests.factories import give_leave, tomorrow
from tests.payments.late import back, let_it_expire, order_of, pay, sell, states
from tests.requests_made import accepted

Status = Booking.Status


def cancel(order: Order, who: User) -> None:
    booking = order.bookings.exclude(status=Status.CANCELLED).with_people().earliest("during")
    cancel_booking(booking, who=who, seen=preview_cancellation(booking, who).back, why="so")
    order.refresh_from_db()


def test_payer_who_cancelled_and_then_paid_has_the_sessions(maths: SessionType, sam: User, news: list[str]):
    order = order_of(maths, sam)
    cancel(order, sam)
    assert order.status == Order.Status.CANCELLED
    pay(order)
    order.refresh_from_db()
    assert (order.status, states(order), back(order)) == (Order.Status.PAID, [(Status.PAID, None)] * 3, [])
    booking = order.bookings.earliest("during")
    assert (booking.cancelled_at, booking.cancelled_by, booking.cancel_reason) == (None, None, "")
    assert booking.sequence == 2  # newer than the cancellation that a calendar may have heard of


def test_payer_who_paid_and_then_cancelled_has_the_money(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    paid_at = timezone.now()
    cancel(order, sam)
    pay(order, at=paid_at)
    order.refresh_from_db()
    assert (order.status, back(order)) == (Order.Status.CANCELLED, [("cancelled", 450_000, None)])


def test_cancelled_order_is_revived_as_far_as_it_is_free(maths: SessionType, sam: User, kim: User):
    order = order_of(maths, sam)
    cancel(order, sam)
    sell(order.bookings.earliest("during"), kim)
    pay(order)
    owe_refunds(0)
    order.refresh_from_db()
    assert order.status == Order.Status.PAID
    assert states(order) == [(Status.EXPIRED, 150_000), (Status.PAID, None), (Status.PAID, None)]
    assert [(why, amount) for why, amount, _booking in back(order)] == [("late", 150_000)]


def test_time_that_had_run_out_before_its_order_was_cancelled_is_part_of_it(maths: SessionType, sam: User, kim: User):
    order = order_of(maths, sam)
    first = order.bookings.earliest("during")
    Booking.objects.filter(pk=first.pk).update(held_until=timezone.now())
    lost = place_hold(maths, starts_at=first.starts_at, student=kim)  # finds it, and lets it expire
    release_hold(lost.reference, payer=kim)
    release_order(order, why="so", who=sam)
    assert [state for state, _back in states(order)] == [Status.EXPIRED, Status.CANCELLED, Status.CANCELLED]
    pay(order)
    assert (states(order), back(order)) == ([(Status.PAID, None)] * 3, [])


def test_student_who_cancelled_says_less_than_the_payer_who_pays(maths: SessionType, pat: User, kim: User):
    give_leave(payer=pat, student=kim)
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=kim, payer=pat).order)
    cancel(order, kim)
    pay(order)
    assert states(order) == [(Status.PAID, None)]


@pytest.mark.parametrize("who", ["tutor", "staff"])
def test_no_of_somebody_else_stays_and_all_the_money_goes_back(maths: SessionType, sam: User, root: User, who: str):
    order = order_of(maths, sam, hours=[9])
    cancel(order, maths.tutor.user if who == "tutor" else root)
    pay(order)
    order.refresh_from_db()
    assert (order.status, back(order)) == (Order.Status.CANCELLED, [("cancelled", 150_000, None)])


def test_order_that_the_site_released_is_revived(maths: SessionType, sam: User):
    order = order_of(maths, sam)
    release_order(order, why="no payment page")
    pay(order)
    assert states(order) == [(Status.PAID, None)] * 3


def test_order_that_the_staff_released_is_not(maths: SessionType, sam: User, root: User):
    order = order_of(maths, sam)
    release_order(order, why="fraud", who=root)
    pay(order)
    assert back(order) == [("cancelled", 450_000, None)]


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_time_put_back_before_ordering_is_not_revived(maths: SessionType, sam: User, end: str):
    put_back = place_hold(maths, starts_at=tomorrow(15), student=sam)
    release_hold(put_back.reference, payer=sam)
    order = order_of(maths, sam)
    if end == "cancelled":
        cancel(order, sam)
    else:
        let_it_expire(order)
    pay(order)
    assert states(order) == [*[(Status.PAID, None)] * 3, (Status.CANCELLED, None)]


def test_accepted_request_that_was_withdrawn_and_then_paid_is_booked(maths: SessionType, sam: User):
    Tutor.objects.filter(pk=maths.tutor_id).update(approves_first=True)
    maths.tutor.refresh_from_db()
    booking = accepted(maths, sam)
    withdraw_request(booking, who=sam)
    pay(booking.order)
    assert states(booking.order) == [(Status.PAID, None)]


def test_accepted_request_that_the_tutor_called_off_is_not(maths: SessionType, sam: User):
    Tutor.objects.filter(pk=maths.tutor_id).update(approves_first=True)
    maths.tutor.refresh_from_db()
    booking = accepted(maths, sam)
    cancel(booking.order, maths.tutor.user)
    pay(booking.order)
    assert back(booking.order) == [("cancelled", 150_000, None)]
