"""The checkout in two tabs, gone back to, too late, and for somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.test import Client
from django.utils import timezone

from bookings.families import accept_invitation, end_link, invite_student
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, User
from payments.checkout import place_cart
from payments.models import Payment
from payments.settlement import record_payment_succeeded
from tests.factories import make_booking, tomorrow
from tests.pages import queries_of, text_of
from tests.payments import midtrans
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


@pytest.fixture
def hold(maths: SessionType, sam: User) -> Booking:
    return place_hold(maths, starts_at=tomorrow(), student=sam)


def pay(page: Client, cart: Order, total: int = 150_000) -> Any:
    return page.post("/checkout/", {"gateway": "midtrans", "expected_total": total, "cart": cart.reference})


@pytest.mark.defect("TB-13", "IT-32")
def test_going_back_after_paying_leads_to_the_paid_order_and_pays_nothing_again(
    page: Client, hold: Booking, vendor: responses.RequestsMock
):
    midtrans.serve_page(vendor)
    pay(page, hold.order)
    record_payment_succeeded(Payment.objects.get(), report_of(Payment.objects.get()))
    there = f"/orders/{hold.order.reference}/"

    assert page.get("/checkout/")["Location"] == there
    assert pay(page, hold.order)["Location"] == there
    assert Order.objects.exclude(status=Order.Status.CART).count() == Payment.objects.count() == 1


def test_going_back_after_paying_does_not_lead_to_an_older_order_that_still_waits(
    page: Client, hold: Booking, maths: SessionType, sam: User, vendor: responses.RequestsMock
):
    midtrans.serve_page(vendor)
    pay(page, hold.order)
    midtrans.serve_page(vendor)
    second = place_hold(maths, starts_at=tomorrow(15), student=sam)
    pay(page, second.order)
    payment = Payment.objects.get(order=second.order)
    record_payment_succeeded(payment, report_of(payment))

    assert page.get("/checkout/")["Location"] == f"/orders/{second.order.reference}/"


def test_old_page_of_a_placed_cart_does_not_place_the_next_one(
    page: Client, hold: Booking, maths: SessionType, sam: User, vendor: responses.RequestsMock
):
    midtrans.serve_page(vendor)
    pay(page, hold.order)
    second = place_hold(maths, starts_at=tomorrow(15), student=sam)

    answer = pay(page, hold.order)

    assert answer["Location"] == f"/orders/{hold.order.reference}/"
    second.order.refresh_from_db()
    assert second.order.status == Order.Status.CART


def test_session_added_in_another_tab_is_paid_for_only_after_it_was_seen(
    page: Client, hold: Booking, maths: SessionType, sam: User
):
    place_hold(maths, starts_at=tomorrow(15), student=sam)

    answer = pay(page, hold.order)

    assert answer.status_code == 409
    assert "Look at your cart" in text_of(answer)
    assert Order.objects.get().status == Order.Status.CART


@pytest.mark.django_db(transaction=True)
def test_cart_placed_in_two_tabs_at_once_is_one_order(hold: Booking, sam: User):
    outcomes = race(
        lambda _number: place_cart(sam, seen=hold.money, reference=hold.order.reference),
        threads=6,
    )

    assert {outcome.value for outcome in outcomes} == {hold.order}


@pytest.mark.parametrize("reference", ["OR-TYPEDBYHAND", "\x00", "1"])
def test_cart_of_a_reference_typed_by_hand_is_not_placed(page: Client, hold: Booking, reference: str):
    answer = page.post("/checkout/", {"gateway": "midtrans", "expected_total": 150_000, "cart": reference})

    assert answer.status_code in (400, 409)
    assert Order.objects.get().status == Order.Status.CART


@pytest.mark.defect("IT-24")
def test_session_that_begins_before_it_can_be_paid_does_not_drag_the_others_along(page: Client, hold: Booking):
    soon = timezone.now() + timedelta(seconds=70)
    during = type(hold.time)(soon, soon + timedelta(hours=1))
    other = make_booking(hold.student, hold.tutor, order=hold.order, during=during, held_until=soon)

    answer = pay(page, hold.order, total=300_000)

    assert answer.status_code == 409
    assert "begins too soon to be paid for" in text_of(answer)
    assert "Look at your cart" in text_of(answer)
    page.post(f"/cart/{other.reference}/release/")
    place_cart(hold.student, seen=hold.money)


def test_checkout_says_by_when_to_pay(page: Client, hold: Booking):
    assert "you have 30 minutes to pay" in text_of(page.get("/checkout/"))
    soon = timezone.now() + timedelta(minutes=20)
    during = type(hold.time)(soon, soon + timedelta(hours=1))
    make_booking(hold.student, hold.tutor, order=hold.order, during=during)

    assert "when the first session begins" in text_of(page.get("/checkout/"))


@pytest.mark.parametrize(("minutes", "words"), [(4, "Less than 5 minutes left."), (0.5, "Less than a minute left!")])
def test_checkout_warns_before_the_time_is_over(page: Client, hold: Booking, minutes: float, words: str):
    assert words not in text_of(page.get("/checkout/"))
    Booking.objects.update(held_until=timezone.now() + timedelta(minutes=minutes))

    assert words in text_of(page.get("/checkout/"))


@pytest.mark.defect("TB-27")
def test_cart_that_ran_out_on_the_checkout_page_pays_nothing(page: Client, hold: Booking):
    Booking.objects.update(held_until=timezone.now() - timedelta(seconds=1))

    answer = pay(page, hold.order)

    assert answer.status_code == 409
    assert not Payment.objects.exists()
    assert "still free" in text_of(page.get("/cart/")).lower()


@pytest.mark.defect("IT-32")
def test_payer_checks_out_for_a_student_who_sees_the_session_but_not_the_order(
    page: Client, sam: User, kim: User, maths: SessionType, vendor: responses.RequestsMock
):
    link = accept_invitation(invite_student(sam, name="Kim", email=kim.email), person=kim)
    hold = place_hold(maths, starts_at=tomorrow(), student=kim, payer=sam)
    assert "For Kim Student" in text_of(page.get("/checkout/"))
    midtrans.serve_page(vendor)

    pay(page, hold.order)
    end_link(link, who=kim)
    record_payment_succeeded(Payment.objects.get(), report_of(Payment.objects.get()))

    hold.refresh_from_db()
    assert hold.status == Booking.Status.PAID
    assert "For Kim Student" in text_of(page.get(hold.order.get_absolute_url()))
    child = Client()
    child.force_login(kim)
    assert child.get(hold.order.get_absolute_url()).status_code == 404
    assert child.get(f"{hold.order.get_absolute_url()}state/").status_code == 404
    seen = text_of(child.get(hold.get_absolute_url()))
    assert "Who pays Sam Student" in seen
    assert hold.order.reference not in seen
    assert "Rp150,000" not in seen


def test_checkout_takes_as_many_queries_for_ten_sessions_as_for_one(page: Client, hold: Booking, maths: SessionType):
    with_one = queries_of(page, "/checkout/")
    for hour in range(1, 10):
        place_hold(maths, starts_at=tomorrow(hour), student=hold.student)

    assert queries_of(page, "/checkout/") == with_one
