from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from bookings.errors import CartEmpty, HoldExpired, OrderNotPayable, SlotsGone, SlotTaken
from bookings.holds import Wanted, place_hold, release_hold
from bookings.models import Booking, Change, Order, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once, place_order
from bookings.signals import booking_paid
from tests.factories import an_hour, make_booking, make_order, make_session_type, make_tutor, make_user, tomorrow
from tests.race import race

Status = Booking.Status


@pytest.fixture
def news():
    """What `booking_paid` told, by reference."""
    heard: list[str] = []

    def hear(booking: Booking, **_news: Any) -> None:
        heard.append(booking.reference)

    booking_paid.connect(hear)
    yield heard
    booking_paid.disconnect(hear)


def test_placed_order_sums_its_holds_and_keeps_them_until_the_deadline(ada: Tutor, maths: SessionType, sam: User):
    long = make_session_type(ada, minutes=90, price=200_000)
    place_hold(maths, starts_at=tomorrow(9), student=sam)
    cart = place_hold(long, starts_at=tomorrow(12), student=sam).order

    order = place_order(cart)

    assert (order.status, order.money) == (Order.Status.AWAITING_PAYMENT, Money(350_000, "IDR"))
    assert {booking.held_until for booking in order.bookings.all()} == {order.expires_at}
    assert order.expires_at is not None
    assert order.placed_at is not None
    assert order.expires_at - order.placed_at == timedelta(minutes=30)


@pytest.mark.defect("IT-24")
def test_nobody_can_pay_for_a_session_that_has_begun(maths: SessionType, sam: User):
    starts_at = tomorrow()
    with time_machine.travel(starts_at - timedelta(minutes=5), tick=False):
        hold = place_hold(maths, starts_at=starts_at, student=sam)
        order = place_order(hold.order)
    assert (hold.held_until, order.expires_at) == (starts_at, starts_at)

    with time_machine.travel(starts_at, tick=False), pytest.raises(SlotsGone):
        mark_order_paid(order)


def test_order_placed_twice_stays_as_it_is(maths: SessionType, sam: User):
    cart = place_hold(maths, starts_at=tomorrow(), student=sam).order
    first = place_order(cart)
    assert place_order(cart).expires_at == first.expires_at


def test_empty_cart_cannot_be_placed(sam: User):
    with pytest.raises(CartEmpty):
        place_order(Order.objects.create(payer=sam))


def test_cart_whose_holds_ran_out_cannot_be_placed(maths: SessionType, sam: User):
    cart = place_hold(maths, starts_at=tomorrow(), student=sam).order
    with time_machine.travel(timezone.now() + timedelta(minutes=16)), pytest.raises(HoldExpired):
        place_order(cart)


@pytest.mark.defect("TB-01")
def test_price_is_that_of_the_hold_though_the_tutor_raises_it(maths: SessionType, sam: User):
    cart = place_hold(maths, starts_at=tomorrow(), student=sam).order
    SessionType.objects.update(price=999_000)
    assert place_order(cart).money == Money(150_000, "IDR")


def test_paid_order_pays_its_bookings_and_tells_once(
    maths: SessionType, sam: User, news: list[str], django_capture_on_commit_callbacks: Any
):
    booking = place_hold(maths, starts_at=tomorrow(), student=sam)
    order = place_order(booking.order)

    with django_capture_on_commit_callbacks(execute=True):
        mark_order_paid(order)
        mark_order_paid(order)

    booking.refresh_from_db()
    assert (booking.status, booking.held_until, mark_order_paid(order).status) == (Status.PAID, None, Order.Status.PAID)
    assert news == [booking.reference]


@pytest.mark.django_db(transaction=True)
def test_order_paid_by_eight_threads_at_once_tells_once(maths: SessionType, sam: User, news: list[str]):
    booking = place_hold(maths, starts_at=tomorrow(), student=sam)
    order = place_order(booking.order)

    outcomes = race(lambda _n: mark_order_paid(order).status, threads=8)

    assert [one.value for one in outcomes] == [Order.Status.PAID] * 8
    assert news == [booking.reference]
    assert Change.objects.filter(order=order, became="paid").count() == 1


def test_trouble_in_a_receiver_cannot_undo_the_payment(
    maths: SessionType, sam: User, django_capture_on_commit_callbacks: Any
):
    def fail(**_news: Any) -> None:
        raise RuntimeError("a meeting went wrong")

    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    booking_paid.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            mark_order_paid(order)
    finally:
        booking_paid.disconnect(fail)
    order.refresh_from_db()
    assert order.is_paid


def test_late_payment_revives_the_order_while_the_slot_is_free(maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert expire_unpaid(now=timezone.now()) == 1
        assert mark_order_paid(order).is_paid
    assert order.bookings.get().status == Status.PAID


def test_late_payment_is_refused_when_the_slot_was_sold_again(ada: Tutor, sam: User, kim: User):
    lost = make_booking(sam, ada, status=Status.EXPIRED)
    make_booking(kim, ada, status=Status.PAID)

    with pytest.raises(SlotsGone):
        mark_order_paid(lost.order)

    lost.refresh_from_db()
    assert (lost.status, Order.objects.get(pk=lost.order_id).status) == (Status.EXPIRED, Order.Status.EXPIRED)


def test_late_payment_of_two_sessions_revives_both_or_none(ada: Tutor, sam: User, kim: User):
    order = make_order(sam, status=Order.Status.EXPIRED)
    free = make_booking(sam, ada, status=Status.EXPIRED, order=order, during=an_hour(tomorrow(9)))
    make_booking(sam, ada, status=Status.EXPIRED, order=order, during=an_hour(tomorrow(12)))
    make_booking(kim, ada, status=Status.PAID, during=an_hour(tomorrow(12)))

    with pytest.raises(SlotsGone):
        mark_order_paid(order)

    free.refresh_from_db()
    assert free.status == Status.EXPIRED


def test_late_payment_of_a_session_that_has_begun_is_refused(ada: Tutor, sam: User):
    lost = make_booking(sam, ada, status=Status.EXPIRED, during=an_hour(timezone.now() - timedelta(minutes=5)))
    with pytest.raises(SlotsGone):
        mark_order_paid(lost.order)


def test_late_payment_revives_over_a_hold_that_ran_out_unswept(ada: Tutor, sam: User, kim: User):
    lost = make_booking(sam, ada, status=Status.EXPIRED)
    passed = make_booking(kim, ada, held_until=timezone.now() - timedelta(seconds=1))

    assert mark_order_paid(lost.order).is_paid

    passed.refresh_from_db()
    assert passed.status == Status.EXPIRED


def test_released_hold_is_not_paid_with_the_rest(maths: SessionType, sam: User):
    dropped = place_hold(maths, starts_at=tomorrow(9), student=sam)
    cart = place_hold(maths, starts_at=tomorrow(12), student=sam).order
    release_hold(dropped.reference, payer=sam)

    order = mark_order_paid(place_order(cart))

    dropped.refresh_from_db()
    assert (order.money, dropped.status) == (Money(150_000, "IDR"), Status.CANCELLED)


@pytest.mark.parametrize("status", [Order.Status.CART, Order.Status.CANCELLED])
def test_order_that_was_never_placed_cannot_be_paid(sam: User, status: str):
    with pytest.raises(OrderNotPayable):
        mark_order_paid(make_order(sam, status=status))


@pytest.mark.django_db(transaction=True)
def test_expiry_against_payment_leaves_both_agreeing(maths: SessionType, sam: User):
    for hour in range(6):
        order = place_order(place_hold(maths, starts_at=tomorrow(hour), student=sam).order)
        Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        Booking.objects.filter(order=order).update(held_until=timezone.now() - timedelta(seconds=1))

        def act(n: int, order: Order = order) -> object:
            return mark_order_paid(order) if n % 2 else expire_unpaid(now=timezone.now())

        race(act, threads=6)

        order.refresh_from_db()
        assert (order.status, order.bookings.get().status) == (Order.Status.PAID, Status.PAID)


@pytest.mark.django_db(transaction=True)
def test_late_payment_against_new_holds_sells_the_slot_once(maths: SessionType, sam: User):
    others = [make_user() for _ in range(7)]
    for hour in range(5):
        lost = make_booking(sam, maths.tutor, status=Status.EXPIRED, during=an_hour(tomorrow(hour)))

        def act(n: int, lost: Booking = lost) -> object:
            if n == 0:
                return mark_order_paid(lost.order)
            return place_hold(maths, starts_at=lost.starts_at, student=others[n - 1])

        outcomes = race(act, threads=8)

        assert {type(one.error) for one in outcomes if one.error} <= {SlotTaken, SlotsGone}
        assert Booking.objects.active().overlapping(lost.time).count() == 1


@pytest.mark.defect("CE-29", "TB-27")
def test_unpaid_orders_and_left_carts_expire_by_themselves(maths: SessionType, sam: User, kim: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(9), student=sam).order)
    left = place_hold(maths, starts_at=tomorrow(12), student=kim)
    assert expire_unpaid(now=timezone.now()) == 0

    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert expire_unpaid(now=timezone.now()) == 2
        assert expire_unpaid(now=timezone.now()) == 0

    order.refresh_from_db()
    left.refresh_from_db()
    assert (order.status, left.status) == (Order.Status.EXPIRED, Status.EXPIRED)


def test_order_at_once_holds_all_or_nothing(ada: Tutor, maths: SessionType, sam: User, kim: User):
    make_booking(kim, ada, status=Status.PAID, during=an_hour(tomorrow(12)))
    wanted = [Wanted(maths, tomorrow(9)), Wanted(maths, tomorrow(12))]
    with pytest.raises(SlotTaken):
        order_at_once(wanted, student=sam)
    assert not sam.bookings.exists()
    assert not sam.orders.exists()

    order = order_at_once([wanted[0], Wanted(maths, tomorrow(14))], student=sam)

    assert (order.status, order.money) == (Order.Status.AWAITING_PAYMENT, Money(300_000, "IDR"))


@pytest.mark.django_db(transaction=True)
def test_crossed_orders_of_two_tutors_do_not_deadlock():
    types = [make_session_type(make_tutor()) for _ in range(2)]
    students = [make_user() for _ in range(8)]

    def order(n: int) -> Order:
        wanted = [Wanted(one, tomorrow(n)) for one in (types if n % 2 else reversed(types))]
        wanted[1] = Wanted(wanted[1].session_type, tomorrow(n, days=2))
        return order_at_once(wanted, student=students[n])

    outcomes = race(order, threads=8)

    assert [one.error for one in outcomes] == [None] * 8


def test_history_cannot_be_rewritten(maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    with pytest.raises(DatabaseError, match="never altered"):
        order.changes.update(became="paid")
