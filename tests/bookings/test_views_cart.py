"""The cart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bookings.families import accept_invitation, end_link, invite_student
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, StudentLink, User
from bookings.orders import expire_unpaid, mark_order_paid, place_order
from bookings.retaking import take_again
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow
from tests.pages import queries_of, slots_on, text_of
from tests.race import race

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


def test_cart_says_when_a_lapsed_time_is_gone_and_offers_the_nearest(
    browser: Client, maths: SessionType, sam: User, kim: User
):
    run_out(place_hold(maths, starts_at=tomorrow(), student=sam))
    place_hold(maths, starts_at=tomorrow(), student=kim)

    page = browser.get("/cart/")

    near = [tomorrow(10, 30), tomorrow(11), tomorrow(13), tomorrow(13, 30)]
    assert slots_on(page) == [start.isoformat() for start in near]
    assert "Gone" in text_of(page)
    assert "Take the free one again" not in text_of(page)
    assert browser.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": near[1].isoformat()}).status_code == 303


def test_cart_takes_everything_again_with_one_click(browser: Client, maths: SessionType, sam: User):
    for hour in (9, 11, 13):
        run_out(place_hold(maths, starts_at=tomorrow(hour), student=sam))
    assert "Take all 3 free times again" in text_of(browser.get("/cart/"))

    answer = browser.post("/cart/retake/", follow=True)

    assert "3 times are kept for you again." in text_of(answer)
    assert "Total Rp450,000" in text_of(answer)
    assert "Kept too long" not in text_of(answer)
    assert browser.post("/cart/retake/").status_code == 303
    assert Booking.objects.filter(status=Booking.Status.HELD, held_until__gt=timezone.now()).count() == 3


def test_cart_takes_again_what_is_free_and_names_what_is_gone(browser: Client, maths: SessionType, sam: User, kim: User):
    for hour in (9, 11):
        run_out(place_hold(maths, starts_at=tomorrow(hour), student=sam))
    place_hold(maths, starts_at=tomorrow(9), student=kim)
    browser.get("/cart/")

    page = text_of(browser.post("/cart/retake/", follow=True))

    assert "1 time is kept for you again." in page
    assert "1 time could not be had again." in page
    assert "Total Rp150,000" in page
    assert "The nearest free times" in page


@pytest.mark.parametrize("change", ["paused", "off sale", "too late"])
def test_cart_does_not_take_again_what_nobody_can_book(browser: Client, maths: SessionType, sam: User, change: str):
    run_out(place_hold(maths, starts_at=tomorrow(), student=sam))
    if change == "off sale":
        type(maths).objects.update(is_active=False)
    else:
        type(maths.tutor).objects.update(**({"is_paused": True} if change == "paused" else {"notice_minutes": 10_000}))

    assert "Gone" in text_of(browser.get("/cart/"))
    page = text_of(browser.post("/cart/retake/", follow=True))

    assert "1 time could not be had again." in page
    assert not Booking.objects.filter(status=Booking.Status.HELD, held_until__gt=timezone.now()).exists()


def test_cart_of_a_parent_says_for_whom_each_time_is_and_takes_it_again_for_them(
    browser: Client, maths: SessionType, sam: User, kim: User
):
    accept_invitation(invite_student(sam, name="Kim", email=kim.email), person=kim)
    hold = place_hold(maths, starts_at=tomorrow(9), student=kim, payer=sam)
    cart = browser.get("/cart/")
    assert "For Kim Student" in text_of(cart)
    assert f"/tutors/ada/?type=maths&amp;for={StudentLink.objects.get().reference}" in cart.content.decode()
    run_out(hold)

    browser.post("/cart/retake/")

    again = Booking.objects.get(held_until__gt=timezone.now())
    assert (again.student, again.order.payer) == (kim, sam)


def test_cart_of_a_parent_whose_leave_has_ended_takes_nothing_again(
    browser: Client, maths: SessionType, sam: User, kim: User
):
    link = accept_invitation(invite_student(sam, name="Kim", email=kim.email), person=kim)
    run_out(place_hold(maths, starts_at=tomorrow(9), student=kim, payer=sam))
    expire_unpaid(now=timezone.now())
    end_link(link, who=kim)

    assert "Gone" in text_of(browser.get("/cart/"))
    assert slots_on(browser.get("/cart/")) == []
    assert "1 time could not be had again." in text_of(browser.post("/cart/retake/", follow=True))


@pytest.mark.parametrize(
    ("minutes", "stage", "words"),
    [(12, "calm", ""), (4, "near", "Less than 5 minutes left."), (0.5, "last", "Less than a minute left!")],
)
def test_cart_warns_before_its_end_without_scripts(
    browser: Client, maths: SessionType, sam: User, minutes: float, stage: str, words: str
):
    hold = place_hold(maths, starts_at=tomorrow(), student=sam)
    Booking.objects.filter(pk=hold.pk).update(held_until=timezone.now() + timedelta(minutes=minutes))

    page = browser.get("/cart/")

    assert f'data-stage="{stage}"' in page.content.decode()
    assert words in text_of(page)


def test_cart_that_was_paid_leads_to_its_order(browser: Client, maths: SessionType, sam: User):
    order = mark_order_paid(place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order))

    page = browser.get("/cart/")

    assert "Your last order is paid" in text_of(page)
    assert order.get_absolute_url() in page.content.decode()


def test_cart_takes_as_many_queries_for_many_lapsed_times_as_for_one(browser: Client, maths: SessionType, sam: User):
    run_out(place_hold(maths, starts_at=tomorrow(0), student=sam))
    with_one = queries_of(browser, "/cart/")
    cart = Order.objects.get()
    for hour in range(1, 10):
        other = make_session_type(make_tutor(slug=f"other-{hour}"))
        run_out(make_booking(sam, other.tutor, session_type=other, order=cart, during=an_hour(tomorrow(hour))))

    assert queries_of(browser, "/cart/") == with_one


@pytest.mark.django_db(transaction=True)
def test_times_taken_again_in_two_tabs_at_once_are_kept_once(maths: SessionType, sam: User):
    for hour in (9, 11, 13):
        run_out(place_hold(maths, starts_at=tomorrow(hour), student=sam))

    outcomes = race(lambda _number: take_again(sam), threads=4)

    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert not any(outcome.value.gone for outcome in outcomes)
    assert Booking.objects.filter(status=Booking.Status.HELD, held_until__gt=timezone.now()).count() == 3


@pytest.mark.django_db(transaction=True)
def test_one_time_held_in_two_tabs_at_once_is_one_hold(maths: SessionType, sam: User):
    outcomes = race(lambda _number: place_hold(maths, starts_at=tomorrow(), student=sam), threads=6)

    assert {outcome.value for outcome in outcomes} == {Booking.objects.get()}


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
