"""An order that came to nothing, or only in part, offers its times again, and the nearest free ones."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.models import Booking, Order, Tutor, User
from payments.settlement import record_payment_succeeded
from tests.factories import an_hour, give_leave, make_booking, make_order, make_payment, tomorrow
from tests.pages import queries_of, slots_on, text_of
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


def lost(sam: User, ada: Tutor, hours: list[int], *, student: User | None = None) -> Order:
    """Return an order that was not paid in time."""
    order = make_order(sam, status=Order.Status.EXPIRED, total=150_000 * len(hours))
    for hour in hours:
        make_booking(student or sam, ada, order=order, during=an_hour(tomorrow(hour)), status=Booking.Status.EXPIRED)
    return order


def test_unpaid_order_offers_its_free_time_with_one_click(page: Client, sam: User, ada: Tutor):
    order = lost(sam, ada, [12])

    answer = page.get(order.get_absolute_url())
    assert "Still want a session?" in text_of(answer)
    assert "Take it again" in text_of(answer)
    page.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": tomorrow(12).isoformat()})

    assert Booking.objects.get(status=Booking.Status.HELD).time == an_hour(tomorrow(12))
    assert "Still want a session?" in text_of(page.get(order.get_absolute_url()))


def test_money_that_goes_back_comes_with_the_nearest_free_times(page: Client, sam: User, kim: User, ada: Tutor):
    order = lost(sam, ada, [12])
    make_booking(kim, ada, during=an_hour(tomorrow(12)), status=Booking.Status.PAID)
    payment = make_payment(order)
    record_payment_succeeded(payment, report_of(payment))

    answer = page.get(order.get_absolute_url())

    assert "your money goes back to you" in text_of(answer)
    assert "The nearest free times" in text_of(answer)
    assert tomorrow(11).isoformat() in slots_on(answer)
    assert tomorrow(12).isoformat() not in slots_on(answer)


def test_time_of_a_child_is_offered_for_the_child(page: Client, sam: User, kim: User, ada: Tutor):
    link = give_leave(payer=sam, student=kim)
    order = lost(sam, ada, [12], student=kim)

    assert f'name="for" value="{link.reference}"' in page.get(order.get_absolute_url()).text


def test_paid_and_called_off_orders_offer_nothing_of_the_kind(page: Client, sam: User, ada: Tutor):
    paid = make_booking(sam, ada, status=Booking.Status.PAID).order
    given_up = make_booking(sam, ada, during=an_hour(tomorrow(15)), status=Booking.Status.CANCELLED).order

    for order in (paid, given_up):
        assert "Still want a session?" not in text_of(page.get(order.get_absolute_url()))


def test_order_takes_as_many_queries_for_five_lost_times_as_for_one(page: Client, sam: User, ada: Tutor):
    one, five = lost(sam, ada, [1]), lost(sam, ada, [3, 5, 7, 9, 11, 13])
    queries_of(page, one.get_absolute_url())

    assert queries_of(page, five.get_absolute_url()) == queries_of(page, one.get_absolute_url())
    assert text_of(page.get(five.get_absolute_url())).count("Take it again") == 5
