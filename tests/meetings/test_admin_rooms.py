"""Rooms at providers in the admin: those to be closed on top, with why, and a button to close them now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from meetings.models import VendorRoom
from tests.factories import make_user
from tests.meetings.making import waiting_meeting

pytestmark = pytest.mark.django_db
ROOMS = "/admin/meetings/vendorroom/"
State = VendorRoom.State


def make_room(**fields: Any) -> VendorRoom:
    meeting = fields.pop("meeting", None) or waiting_meeting()
    defaults = {"provider": "zoom", "generation": 0, "key": f"{meeting.booking.reference}-0", "asked_at": timezone.now()}
    return VendorRoom.objects.create(meeting=meeting, **{**defaults, **fields})


def make_closing() -> VendorRoom:
    later = timezone.now() + timedelta(hours=6)
    why = "The account that made the room must be connected again."
    return make_room(state=State.CLOSING, external_id="7", attempts=3, next_attempt_at=later, last_error=why)


def read(desk: Client, address: str) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_rooms_to_be_closed_stand_on_top_with_why(desk):
    closing, later = make_closing(), make_room(state=State.CLOSED)

    html = read(desk, ROOMS)

    assert html.index(closing.key) < html.index(later.key)
    assert "The account that made the room must be connected again." in html


def test_close_now_has_a_worker_ask_the_provider_at_once(desk):
    room = make_closing()
    assert "Close now" in read(desk, f"{ROOMS}{room.pk}/change/")

    answer = desk.post(f"{ROOMS}{room.pk}/close/", follow=True)

    assert "A worker asks the provider now." in answer.content.decode()
    room.refresh_from_db()
    assert room.next_attempt_at is not None
    assert room.next_attempt_at <= timezone.now()
    assert ProcrastinateJob.objects.filter(task_name="meetings.close_room", args={"room_id": room.pk}).count() == 1


@pytest.mark.parametrize("state", [State.ASKED, State.CLOSED])
def test_only_what_is_to_be_closed_has_the_button(desk, state):
    room = make_room(state=state)
    assert "Close now" not in read(desk, f"{ROOMS}{room.pk}/change/")

    desk.post(f"{ROOMS}{room.pk}/close/")

    room.refresh_from_db()
    assert (room.state, room.next_attempt_at) == (state, None)
    assert not ProcrastinateJob.objects.filter(task_name="meetings.close_room").exists()


def test_who_may_only_look_closes_nothing():
    room, clerk = make_closing(), make_user(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_vendorroom"))
    browser = Client()
    browser.force_login(clerk)

    assert "Close now" not in read(browser, f"{ROOMS}{room.pk}/change/")
    assert browser.post(f"{ROOMS}{room.pk}/close/").status_code == 403
    assert browser.get(f"{ROOMS}{room.pk}/close/").status_code == 405


def test_rooms_are_found_by_booking_key_and_number(desk):
    one, other = make_room(external_id="111"), make_room(external_id="222")
    for asked in (one.meeting.booking.reference.lower(), one.key.lower(), "111"):
        html = read(desk, f"{ROOMS}?q={asked}")
        assert (one.key in html, other.key in html) == (True, False)


def test_list_of_rooms_takes_as_many_statements_for_fifty_as_for_one(desk, django_assert_num_queries):
    make_room()
    read(desk, ROOMS)
    with django_assert_num_queries(4):
        read(desk, ROOMS)
    for _ in range(49):
        make_room()
    with django_assert_num_queries(4):
        read(desk, ROOMS)
