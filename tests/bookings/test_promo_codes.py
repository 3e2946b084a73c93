"""What becomes of a code: typed into a cart, redeemed with the order, given back, and used up by one of many."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from bookings.errors import CartEmpty, PriceChanged, PromoCodeRefused, TooManyCodes
from bookings.holds import Wanted, open_holds, place_hold
from bookings.models import Booking, Order, PromoCode, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once, place_order, release_order
from bookings.pricing import price_order, quote_cart
from bookings.promo_codes import WRONG_CODES_AN_HOUR, put_code, take_code_out
from tests.factories import (
    an_hour,
    give_leave,
    make_booking,
    make_code,
    make_order,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.race import race

Status = Booking.Status
UNKNOWN = "This code is not known here. Please check how it is written."


@pytest.fixture
def cart(maths: SessionType, sam: User) -> Order:
    """Sam's cart with one session of Rp150,000."""
    return place_hold(maths, starts_at=tomorrow(), student=sam).order


def total_of(cart: Order) -> int:
    cart = Order.objects.get(pk=cart.pk)
    return quote_cart(cart, list(open_holds(cart).select_related("session_type"))).total.amount


def said(refusal: object) -> str:
    return "" if refusal is None else str(refusal)


@pytest.mark.parametrize("typed", ["SUMMER", "summer", "  Summer\t", "sUmMeR\n"])
def test_code_counts_however_it_is_written(cart: Order, sam: User, typed: str):
    make_code("SUMMER")
    assert put_code(sam, typed) is None
    order = place_order(cart, seen=Money(135_000, "IDR"))
    assert (order.total, order.discount, order.promo_code) == (135_000, 15_000, PromoCode.objects.get())
    assert order.bookings.get().discount == 15_000


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({"percent": 33}, 100_500),
        ({"percent": 100}, 0),
        ({"kind": "fixed", "amount": 40_000}, 110_000),
        ({"kind": "fixed", "amount": 999_000}, 0),
        ({"kind": "free"}, 0),
    ],
)
def test_each_kind_of_code_takes_off_what_it_says(cart: Order, sam: User, fields: dict[str, Any], total: int):
    make_code(**fields)
    assert put_code(sam, "ten") is None
    assert total_of(cart) == total
    assert place_order(cart).total == total


@pytest.mark.defect("TB-10")
@pytest.mark.parametrize("typed", ["", "NOPE", "TEN\0", "X" * 10_000, "TEN' OR 1=1 --", "T E N", "１０"])
def test_code_that_does_not_exist_takes_nothing_off(cart: Order, sam: User, typed: str):
    make_code()
    assert said(put_code(sam, typed)) == UNKNOWN
    assert total_of(cart) == 150_000


def test_code_that_is_switched_off_is_answered_like_one_that_does_not_exist(cart: Order, sam: User):
    make_code(is_active=False)
    assert said(put_code(sam, "TEN")) == UNKNOWN


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"valid_from": 60}, "This code is valid from "),
        ({"valid_until": -1}, "This code was valid until "),
        ({"kind": "fixed", "amount": 5, "currency": "USD"}, "This code is for sessions paid in USD only."),
        ({"minimum_total": 150_001, "currency": "IDR"}, "This code is for orders of Rp150,001 or more."),
        ({"uses_allowed": 0}, "This code has been used up."),
    ],
)
def test_code_that_does_not_fit_says_why(cart: Order, sam: User, fields: dict[str, Any], sentence: str):
    times: dict[str, Any] = {
        name: timezone.now() + timedelta(minutes=fields[name]) for name in ("valid_from", "valid_until") if name in fields
    }
    make_code(**(fields | times))
    assert said(put_code(sam, "TEN")).startswith(sentence)
    cart.refresh_from_db()
    assert cart.promo_code is None


def test_code_counts_from_its_first_to_its_last_moment(cart: Order, sam: User):
    now = timezone.now()
    make_code(valid_from=now, valid_until=now + timedelta(minutes=5))
    for minutes, fits in [(-1, False), (0, True), (4, True), (5, False)]:
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            assert (put_code(sam, "TEN") is None) is fits


def test_code_of_a_tutor_counts_for_that_tutors_sessions_only(cart: Order, ada: Tutor, sam: User):
    other = make_session_type(make_tutor(make_user("jo@example.com", full_name="Jo")), price=100_000)
    make_code("ADA", tutor=ada, percent=50)
    make_code("JO", tutor=other.tutor, percent=50)
    assert said(put_code(sam, "JO")) == "This code is for paid sessions with Jo only."
    place_hold(other, starts_at=tomorrow(15), student=sam)
    assert put_code(sam, "JO") is None
    assert total_of(cart) == 200_000
    assert put_code(sam, "ADA") is None
    order = place_order(cart)
    assert sorted((one.price, one.discount) for one in order.bookings.all()) == [(100_000, 0), (150_000, 75_000)]


def test_code_is_not_spent_on_an_order_that_costs_nothing(ada: Tutor, sam: User):
    place_hold(make_session_type(ada, first_one_free=True), starts_at=tomorrow(), student=sam)
    make_code(kind="free")
    assert said(put_code(sam, "TEN")) == "Your order costs nothing already, so it needs no code."


@pytest.mark.parametrize("known_as", ["payer", "student", "payer of another"])
def test_code_for_a_first_booking_is_for_people_without_any(maths: SessionType, sam: User, kim: User, known_as: str):
    make_code(first_booking_only=True)
    give_leave(payer=sam, student=kim)
    place_hold(maths, starts_at=tomorrow(), student=kim, payer=sam)
    assert put_code(sam, "TEN") is None
    earlier = {"payer": (sam, sam), "student": (kim, kim), "payer of another": (sam, make_user())}[known_as]
    order = make_order(earlier[0], status=Order.Status.PAID)
    make_booking(earlier[1], maths.tutor, status=Status.COMPLETED, order=order, during=an_hour(tomorrow(days=5)))
    assert said(put_code(sam, "TEN")) == "This code is for a first booking only."


def test_order_that_waits_is_no_first_booking_either_until_it_runs_out(cart: Order, maths: SessionType, sam: User):
    make_code(first_booking_only=True)
    waiting = make_order(sam)
    make_booking(sam, maths.tutor, order=waiting, during=an_hour(tomorrow(days=5)))
    assert said(put_code(sam, "TEN")) == "This code is for a first booking only."
    release_order(waiting, why="changed my mind")
    assert put_code(sam, "TEN") is None


def test_use_is_given_back_by_an_order_that_runs_out_or_is_cancelled(maths: SessionType, sam: User, kim: User):
    code = make_code(uses_allowed=1)
    order = order_at_once([Wanted(maths, tomorrow(9, days=2))], student=kim, code=code)
    with pytest.raises(PromoCodeRefused, match="used up"):
        order_at_once([Wanted(maths, tomorrow(12, days=2))], student=sam, code=code)
    assert not sam.bookings.exists()
    with time_machine.travel(order.expires_at):  # not swept yet
        second = order_at_once([Wanted(maths, tomorrow(12, days=2))], student=sam, code=code)
        release_order(second, why="no payment page")
        third = order_at_once([Wanted(maths, tomorrow(15, days=2))], student=kim, code=code)
    assert (second.total, third.total) == (135_000, 135_000)


def test_late_payment_keeps_the_code_though_its_use_was_given_back(maths: SessionType, sam: User, kim: User):
    code = make_code(uses_allowed=1)
    order = order_at_once([Wanted(maths, tomorrow(9, days=2))], student=kim, code=code)
    with time_machine.travel(order.expires_at):
        expire_unpaid(now=timezone.now())
        order_at_once([Wanted(maths, tomorrow(12, days=2))], student=sam, code=code)
        order = mark_order_paid(order)
    assert (order.total, order.is_paid) == (135_000, True)


def test_each_person_uses_a_code_so_often(maths: SessionType, sam: User, kim: User):
    code = make_code(uses_per_person=2)
    for hour in (8, 10):
        order_at_once([Wanted(maths, tomorrow(hour))], student=sam, code=code)
    with pytest.raises(PromoCodeRefused, match="works 2 times for each person"):
        order_at_once([Wanted(maths, tomorrow(12))], student=sam, code=code)
    assert order_at_once([Wanted(maths, tomorrow(12))], student=kim, code=code).total == 135_000


def test_other_code_takes_the_place_of_the_first_and_a_wrong_one_does_not(cart: Order, sam: User):
    make_code("TEN")
    make_code("HALF", percent=50)
    put_code(sam, "TEN")
    put_code(sam, "WRONG")
    assert total_of(cart) == 135_000
    put_code(sam, "HALF")
    assert total_of(cart) == 75_000
    take_code_out(sam)
    take_code_out(sam)
    assert total_of(cart) == 150_000


def test_code_needs_something_in_the_cart(sam: User, kim: User):
    make_code()
    make_order(kim, status=Order.Status.CART)
    assert isinstance(put_code(sam, "TEN"), CartEmpty)
    assert isinstance(put_code(kim, "TEN"), CartEmpty)
    take_code_out(sam)


def test_guessing_codes_ends_after_ten_wrong_ones(cart: Order, sam: User, maths: SessionType, kim: User):
    make_code()
    for n in range(WRONG_CODES_AN_HOUR):
        assert said(put_code(sam, f"GUESS{n}")) == UNKNOWN
    assert isinstance(put_code(sam, "TEN"), TooManyCodes)
    place_hold(maths, starts_at=tomorrow(15), student=kim)
    assert put_code(kim, "TEN") is None
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        Booking.objects.filter(order=cart).update(held_until=timezone.now() + timedelta(minutes=5))
        assert put_code(sam, "TEN") is None


@pytest.mark.django_db(transaction=True)
def test_guesses_made_at_once_are_counted_one_by_one(maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)
    outcomes = race(lambda n: put_code(sam, f"GUESS{n}"), threads=16)
    stopped = [one for one in outcomes if isinstance(one.value, TooManyCodes)]
    assert ([one.error for one in outcomes], len(stopped)) == ([None] * 16, 16 - WRONG_CODES_AN_HOUR)


@pytest.mark.defect("TB-10", "TB-12")
def test_code_that_became_void_since_the_look_places_nothing_and_says_why(cart: Order, sam: User):
    code = make_code()
    put_code(sam, "TEN")
    PromoCode.objects.filter(pk=code.pk).update(valid_until=timezone.now())
    with pytest.raises(PriceChanged, match="This code was valid until"):
        place_order(cart, seen=Money(135_000, "IDR"))
    cart.refresh_from_db()
    assert (cart.status, cart.total) == (Order.Status.CART, 0)

    order = place_order(cart, seen=Money(150_000, "IDR"))  # seen without the code
    assert (order.total, order.discount, order.promo_code) == (150_000, 0, None)


@pytest.mark.defect("TB-12")
@pytest.mark.django_db(transaction=True)
def test_last_use_of_a_code_goes_to_one_of_twenty(maths: SessionType):
    make_code(uses_allowed=1)
    people = [make_user() for _ in range(20)]
    carts = [place_hold(maths, starts_at=tomorrow(n, days=2), student=one).order for n, one in enumerate(people)]
    assert [put_code(one, "ten") for one in people] == [None] * 20

    outcomes = race(lambda n: place_order(carts[n], seen=Money(135_000, "IDR")), threads=20)

    assert sorted(type(one.error).__name__ for one in outcomes) == ["NoneType"] + ["PriceChanged"] * 19
    assert Order.objects.filter(promo_code__isnull=False, status=Order.Status.AWAITING_PAYMENT).count() == 1
    assert Order.objects.filter(status=Order.Status.CART).count() == 19


@pytest.mark.defect("TB-12")
@pytest.mark.django_db(transaction=True)
def test_person_in_two_tabs_uses_a_code_once(maths: SessionType, sam: User):
    code = make_code(uses_per_person=1)
    outcomes = race(lambda n: order_at_once([Wanted(maths, tomorrow(n))], student=sam, code=code), threads=6)
    assert sorted(type(one.error).__name__ for one in outcomes) == ["NoneType"] + ["PromoCodeRefused"] * 5
    assert sam.bookings.active().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_codes_for_a_first_booking_are_not_both_used(maths: SessionType, sam: User):
    codes = [make_code(f"WELCOME{n}", first_booking_only=True) for n in range(4)]
    outcomes = race(lambda n: order_at_once([Wanted(maths, tomorrow(n))], student=sam, code=codes[n]), threads=4)
    assert sorted(type(one.error).__name__ for one in outcomes) == ["NoneType"] + ["PromoCodeRefused"] * 3


def test_order_that_verbs_make_is_priced_with_its_code(ada: Tutor, sam: User):
    """What requests to tutors who approve first rely on."""
    order = make_order(sam, total=0)
    booking = make_booking(sam, ada, status=Status.REQUESTED, order=order)
    quote = price_order(order, [booking], code=make_code(uses_allowed=1))
    order.refresh_from_db()
    booking.refresh_from_db()
    assert (order.total, order.discount, booking.discount, quote.total) == (135_000, 15_000, 15_000, order.money)


@pytest.mark.parametrize("code", ["lower", "Mixed"])
def test_code_is_kept_in_capitals(db: None, code: str):
    with pytest.raises(IntegrityError):
        make_code(code)
