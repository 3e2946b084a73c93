"""Holding a slot from a page: what is believed, what is refused, and what is offered instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, SessionType, Tutor, User
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.pages import slots_on, text_of
from tests.race import race

HOLD = "/tutors/ada/hold/"


def wish(starts_at: str = "", session_type: str = "maths", **more: str | int) -> dict[str, str | int]:
    return {"session_type": session_type, "starts_at": starts_at or tomorrow().isoformat(), **more}


def test_hold_leads_to_the_cart_and_says_until_when(client: Client, maths: SessionType, sam: User):
    client.force_login(sam)

    answer = client.post(HOLD, wish())

    assert (answer.status_code, answer["Location"]) == (303, "/cart/")
    held = Booking.objects.get()
    until = timezone.localtime(held.held_until, ZoneInfo("Asia/Jakarta"))
    assert f"The time is yours until {until:%H:%M}." in text_of(client.get("/cart/"))


@pytest.mark.defect("TB-01")
@pytest.mark.defect("CE-18")
@pytest.mark.defect("IT-31")
def test_hold_believes_neither_price_nor_length_nor_status_of_the_browser(client: Client, maths: SessionType, sam: User):
    client.force_login(sam)
    lies: dict[str, Any] = {
        "price": 1,
        "minutes": 180,
        "ends_at": tomorrow(18).isoformat(),
        "status": "paid",
        "student": "kim",
    }

    client.post(HOLD, wish(**lies))

    held = Booking.objects.get()
    assert (held.money, held.minutes, held.time) == (maths.money, 60, an_hour())
    assert (held.status, held.student) == (Booking.Status.HELD, sam)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Please choose a session first."),
        ({"session_type": "maths"}, "Please choose a time first."),
        ({"session_type": "no/slug", "starts_at": "x"}, "There is no such session."),
        ({"session_type": "chess", "starts_at": "x"}, "This tutor does not offer that session any more."),
        ({"session_type": "maths", "starts_at": "noon"}, "This is not a time that can be booked."),
        ({"session_type": "maths", "starts_at": "2026-12-01T10:00:00"}, "This is not a time that can be booked."),
        ({"session_type": "maths", "starts_at": "9999-12-31T23:00:00Z"}, "This is not a time that can be booked."),
        ({"session_type": "maths", "starts_at": "0001-01-01T00:00:00+14:00"}, "This is not a time that can be booked."),
        ({"session_type": "maths", "starts_at": "1900-01-01T00:00:00Z"}, "This is not a time that can be booked."),
        ({"session_type": "maths", "starts_at": "\0"}, "This is not a time that can be booked."),
        ({"session_type": "\0", "starts_at": "x"}, "There is no such session."),
    ],
)
def test_hold_answers_nonsense_with_a_sentence(client: Client, maths: SessionType, sam: User, fields, sentence: str):
    client.force_login(sam)

    answer = client.post(HOLD, fields)

    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not Booking.objects.exists()


@pytest.mark.defect("TB-02")
@pytest.mark.defect("CE-17")
@pytest.mark.parametrize("off", [timedelta(days=-2), timedelta(days=300), timedelta(minutes=7)])
def test_hold_refuses_a_time_typed_by_hand_and_offers_others(client: Client, maths: SessionType, sam: User, off: timedelta):
    client.force_login(sam)

    answer = client.post(HOLD, wish((tomorrow() + off).isoformat()))

    assert answer.status_code == 409
    assert "This time is not offered any more." in text_of(answer)
    assert not Booking.objects.exists()


def test_hold_of_a_sold_time_offers_the_nearest_six_each_bookable(client: Client, maths: SessionType, sam: User, kim: User):
    make_booking(kim, maths.tutor, during=an_hour(), status=Booking.Status.PAID)
    client.force_login(sam)

    refusal = client.post(HOLD, wish())

    assert refusal.status_code == 409
    assert "somebody else has just taken this time" in text_of(refusal)
    assert "Times are shown in Asia/Jakarta." in text_of(refusal)
    offered = slots_on(refusal)
    near = [tomorrow(10), tomorrow(10, 30), tomorrow(11), tomorrow(13), tomorrow(13, 30), tomorrow(14)]
    assert offered == [f"{start:%Y-%m-%dT%H:%M:%S}+00:00" for start in near]
    assert client.post(HOLD, wish(offered[0])).status_code == 303


def test_hold_while_busy_elsewhere_says_so(client: Client, maths: SessionType, sam: User):
    make_booking(sam, make_tutor(slug="other"), during=an_hour(), status=Booking.Status.PAID)
    client.force_login(sam)

    refusal = client.post(HOLD, wish())

    assert refusal.status_code == 409
    assert "You already have a session at that time." in text_of(refusal)
    assert slots_on(refusal)


@pytest.mark.parametrize("hidden", [{"is_approved": False}, {"is_paused": True}])
def test_hold_with_a_tutor_who_is_not_listed_is_not_found(client: Client, maths: SessionType, sam: User, hidden):
    Tutor.objects.update(**hidden)
    client.force_login(sam)

    assert client.post(HOLD, wish()).status_code == 404


def test_hold_of_another_tutors_session_type_is_refused(client: Client, maths: SessionType, sam: User):
    cheap = make_session_type(make_tutor(slug="other"), slug="cheap", price=1)
    client.force_login(sam)

    assert client.post(HOLD, wish(session_type=cheap.slug)).status_code == 400


def test_hold_is_never_placed_by_reading(client: Client, maths: SessionType, sam: User):
    client.force_login(sam)

    assert client.get(HOLD, wish()).status_code == 405
    assert not Booking.objects.exists()


def test_hold_needs_the_forms_token(maths: SessionType, sam: User):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sam)

    assert strict.post(HOLD, wish()).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_browsers_that_want_one_slot_get_one_hold_and_one_friendly_page(maths: SessionType):
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(make_user())

    outcomes = race(lambda number: browsers[number].post(HOLD, wish()), threads=2)

    assert sorted(one.value.status_code for one in outcomes) == [303, 409]
    loser = next(one.value for one in outcomes if one.value.status_code == 409)
    assert len(slots_on(loser)) == 6
    assert Booking.objects.filter(status=Booking.Status.HELD).count() == 1
