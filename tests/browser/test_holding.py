"""From a tutor's page to the cart, in a real browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, SessionType, User
from tests.factories import tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


def first_slot(visitor):
    return visitor.page.locator("details[open] button.slot").first


def test_visitor_logs_in_on_the_way_and_keeps_the_time_chosen(visit, maths: SessionType, known_sam: User):
    sam = visit().go("/tutors/ada/")
    chosen = first_slot(sam).get_attribute("value")
    first_slot(sam).click()

    sam.sees("Log in or sign up to keep this time.")
    sam.page.fill("[name=login]", known_sam.email)
    sam.page.fill("[name=password]", "secret-words")
    sam.page.locator("main button").first.click()
    sam.sees("The time you chose")
    sam.press("Hold this time")

    sam.sees("Your cart")
    assert Booking.objects.get().starts_at.isoformat() == chosen


def test_two_browsers_that_want_one_slot(visit, maths: SessionType, sam: User, kim: User):
    faster, slower = visit(as_user=sam).go("/tutors/ada/"), visit(as_user=kim).go("/tutors/ada/")

    wanted = first_slot(slower).get_attribute("value")
    faster.page.locator(f'button.slot[value="{wanted}"]').click()
    faster.sees("Your cart")
    first_slot(slower).click()

    slower.sees("somebody else has just taken this time")
    slower.sees("The next free times")
    slower.page.locator("button.slot").first.click()
    slower.sees("Your cart")
    assert {booking.student for booking in Booking.objects.filter(status=Booking.Status.HELD)} == {sam, kim}


def test_time_is_held_with_the_keyboard_alone(visit, maths: SessionType, sam: User):
    page = visit(as_user=sam).go("/tutors/ada/").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _step in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('slot')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="Your cart").wait_for()
    assert outline != "none"
    assert Booking.objects.get().student == sam


def test_hold_that_runs_out_is_shown_as_such_without_a_key_pressed(visit, maths: SessionType, sam: User):
    hold = place_hold(maths, starts_at=tomorrow(), student=sam)
    Booking.objects.filter(pk=hold.pk).update(held_until=timezone.now() + timedelta(seconds=4))
    cart = visit(as_user=sam).go("/cart/")
    cart.sees("Go to payment")

    cart.sees("Kept too long")
    cart.press("Take it again")

    cart.sees("Go to payment")
    assert Booking.objects.filter(status=Booking.Status.HELD).count() == 1


def test_cart_is_emptied_with_a_button(visit, maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)
    cart = visit(as_user=sam).go("/cart/")

    cart.press("Remove")

    cart.sees("Your cart is empty")


def test_end_of_the_time_is_said_once_at_five_minutes_and_at_one(visit, maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)
    cart = visit(as_user=sam)
    cart.page.clock.install()
    cart.go("/cart/")
    box, said = cart.page.locator(".deadline"), cart.page.locator(".deadline [role=status]")
    looks = []
    for wait in ("00:01", "10:30", "03:45"):
        cart.page.clock.fast_forward(wait)
        looks.append((box.get_attribute("data-stage"), said.inner_text()))

    assert looks == [
        ("calm", ""),
        ("near", "Less than 5 minutes left. Then the time is released."),
        ("last", "Less than a minute left!"),
    ]


def test_lapsed_times_are_taken_again_with_one_click(visit, maths: SessionType, sam: User, kim: User):
    for hour in (9, 11, 13):
        place_hold(maths, starts_at=tomorrow(hour), student=sam)
    Booking.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    place_hold(maths, starts_at=tomorrow(9), student=kim)
    cart = visit(as_user=sam, width=390).go("/cart/")
    cart.sees("The nearest free times")

    cart.press("Take all 2 free times again")

    cart.sees("2 times are kept for you again.")
    cart.sees("1 time could not be had again.")
    cart.sees("Rp300,000")
    assert not cart.is_too_wide
