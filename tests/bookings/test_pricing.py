"""What orders cost: the table of cases, and what the database makes of it. Properties stand beside."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.errors import PriceChanged
from bookings.holds import Wanted, open_holds, place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once, place_order
from bookings.pricing import Cut, Line, Quote, quote_cart, reckon
from tests.factories import (
    an_hour,
    give_leave,
    make_booking,
    make_held,
    make_order,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.race import race

Status = Booking.Status
TEN_PERCENT = Cut(percent=10)


def quote_of(cart: Order) -> Quote:
    return quote_cart(cart, list(open_holds(cart).select_related("session_type").order_by("pk")))


@pytest.fixture
def trial(ada: Tutor) -> SessionType:
    """A session of Ada's whose first one is free."""
    return make_session_type(ada, slug="trial", name="Trial", price=100_000, first_one_free=True)


@pytest.mark.parametrize(
    ("prices", "cut", "shares"),
    [
        ([150_000], TEN_PERCENT, [15_000]),
        ([5], TEN_PERCENT, [1]),  # 0.5 is rounded up
        ([4], TEN_PERCENT, [0]),
        ([10, 10, 10], Cut(amount=10), [4, 3, 3]),
        ([100, 1], Cut(amount=50), [50, 0]),  # 49.50 and 0.50: equal losses go to the first
        ([150, 100], Cut(amount=1_000), [150, 100]),
        ([150, 100], Cut(percent=100), [150, 100]),
        ([0, 0], Cut(amount=7), [0, 0]),
    ],
)
def test_discount_is_split_over_the_sessions(prices: list[int], cut: Cut, shares: list[int]):
    assert reckon([Line(price, 1) for price in prices], currency="IDR", cut=cut).shares == shares


def test_code_counts_for_what_remains_after_a_free_first_session():
    quote = reckon([Line(100, 1, is_free=True), Line(200, 1)], currency="USD", cut=Cut(percent=50))
    assert (quote.shares, quote.free_first, quote.code_off) == ([100, 100], Money(100, "USD"), Money(100, "USD"))
    assert quote.total == Money(100, "USD")


def test_first_session_with_a_tutor_is_free_and_the_second_in_the_cart_is_not(trial: SessionType, sam: User):
    later = place_hold(trial, starts_at=tomorrow(15), student=sam)
    first = place_hold(trial, starts_at=tomorrow(9), student=sam)
    cart = first.order
    assert quote_of(cart).total == Money(100_000, "IDR")

    order = place_order(cart, seen=Money(100_000, "IDR"))

    first.refresh_from_db()
    later.refresh_from_db()
    assert (order.total, order.discount, first.discount, later.discount) == (100_000, 100_000, 100_000, 0)
    assert first.net.is_zero


def test_first_session_is_free_with_each_tutor_and_for_each_student(trial: SessionType, sam: User, kim: User):
    give_leave(payer=sam, student=kim)
    other = make_session_type(make_tutor(), price=80_000, first_one_free=True)
    for what, hour, student in [(trial, 9, sam), (other, 11, sam), (trial, 13, kim), (trial, 15, kim)]:
        hold = place_hold(what, starts_at=tomorrow(hour), student=student, payer=sam)
    assert quote_of(hold.order).free_first == Money(280_000, "IDR")


@pytest.mark.parametrize(
    "status", [Status.REQUESTED, Status.ACCEPTED, Status.PAID, Status.COMPLETED, Status.NO_SHOW_STUDENT, Status.HELD]
)
def test_no_session_is_free_once_the_student_has_another_with_that_tutor(trial: SessionType, sam: User, status: str):
    make_booking(sam, trial.tutor, status=status, during=an_hour(tomorrow(days=3)))
    assert quote_of(place_hold(trial, starts_at=tomorrow(), student=sam).order).total == Money(100_000, "IDR")


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED, Status.DECLINED])
def test_session_that_came_to_nothing_leaves_the_first_one_free(trial: SessionType, sam: User, status: str):
    make_booking(sam, trial.tutor, status=status, during=an_hour(tomorrow(days=3)))
    assert quote_of(place_hold(trial, starts_at=tomorrow(), student=sam).order).total.is_zero


@pytest.mark.parametrize(
    ("who", "hours_before", "is_free"),
    [("sam", 25, True), ("sam", 23, False), ("sam", -0.9, False), ("parent", -0.9, False), ("ada", -0.9, True)],
)
def test_first_session_that_the_student_called_off_too_late_was_the_first(
    trial: SessionType, sam: User, ada: Tutor, who: str, hours_before: float, is_free: bool
):
    """Or else a session that is cancelled a minute before its end is free again and again."""
    parent = make_user("parent@example.com")
    give_leave(payer=parent, student=sam)
    held = place_hold(trial, starts_at=tomorrow(days=3), student=sam, payer=parent)
    mark_order_paid(place_order(held.order))
    make_held(held)
    person = {"sam": sam, "parent": parent, "ada": ada.user}[who]
    with time_machine.travel(held.starts_at - timedelta(hours=hours_before), tick=False):
        cancel_booking(held, who=person, why="so", seen=Money(0, "IDR"))
        again = place_hold(trial, starts_at=tomorrow(days=5), student=sam)
        assert quote_of(again.order).total.is_zero is is_free


def test_tutor_who_did_not_come_leaves_the_first_session_free(trial: SessionType, sam: User):
    make_booking(sam, trial.tutor, status=Status.NO_SHOW_TUTOR, during=an_hour(tomorrow(days=-1)))
    assert quote_of(place_hold(trial, starts_at=tomorrow(), student=sam).order).total.is_zero


def test_hold_in_somebodys_cart_leaves_the_first_one_free(trial: SessionType, sam: User, kim: User):
    give_leave(payer=kim, student=sam)
    place_hold(trial, starts_at=tomorrow(9), student=sam, payer=kim)
    assert quote_of(place_hold(trial, starts_at=tomorrow(12), student=sam).order).total.is_zero


def test_order_that_ran_out_gives_the_free_session_back_swept_or_not(trial: SessionType, sam: User):
    place_order(place_hold(trial, starts_at=tomorrow(9, days=2), student=sam).order)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        again = place_hold(trial, starts_at=tomorrow(12, days=2), student=sam)
        assert quote_of(again.order).total.is_zero
        expire_unpaid(now=timezone.now())
        assert quote_of(again.order).total.is_zero


def test_nothing_is_free_where_the_tutor_gives_no_first_session(maths: SessionType, sam: User):
    assert quote_of(place_hold(maths, starts_at=tomorrow(), student=sam).order).free_first.is_zero


def test_free_session_that_went_elsewhere_is_told_and_nothing_is_placed(trial: SessionType, sam: User):
    cart = place_hold(trial, starts_at=tomorrow(9), student=sam).order
    seen = quote_of(cart).total
    make_booking(sam, trial.tutor, status=Status.PAID, during=an_hour(tomorrow(days=3)))

    with pytest.raises(PriceChanged):
        place_order(cart, seen=seen)

    cart.refresh_from_db()
    assert (cart.status, cart.total, cart.discount) == (Order.Status.CART, 0, 0)
    assert place_order(cart, seen=Money(100_000, "IDR")).total == 100_000


def _place_nth(carts: list[Order], number: int) -> Order:
    return place_order(carts[number])


@pytest.mark.defect("TB-12")
@pytest.mark.django_db(transaction=True)
def test_two_orders_at_once_have_one_free_first_session(trial: SessionType, sam: User):
    for day in range(1, 5):
        student, parent = make_user(), make_user()
        give_leave(payer=parent, student=student)
        carts = [
            place_hold(trial, starts_at=tomorrow(8 + 2 * n, days=day), student=student, payer=payer).order
            for n, payer in enumerate([parent, student])
        ]

        outcomes = race(partial(_place_nth, carts), threads=2)

        assert [one.error for one in outcomes] == [None, None]
        assert sorted(one.value.total for one in outcomes) == [0, 100_000]


@pytest.mark.django_db(transaction=True)
def test_programs_that_order_at_once_get_one_free_first_session(trial: SessionType, sam: User):
    outcomes = race(lambda n: order_at_once([Wanted(trial, tomorrow(2 * n))], student=sam), threads=6)
    assert sorted(one.value.total for one in outcomes) == [0] + [100_000] * 5


def test_late_payment_keeps_the_discount(trial: SessionType, maths: SessionType, sam: User):
    place_hold(trial, starts_at=tomorrow(9), student=sam)
    order = place_order(place_hold(maths, starts_at=tomorrow(12), student=sam).order)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        expire_unpaid(now=timezone.now())
        make_booking(sam, trial.tutor, status=Status.PAID, during=an_hour(tomorrow(days=4)))
        order = mark_order_paid(order)
    assert (order.total, order.discount, order.is_paid) == (150_000, 100_000, True)


def test_price_of_a_session_is_that_of_the_hold_whatever_becomes_of_its_type(trial: SessionType, sam: User):
    make_booking(sam, trial.tutor, status=Status.PAID, during=an_hour(tomorrow(days=3)))
    cart = place_hold(trial, starts_at=tomorrow(), student=sam).order
    SessionType.objects.filter(pk=trial.pk).update(price=1)
    assert place_order(cart).total == 100_000


def test_empty_cart_costs_nothing(sam: User):
    assert quote_of(make_order(sam, status=Order.Status.CART)).total.is_zero
