"""A student's home page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from bookings.families import invite_student
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import place_order
from tests.factories import (
    an_hour,
    make_booking,
    make_link,
    make_meeting,
    make_order,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.pages import queries_of, text_of

pytestmark = pytest.mark.django_db
Status = Booking.Status


@pytest.fixture
def browser(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


def at(minutes: float):
    """An hour that begins so many minutes from now."""
    return an_hour(timezone.now() + timedelta(minutes=minutes))


def test_home_is_for_people_who_logged_in(client: Client):
    assert client.get("/home/")["Location"] == "/accounts/login/?next=/home/"


def test_home_welcomes_whoever_has_nothing_yet(browser: Client):
    page = text_of(browser.get("/home/"))

    assert "Hello Sam" in page
    assert "Welcome! Book your first session" in page
    assert "Waiting" not in page


def test_home_shows_the_next_session_first_with_its_door_and_the_time_until_then(browser: Client, ada: Tutor, sam: User):
    later = make_booking(sam, ada, status=Status.PAID, during=an_hour(tomorrow(days=3)), name="Later lesson")
    soon = make_booking(sam, ada, status=Status.PAID, during=at(120), name="Next lesson")

    answer = browser.get("/home/")

    page = text_of(answer)
    assert page.index("Your next session") < page.index("Next lesson with Ada Tutor") < page.index("Later lesson")
    assert f'hx-get="/bookings/{soon.reference}/meeting/"' in answer.content.decode()
    assert f'hx-get="/bookings/{later.reference}/meeting/"' not in answer.content.decode()
    assert "data-countdown" in answer.content.decode()
    assert "Asia/Jakarta" in page


@pytest.mark.defect("IT-08")
@pytest.mark.parametrize("minutes", [-1, -30, -59, -65])
def test_door_stays_on_the_home_page_while_the_session_runs_and_until_it_closes(
    browser: Client, ada: Tutor, sam: User, minutes: float
):
    running = make_booking(sam, ada, status=Status.PAID, during=at(minutes))

    answer = browser.get("/home/")

    assert f'hx-get="/bookings/{running.reference}/meeting/"' in answer.content.decode()
    assert "Your session" in text_of(answer)
    assert "Your next session" not in text_of(answer)


def test_session_that_follows_at_once_takes_the_place_of_the_one_that_has_ended(browser: Client, ada: Tutor, sam: User):
    make_booking(sam, ada, status=Status.PAID, during=at(-65))
    following = make_booking(sam, ada, status=Status.PAID, during=at(10))

    assert f'hx-get="/bookings/{following.reference}/meeting/"' in browser.get("/home/").content.decode()


def test_home_never_shows_a_raw_link(browser: Client, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Status.PAID, during=at(5))
    link = make_link(url="https://meet.google.com/raw-link-xyz")
    make_meeting(booking, status="ready", link=link, reserved=booking.during)

    assert "raw-link-xyz" not in browser.get("/home/").content.decode()


def test_home_shows_what_waits_for_payment_with_its_deadline(browser: Client, maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    place_hold(maths, starts_at=tomorrow(15), student=sam)

    answer = browser.get("/home/")

    page = text_of(answer)
    assert "1 session to pay: Rp150,000" in page
    assert f"{timezone.localtime(order.expires_at, ZoneInfo(sam.time_zone)):%H:%M}" in page
    assert order.get_absolute_url() in answer.content.decode()
    assert "1 time in your cart" in page


def test_home_shows_requests_and_proposals(browser: Client, ada: Tutor, sam: User):
    until = timezone.now() + timedelta(hours=3)
    waiting: dict[str, Any] = {"status": Status.REQUESTED, "held_until": until}
    asked = make_booking(sam, ada, order=make_order(sam, placed_at=None), **waiting)
    proposed = make_booking(
        sam,
        ada,
        order=make_order(sam, placed_at=None),
        during=an_hour(tomorrow(15)),
        asked_for=(tomorrow(18), tomorrow(19)),
        **waiting,
    )

    answer = browser.get("/home/")

    page = text_of(answer)
    assert "Ada Tutor proposed another time for Maths lesson" in page
    assert "You asked Ada Tutor for Maths lesson" in page
    assert proposed.get_absolute_url() in answer.content.decode()
    assert asked.get_absolute_url() in answer.content.decode()
    assert "to pay" not in page


def test_home_lists_what_was_and_what_came_to_nothing_each_with_the_way_to_all(browser: Client, ada: Tutor, sam: User):
    for day in range(1, 6):
        make_booking(sam, ada, status=Status.COMPLETED, during=at(-day * 1440), name=f"Past {day}")
    make_booking(sam, ada, status=Status.CANCELLED, cancelled_at=timezone.now(), name="Dropped one")
    make_booking(sam, ada, status=Status.EXPIRED, during=at(-90 * 1440), name="Forgotten one")

    answer = browser.get("/home/")

    page = text_of(answer)
    assert [name for name in ("Past 1", "Past 2", "Past 3", "Past 4") if name in page] == ["Past 1", "Past 2", "Past 3"]
    assert "Dropped one" in page
    assert "Forgotten one" not in page
    for key in ("past", "dropped"):
        assert f"/bookings/?show={key}" in answer.content.decode()


@pytest.mark.defect("IT-32")
def test_home_of_payer_and_student_shows_the_same_session_to_both(client: Client, ada: Tutor, sam: User, kim: User):
    make_booking(kim, ada, status=Status.PAID, order=make_order(sam, status=Order.Status.PAID), name="Kim's lesson")
    pages = {}
    for person in (sam, kim):
        client.force_login(person)
        pages[person] = text_of(client.get("/home/"))

    assert all("Kim's lesson with Ada Tutor" in page for page in pages.values())
    assert "For Kim Student" in pages[sam]
    assert "For Kim Student" not in pages[kim]


def test_home_shows_nothing_of_others_and_nothing_that_one_teaches(client: Client, ada: Tutor, sam: User, kim: User):
    make_booking(sam, ada, status=Status.PAID, name="Private lesson")
    for person in (kim, ada.user):
        client.force_login(person)
        assert "Private lesson" not in text_of(client.get("/home/"))


def test_home_shows_an_invitation_that_waits(browser: Client, sam: User, kim: User):
    invite_student(kim, name="Sam", email=sam.email)

    assert "Kim Student (kim@example.com) would like to book sessions for you" in text_of(browser.get("/home/"))


def test_home_takes_as_many_queries_for_fifty_of_everything_as_for_one(browser: Client, sam: User):
    _fill(sam, [0])
    with_one = queries_of(browser, "/home/")
    _fill(sam, range(1, 50))

    assert queries_of(browser, "/home/") == with_one
    assert with_one <= 12


def _fill(sam: User, days) -> None:
    for day in days:
        tutor = make_tutor()
        make_session_type(tutor)
        ahead = an_hour(tomorrow(1, days=day + 1))
        for hour, status in enumerate([Status.PAID, Status.HELD, Status.CANCELLED, Status.ACCEPTED]):
            during = type(ahead)(ahead.start + timedelta(hours=hour), ahead.end + timedelta(hours=hour))
            order = make_order(sam, status="paid" if status == Status.PAID else "awaiting_payment")
            make_booking(sam, tutor, status=status, during=during, order=order, cancelled_at=timezone.now())
        make_booking(sam, tutor, status=Status.COMPLETED, during=at(-(day + 1) * 1440))
        request: dict[str, Any] = {"status": Status.REQUESTED, "held_until": timezone.now() + timedelta(hours=1)}
        for number, asked_for in enumerate([None, (ahead.start, ahead.end)]):
            start = ahead.start + timedelta(hours=6 + number)
            order = make_order(sam, placed_at=None)
            make_booking(sam, tutor, during=an_hour(start), order=order, asked_for=asked_for, **request)
        invite_student(make_user(), name="Sam", email=sam.email) if day < 2 else None


def test_log_in_leads_students_home_and_tutors_to_their_teaching(client: Client, sam: User, ada: Tutor):
    for person, start in ((sam, "/home/"), (ada.user, "/teaching/")):
        client.force_login(person)
        assert client.get("/accounts/login/")["Location"].startswith(start)
