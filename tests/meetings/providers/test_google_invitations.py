"""Guests of the site's own account are invited once, and only to a room that people get into."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookings.doubles.server import Fault
from meetings.errors import ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Access, Person, Room
from meetings.providers.google import GoogleProvider
from meetings.providers.google_events import new_event, waiting_guests
from tests.meetings.making import lesson
from tests.meetings.providers.asking import ready_room, room_request
from tests.meetings.providers.google_vendor import EVENTS, HASTY, OFFICE, RIGHTS, GoogleVendor

BOTH = [{"email": "ada@example.com", "displayName": "Ada"}, {"email": "sam@example.com", "displayName": "Sam"}]
FAULTS = [Fault.LOST, Fault.ERROR, Fault.ERROR_AFTER]


def event_of(google: GoogleVendor) -> dict[str, Any]:
    [event] = google.double.accounts[OFFICE].events.values()
    return event


def mails(google: GoogleVendor) -> list[str]:
    return [what for what, _event, _told in google.double.mails]


def told(google: GoogleVendor) -> list[tuple[str, str]]:
    """Return who was told at each write into the calendar."""
    writes = [one for one in google.double.requests if one.path.startswith(EVENTS) and one.method != "GET"]
    return [(one.method, one.query["sendUpdates"][0]) for one in writes]


def test_guests_are_invited_when_the_door_is_open(google: GoogleVendor):
    google.double.hold_conferences(reads=0)
    google.maker(invites=True).create(room_request(), google.site())
    asked = [(one.method, one.path.split("/")[1]) for one in google.double.requests]
    assert asked == [("POST", "calendar"), ("GET", "v2"), ("PATCH", "v2"), ("PATCH", "calendar")]
    assert told(google) == [("POST", "none"), ("PATCH", "all")]
    assert "attendees" not in json.loads(google.double.requests[0].body)
    assert event_of(google)["attendees"] == BOTH


def test_link_that_takes_its_time_is_waited_for_before_anybody_is_invited(google: GoogleVendor):
    google.double.hold_conferences(reads=2)
    maker, site = google.maker(invites=True), google.site()
    room = maker.create(room_request(), site)
    while room.is_pending:
        assert google.double.mails == []
        room = maker.check(room.external_id, site)
    assert (mails(google), event_of(google)["attendees"]) == (["invited"], BOTH)


def create(maker: GoogleProvider, room: Room, site: Access) -> Room:
    return maker.create(room_request(), site)


def check(maker: GoogleProvider, room: Room, site: Access) -> Room:
    return maker.check(room.external_id, site)


def move(maker: GoogleProvider, room: Room, site: Access) -> Room:
    return maker.move(room.external_id, room_request(during=lesson(600)), site)


@pytest.mark.parametrize("ask", [create, check])
def test_whoever_was_invited_is_not_invited_again(google: GoogleVendor, ask: Any):
    maker, site = google.maker(invites=True), google.site()
    room = ready_room(maker, room_request(), site)
    ask(maker, room, site)
    google.double.change_event(OFFICE, room.external_id, {"attendees": None})  # both left
    ask(maker, room, site)
    assert (mails(google), "attendees" in event_of(google)) == (["invited"], False)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ask", [create, check, move])
def test_invitation_that_failed_is_made_good_once(google: GoogleVendor, ask: Any, fault: Fault):
    google.double.hold_conferences(reads=0)
    site = google.site()
    google.double.fail_next(fault, f"PATCH {EVENTS}")
    with pytest.raises(ProviderUnavailable):
        google.maker(invites=True, patience=HASTY).create(room_request(), site)
    room = google.maker().find(room_request().key, site, room_request().tutor)
    assert room is not None
    assert ask(google.maker(invites=True), room, site).join_url_student
    assert mails(google).count("invited") == 1
    assert event_of(google)["attendees"] == BOTH


def test_end_of_a_session_is_told_to_those_who_were_invited(google: GoogleVendor):
    maker, site = google.maker(invites=True), google.site()
    maker.cancel(ready_room(maker, room_request(), site).external_id, site)
    assert mails(google) == ["invited", "cancelled"]


def test_room_that_lets_nobody_in_comes_and_goes_unheard(google: GoogleVendor):
    google.double.fail_conferences(1)  # the link is asked for once more, which is a write as well
    maker, site = google.maker(invites=True), google.site(*RIGHTS)
    with pytest.raises(ProviderMisconfigured):
        ready_room(maker, room_request(), site)
    found = maker.find(room_request().key, site, room_request().tutor)
    assert found is not None
    with pytest.raises(ProviderMisconfigured):
        move(maker, found, site)
    for _time in range(2):
        maker.cancel(found.external_id, site)
    assert event_of(google)["status"] == "cancelled"
    assert told(google) == [("POST", "none"), ("PATCH", "none"), ("PATCH", "none"), ("DELETE", "none")]


def test_guests_of_a_site_that_invites_nobody_any_more_are_left_alone(google: GoogleVendor):
    google.double.hold_conferences(reads=1)
    site = google.site()
    room = google.maker(invites=True).create(room_request(), site)
    assert google.maker().check(room.external_id, site).join_url_student
    assert (google.double.mails, "attendees" in event_of(google)) == ([], False)


def test_waiting_guests_are_read_as_they_were_written():
    long, short = Person('"Ñ" ' + "x" * 300, f"{'a' * 60}@{'b' * 180}.example"), Person("", "sam@example.com")
    event = new_event(room_request(), mark="m", waiting=[long, short])
    assert [one["email"] for one in waiting_guests(event)] == [long.email, short.email]
    assert all(len(one) <= 1024 for one in event["extendedProperties"]["private"].values())
    assert waiting_guests({"extendedProperties": {"private": {"guest0": "{"}}}) == []
