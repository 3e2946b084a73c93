"""The cart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, User
from bookings.orders import expire_unpaid, place_order
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow
from tests.pages import queries_of, slots_on, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


def run_out(hold: Booking) -> None:
    Booking.objects.filter(pk=hold.pk).update(held_until=timezone.now() - timedelta(seconds=1))


def test_cart_is_for_people_who_logged_in(client: Client):
    assert client.get("/cart/")["Location"] == "/accounts/login/?next=/cart/"


def test_cart_without_anything_leads_to_the_tutors(browser: Client):
    assert "Your cart is empty" in text_of(browser.get("/cart/"))


def test_cart_shows_each_hold_with_its_end_and_the_total(browser: Client, maths: SessionType, sam: User):
    first = place_hold(maths, starts_at=tomorrow(9), student=sam)
    place_hold(maths, starts_at=tomorrow(11), student=sam)

    answer = browser.get("/cart/")

    page = text_of(answer)
    assert page.count("Maths lesson with Ada Tutor") == 2
    assert "16:00 – 17:00" in page.replace("–", " – ").replace("  ", " ")
    assert "Asia/Jakarta" in page
    assert "Total Rp300,000" in page
    assert f'data-countdown datetime="{timezone.localtime(first.held_until):%Y-%m-%d}' in answer.content.decode()


def test_cart_lets_go_of_a_hold(browser: Client, maths: SessionType, sam: User, kim: User):
    hold = place_hold(maths, starts_at=tomorrow(), student=sam)

    answer = browser.post(f"/cart/{hold.reference}/release/")

    assert (answer.status_code, answer["Location"]) == (303, "/cart/")
    assert "Your cart is empty" in text_of(browser.get("/cart/"))
    assert place_hold(maths, starts_at=tomorrow(), student=kim).is_hold_open


def test_cart_of_somebody_else_cannot_be_touched(browser: Client, maths: SessionType, kim: User):
    theirs = place_hold(maths, starts_at=tomorrow(), student=kim)

    assert browser.post(f"/cart/{theirs.reference}/release/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.is_hold_open


@pytest.mark.parametrize("is_swept", [False, True])
def test_cart_shows_a_hold_that_ran_out_and_takes_it_again(browser: Client, maths: SessionType, sam: User, is_swept: bool):
    run_out(place_hold(maths, starts_at=tomorrow(), student=sam))
    if is_swept:
        expire_unpaid(now=timezone.now())

    answer = browser.get("/cart/")
    assert "Kept too long" in text_of(answer)
    assert "Go to payment" not in text_of(answer)
    [again] = slots_on(answer)
    assert browser.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": again}).status_code == 303

    after = text_of(browser.get("/cart/"))
    assert "Kept too long" not in after
    assert "Total Rp150,000" in after


def test_cart_says_when_a_lapsed_time_is_gone(browser: Client, maths: SessionType, sam: User, kim: User):
    run_out(place_hold(maths, starts_at=tomorrow(), student=sam))
    place_hold(maths, starts_at=tomorrow(), student=kim)
    [again] = slots_on(browser.get("/cart/"))

    refusal = browser.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": again})

    assert refusal.status_code == 409
    assert slots_on(refusal)


def test_cart_points_at_an_order_that_waits_for_payment(browser: Client, maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)

    page = text_of(browser.get("/cart/"))

    assert "An order of yours waits for payment" in page
    assert str(order.money) in page


def test_cart_takes_as_many_queries_for_many_holds_as_for_one(browser: Client, maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(0), student=sam)
    with_one = queries_of(browser, "/cart/")
    cart = Order.objects.get()
    for hour in range(1, 10):
        other = make_session_type(make_tutor(slug=f"other-{hour}"))
        make_booking(sam, other.tutor, session_type=other, order=cart, during=an_hour(tomorrow(hour)))

    assert queries_of(browser, "/cart/") == with_one
