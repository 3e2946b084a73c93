from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings.models import Meeting
from meetings.pool import assign_link
from tests.factories import make_booking, make_link, make_meeting, make_order, make_user, tomorrow

pytestmark = pytest.mark.django_db
START, END = tomorrow(), tomorrow(13)


@pytest.fixture
def booking(ada, sam) -> Booking:
    order = make_order(make_user("parent@example.com"), status="paid")
    return make_booking(sam, ada, during=During(START, END), status=Booking.Status.PAID, order=order)


@pytest.fixture
def meeting(booking) -> Meeting:
    meeting = make_meeting(booking)
    make_link()
    assign_link(meeting)
    return meeting


def look(booking: Booking, person, at: datetime):
    client = Client()
    client.force_login(person)
    with time_machine.travel(at, tick=False):
        return client.get(reverse("meetings:booking_status", args=[booking.reference]))


def test_status_tells_that_the_meeting_is_being_prepared_and_asks_again(booking, sam):
    make_meeting(booking)
    answer = look(booking, sam, timezone.now())
    assert "being prepared" in answer.text
    assert 'hx-trigger="load delay:5s"' in answer.text
    later = look(booking, sam, timezone.now() + timedelta(minutes=5))
    assert 'hx-trigger="load delay:30s"' in later.text


def test_status_tells_when_one_can_join_and_looks_again_then(meeting, booking, sam):
    answer = look(booking, sam, START - timedelta(minutes=25))
    assert "Your link is ready." in answer.text
    assert "18:45" in answer.text
    assert 'hx-trigger="load delay:601s"' in answer.text
    assert "meet.google.com" not in answer.text


def test_status_far_ahead_looks_again_once_an_hour(meeting, booking, sam):
    assert 'hx-trigger="load delay:3601s"' in look(booking, sam, timezone.now()).text


def test_status_has_a_join_button_while_the_door_is_open(meeting, booking, sam, ada):
    for person in (sam, ada.user):
        answer = look(booking, person, START)
        assert f'href="/join/{booking.reference}"' in answer.text
        assert "The door is open." in answer.text
        assert "meet.google.com" not in answer.text


def test_status_has_no_join_button_for_who_only_pays(meeting, booking):
    parent = booking.order.payer
    for at in (timezone.now(), START):
        answer = look(booking, parent, at)
        assert answer.status_code == 200
        assert "/join/" not in answer.text


@pytest.mark.parametrize("status", ["cancelled", "completed", "expired", "held"])
def test_status_of_what_changes_no_more_asks_no_more(meeting, booking, sam, status: str):
    Booking.objects.update(status=status)
    answer = look(booking, sam, START)
    assert "hx-get" not in answer.text
    assert "/join/" not in answer.text


def test_status_after_the_session_asks_no_more(meeting, booking, sam):
    answer = look(booking, sam, END + timedelta(minutes=15))
    assert "This session is over." in answer.text
    assert "hx-get" not in answer.text


def test_status_is_hidden_from_strangers(meeting, booking, kim, root):
    for person in (kim, root):
        assert look(booking, person, START).status_code == 404
    anonymous = Client().get(reverse("meetings:booking_status", args=[booking.reference]))
    assert (anonymous.status_code, anonymous.headers["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_status_is_kept_in_no_cache(meeting, booking, sam):
    assert "no-store" in look(booking, sam, START).headers["Cache-Control"]
