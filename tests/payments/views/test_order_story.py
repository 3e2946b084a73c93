"""The page of an order, with its whole story."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bookings.history import record_booking_change, record_order_change
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import place_order
from payments.models import Payment, Refund
from payments.settlement import record_payment_failed, record_payment_succeeded
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.pages import queries_of, text_of
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db
Status = Booking.Status


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


def test_order_tells_what_happened_in_the_order_of_time(page: Client, maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    failed, paid = make_payment(order, gateway="sandbox"), make_payment(order)
    record_payment_failed(failed, report_of(failed))
    record_payment_succeeded(paid, report_of(paid))
    booking = order.bookings.get()
    record_booking_change(booking, what="status", was="paid", became="cancelled", who=sam)

    story = text_of(page.get(order.get_absolute_url())).partition("What happened so far")[2]

    lines = ["Ordered", "Payment begun", "Rp150,000 received", "Cancelled by you"]
    places = [story.find(line) for line in lines]
    assert places == sorted(places)
    assert places[0] >= 0
    assert story.count("Paid") == 1  # told once, not for each session again
    assert "2 attempts to pay" in story


def test_order_says_what_comes_back_for_which_session_and_when_it_came(page: Client, sam: User, ada: Tutor):
    order = make_order(sam, status=Order.Status.PAID, total=300_000)
    stands = make_booking(sam, ada, order=order, status=Status.PAID)
    dropped = make_booking(
        sam,
        ada,
        order=order,
        during=an_hour(tomorrow(15)),
        status=Status.CANCELLED,
        name="Dropped lesson",
        cancelled_at=timezone.now(),
        refund=75_000,
    )
    payment = make_payment(order)
    Payment.objects.update(status="succeeded", succeeded_at=timezone.now(), received_amount=300_000, received_currency="IDR")
    refund = Refund.objects.create(payment=payment, booking=dropped, amount=75_000, reason=Refund.Reason.CANCELLED)

    waiting = text_of(page.get(order.get_absolute_url()))
    refund.mark_sent(at=timezone.now(), note="")
    refund.save()
    sent = text_of(page.get(order.get_absolute_url()))

    assert "Rp75,000 goes back to you" in waiting
    assert "For Dropped lesson on" in waiting
    assert "Rp75,000 of it comes back" in waiting
    assert "Comes back Rp75,000" in waiting
    assert f"Next: {stands.name} on" in waiting
    assert "Rp75,000 went back to you" in sent
    assert "Rp75,000 of it came back" in sent
    assert "Came back Rp75,000" in sent


def test_order_that_was_a_gift_says_so(page: Client, sam: User, ada: Tutor, root: User):
    order = make_order(sam, status=Order.Status.PAID, total=0, gifted_by=root)
    make_booking(sam, ada, order=order, status=Status.PAID)

    text = text_of(page.get(order.get_absolute_url()))

    assert "A gift for you" in text
    assert "Given to you as a gift" in text
    assert root.full_name not in text


def test_order_whose_sessions_are_over_offers_another(page: Client, sam: User, ada: Tutor):
    booking = make_booking(sam, ada, status=Status.COMPLETED, during=an_hour(timezone.now() - timedelta(days=2)))

    assert "Book another session" in text_of(page.get(booking.order.get_absolute_url()))


def test_order_with_a_discount_shows_how_the_total_came_about(page: Client, sam: User, ada: Tutor):
    order = make_order(sam, status=Order.Status.PAID, total=100_000, discount=50_000)
    make_booking(sam, ada, order=order, status=Status.PAID, discount=50_000)

    text = text_of(page.get(order.get_absolute_url()))

    assert "Price Rp150,000 Discount −Rp50,000 Paid Rp100,000" in text


@pytest.mark.defect("TB-20")
@pytest.mark.parametrize("reader", ["kim", "ada", "root"])
def test_order_is_its_payers_alone(client: Client, sam: User, kim: User, ada: Tutor, root: User, reader: str):
    order = make_order(sam, status=Order.Status.PAID)
    make_booking(kim, ada, order=order, status=Status.PAID)
    client.force_login({"kim": kim, "ada": ada.user, "root": root}[reader])

    assert client.get(order.get_absolute_url()).status_code == 404


def test_order_takes_as_many_queries_for_a_long_story_as_for_a_short_one(page: Client, sam: User, ada: Tutor):
    order = make_order(sam, total=150_000)
    _tell_more(order, ada, days=[1])
    path = order.get_absolute_url()
    with_one = queries_of(page, path)
    _tell_more(order, ada, days=range(2, 51))

    assert queries_of(page, path) == with_one


def _tell_more(order: Order, ada: Tutor, days) -> None:
    for day in days:
        booking = make_booking(order.payer, ada, order=order, during=an_hour(tomorrow(days=day)))
        record_booking_change(booking, what="status", became="accepted", who=ada.user)
        record_order_change(order, what="status", became="awaiting_payment")
        payment = make_payment(order)
        Refund.objects.create(payment=payment, booking=booking, amount=1, reason=Refund.Reason.CANCELLED)
