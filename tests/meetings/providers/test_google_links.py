"""The Meet link of an event: made a while later, failed, taken out; people in it, and sent out of it."""

from __future__ import annotations

import json

import pytest

from bookings.doubles.server import Fault
from meetings.errors import ProviderCannot, ProviderUnavailable
from tests.meetings.making import lesson
from tests.meetings.providers.asking import KEY, facts, ready_room, room_request
from tests.meetings.providers.google_vendor import ADA, EVENTS, RIGHTS, GoogleVendor


def request_ids(google: GoogleVendor) -> list[str]:
    """Return the ids with which links were asked for."""
    bodies = [json.loads(one.body) for one in google.double.requests if one.method in ("POST", "PATCH")]
    return [body["conferenceData"]["createRequest"]["requestId"] for body in bodies if "conferenceData" in body]


def test_pending_link_is_waited_for_and_not_asked_for_again(google: GoogleVendor):
    google.double.hold_conferences(reads=4)
    room = google.maker().create(room_request(), google.access)
    looks = [google.maker().check(room.external_id, google.access) for _time in range(4)]
    assert room.is_pending
    assert [one.is_pending for one in looks] == [True, True, True, False]
    assert request_ids(google) == [KEY]


def test_pending_link_asked_for_by_two_workers_is_one(google: GoogleVendor):
    google.double.hold_conferences(reads=3)
    one, other = (google.maker().create(room_request(), google.access) for _worker in range(2))
    assert one.external_id == other.external_id
    ready = ready_room(google.maker(), room_request(), google.access)
    assert not ready.is_pending
    assert google.ada.events[ready.external_id]["conferenceData"]["createRequest"]["requestId"] == KEY


@pytest.mark.defect("CE-24")
def test_link_that_failed_is_asked_for_once_more(google: GoogleVendor):
    google.double.fail_conferences(1)
    room = ready_room(google.maker(), room_request(), google.access)
    assert room.join_url_student
    assert request_ids(google) == [KEY, f"{KEY}-2"]
    assert len(google.rooms()) == 1


@pytest.mark.defect("CE-24")
def test_link_that_failed_twice_is_another_providers(google: GoogleVendor):
    google.double.fail_conferences(2)
    with pytest.raises(ProviderCannot):
        ready_room(google.maker(), room_request(), google.access)
    for _time in range(2):
        with pytest.raises(ProviderCannot):
            ready_room(google.maker(), room_request(), google.access)
    assert request_ids(google).count(f"{KEY}-2") == 1
    assert len(google.rooms()) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER])
def test_second_wish_whose_answer_was_lost_is_not_a_third(google: GoogleVendor, fault: Fault):
    google.double.fail_conferences(1)
    room = google.maker().create(room_request(), google.access)
    google.double.fail_next(fault, f"PATCH {EVENTS}")
    with pytest.raises(ProviderUnavailable):
        google.hasty().check(room.external_id, google.access)
    assert google.maker().check(room.external_id, google.access).join_url_student
    assert request_ids(google) == [KEY, f"{KEY}-2"]


def test_link_that_the_tutor_took_out_is_made_anew(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.change_event(ADA, room.external_id, {"conferenceData": None, "hangoutLink": None})
    assert google.maker().check(room.external_id, google.access).is_pending
    again = google.maker().check(room.external_id, google.access)
    assert again.external_id == room.external_id
    assert again.join_url_student not in ("", room.join_url_student)


def test_link_that_somebody_replaced_is_told(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.change_event(
        ADA, room.external_id, {"conferenceData": None, "hangoutLink": "https://meet.google.com/new-link-now"}
    )
    moved = google.maker().move(room.external_id, room_request(during=lesson(60)), google.access)
    assert moved.join_url_student == "https://meet.google.com/new-link-now"


def test_nobody_is_looked_for_long_before_the_lesson(google: GoogleVendor):
    request = room_request(during=lesson(10 * 24 * 60))
    room = ready_room(google.maker(), request, google.access)
    google.maker().check(room.external_id, google.access)
    assert google.asked("GET", "/v2/spaces") == 0


def test_room_is_checked_without_the_right_to_see_calls(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.enter(room.external_id)
    google.access._token = google.double.token_for(ADA, *RIGHTS[:2])
    checked = google.maker().check(room.external_id, google.access)
    assert (facts(checked), checked.is_in_use) == (facts(room), False)
    google.maker().end(room.external_id, google.access)


def test_call_is_ended_where_google_allows_it(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    space = google.double.find_space(room.join_url_student)
    assert space is not None
    google.maker().end(room.external_id, google.access)
    assert google.asked("POST", "/v2/spaces") == 0
    google.enter(room.external_id)
    google.maker().end(room.external_id, google.access)
    assert space.conference
    space.is_ours = True
    google.maker().end(room.external_id, google.access)
    assert not space.conference


def test_call_that_could_not_be_ended_for_lack_of_an_answer_is_tried_again(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.fail_next(Fault.ERROR, "GET /v2/spaces")
    with pytest.raises(ProviderUnavailable):
        google.maker().end(room.external_id, google.access)
