"""The page on which a session is cancelled: it says what comes back, and keeps its word."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import place_order
from payments.refund_decisions import record_refund_sent_by_hand
from payments.refunds import owe_for_booking
from tests.factories import an_hour, make_booking, make_held, make_order, make_payment, tomorrow
from tests.pages import queries_of, text_of

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)


@pytest.fixture
def booking(ada: Tutor, sam: User, kim: User) -> Booking:
    """Sam's session with Ada in three days, which Kim paid."""
    order = make_order(kim, status=Order.Status.PAID)
    return make_booking(sam, ada, during=an_hour(START), status=Booking.Status.PAID, order=order)


@pytest.fixture
def people(ada: Tutor, sam: User, kim: User) -> dict[str, User]:
    return {"sam": sam, "kim": kim, "ada": ada.user}


def page_of(booking: Booking) -> str:
    return f"{booking.get_absolute_url()}cancel/"


def state(booking: Booking) -> tuple[str, int | None]:
    booking.refresh_from_db()
    return booking.status, booking.refund


@pytest.mark.defect("IT-20", "TB-29")
@pytest.mark.parametrize(
    ("who", "hours_before", "seen", "words"),
    [
        ("kim", 30, 150_000, ["Rp150,000 of Rp150,000 paid", "Free until", "goes back to you the way you paid"]),
        ("sam", 30, 150_000, ["Rp150,000 of Rp150,000 paid", "It goes back to Kim Student, who paid"]),
        ("kim", 5, 75_000, ["Rp75,000 of Rp150,000 paid", "It was free until", "Now 50% comes back"]),
        ("sam", -0.5, 0, ["Rp0 of Rp150,000 paid", "has begun, so nothing comes back", "report it"]),
        ("ada", 5, 150_000, ["Rp150,000 of Rp150,000 paid", "Whoever paid gets everything back"]),
    ],
)
def test_preview_says_exactly_what_comes_back_and_that_is_what_does(booking, people, who, hours_before, seen, words):
    make_held(booking)
    with time_machine.travel(START - timedelta(hours=hours_before), tick=False):
        client = Client()
        client.force_login(people[who])
        page = text_of(client.get(page_of(booking)))
        done = client.post(page_of(booking), {"seen": seen, "why": "I am ill"}, follow=True)
        told = text_of(done)

    assert [sentence for sentence in words if sentence not in page] == []
    assert done.redirect_chain == [(booking.get_absolute_url(), 303)]
    assert state(booking) == (Booking.Status.CANCELLED, seen)
    assert "You cancelled this session on" in told
    if seen:
        assert f"Rp{seen:,} goes back" in told


def test_terms_that_changed_meanwhile_are_shown_again_and_nothing_happens(booking, sam):
    with time_machine.travel(START - timedelta(hours=24), tick=False) as clock:
        client = Client()
        client.force_login(sam)
        assert "Rp150,000 of Rp150,000 paid" in text_of(client.get(page_of(booking)))
        clock.shift(timedelta(seconds=1))
        answer = client.post(page_of(booking), {"seen": "150000", "why": "ill"})

    assert answer.status_code == 409
    assert "What comes back has changed" in text_of(answer)
    assert "Rp75,000 of Rp150,000 paid" in text_of(answer)
    assert 'name="seen" value="75000"' in answer.content.decode()
    assert state(booking) == (Booking.Status.PAID, None)


@pytest.mark.parametrize("seen", ["", "-1", "all", "9" * 30, "1.5", "150,000"])
def test_sum_that_was_never_shown_cancels_nothing(client: Client, booking, sam, seen):
    client.force_login(sam)
    assert client.post(page_of(booking), {"seen": seen}).status_code == 409
    assert state(booking) == (Booking.Status.PAID, None)


def test_tutor_who_says_nothing_is_asked_why(client: Client, booking, ada):
    client.force_login(ada.user)
    answer = client.post(page_of(booking), {"seen": "150000", "why": " "})
    assert answer.status_code == 400
    assert "Please say why" in text_of(answer)
    assert state(booking) == (Booking.Status.PAID, None)


@pytest.mark.defect("TB-17")
def test_second_click_leads_to_what_happened(client: Client, booking, sam):
    client.force_login(sam)
    for _click in range(2):
        answer = client.post(page_of(booking), {"seen": "150000"})
        assert (answer.status_code, answer["Location"]) == (303, booking.get_absolute_url())
    assert client.get(page_of(booking))["Location"] == booking.get_absolute_url()
    assert booking.changes.count() == 1


def test_sessions_given_up_along_are_named_before(client: Client, maths: SessionType, sam: User):
    for hour in (9, 11):
        cart = place_hold(maths, starts_at=tomorrow(hour), student=sam).order
    first, second = place_order(cart).bookings.order_by("during")
    client.force_login(sam)
    page = text_of(client.get(page_of(first)))
    assert "given up with it" in page
    assert "It is not paid yet: cancelling costs nothing." in page

    client.post(page_of(first), {"seen": "0"})

    assert state(second) == (Booking.Status.CANCELLED, None)
    assert "It had not been paid" in text_of(client.get(second.get_absolute_url()))


def test_session_that_cannot_be_cancelled_says_why(client: Client, ada: Tutor, sam: User):
    over = make_booking(sam, ada, during=an_hour(tomorrow(days=-2)), status=Booking.Status.PAID)
    client.force_login(sam)
    page = client.get(page_of(over))
    assert "This session is over" in text_of(page)
    assert 'name="seen"' not in page.content.decode()
    assert "Change of plans?" not in text_of(client.get(over.get_absolute_url()))


@pytest.mark.defect("IT-20")
def test_page_says_that_money_went_back_only_once_it_has(client: Client, booking, kim, root):
    payment = make_payment(booking.order)
    payment.mark_succeeded(at=timezone.now(), received=payment.money)
    payment.save()
    client.force_login(kim)
    client.post(page_of(booking), {"seen": "150000"})
    refund = owe_for_booking(booking)
    assert refund is not None

    assert "Rp150,000 goes back to you" in text_of(client.get(booking.get_absolute_url()))
    order_page = text_of(client.get(booking.order.get_absolute_url()))
    assert "Rp150,000 goes back to you" in order_page
    assert "its sessions were cancelled" in order_page
    assert "Your sessions are booked" not in order_page

    record_refund_sent_by_hand(refund, who=root, note="Bank transfer")
    assert "Rp150,000 went back to you on" in text_of(client.get(booking.get_absolute_url()))
    assert "Rp150,000 went back to you" in text_of(client.get(booking.order.get_absolute_url()))


def test_changes_are_offered_to_whom_they_are_open_and_until_when(client: Client, booking, people):
    for who, words in [
        ("sam", ["You can move it 2 more times, until", "Free until"]),
        ("kim", ["You can move it 2 more times, until", "Free until"]),
        ("ada", ["You can move it until it begins", "Whoever paid gets everything back"]),
    ]:
        client.force_login(people[who])
        page = text_of(client.get(booking.get_absolute_url()))
        assert [sentence for sentence in words if sentence not in page] == []


def test_accepted_request_can_be_called_off_by_its_tutor_too(client: Client, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Booking.Status.ACCEPTED)
    client.force_login(ada.user)
    assert page_of(booking) in client.get(booking.get_absolute_url()).content.decode()
    client.post(page_of(booking), {"seen": "0", "why": "I am ill"})
    assert state(booking) == (Booking.Status.CANCELLED, None)
    assert "You cancelled this session on" in text_of(client.get(booking.get_absolute_url()))


def test_words_follow_the_settings(client: Client, booking, sam, settings):
    settings.CANCEL_FREE_HOURS, settings.CANCEL_LATE_REFUND_PERCENT = 24 * 30, 20
    client.force_login(sam)
    page = text_of(client.get(page_of(booking)))
    assert "Rp30,000 of Rp150,000 paid" in page
    assert "Now 20% comes back" in page


def test_page_takes_few_queries(client: Client, booking, sam):
    client.force_login(sam)
    assert queries_of(client, page_of(booking)) <= 7


def test_nothing_that_comes_back_before_the_start_is_not_blamed_on_the_start(client: Client, booking, sam, settings):
    settings.CANCEL_FREE_HOURS, settings.CANCEL_LATE_REFUND_PERCENT = 24 * 30, 0
    client.force_login(sam)
    client.post(page_of(booking), {"seen": "0"})
    assert state(booking) == (Booking.Status.CANCELLED, 0)
    page = text_of(client.get(booking.get_absolute_url()))
    assert "Nothing comes back, because it was cancelled too late for that." in page
