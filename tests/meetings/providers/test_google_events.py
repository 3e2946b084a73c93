"""What stands in the calendar, and which links are believed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.times import During
from meetings.errors import ProviderMisconfigured, ProviderUnavailable, RoomGone
from meetings.providers.base import Owner, Person
from meetings.providers.google_events import changes_of, code_of, during_of, event_id, room_of
from tests.meetings.making import lesson
from tests.meetings.providers.asking import BERLIN, KEY, OTHER_KEY, facts, ready_room, room_request
from tests.meetings.providers.google_vendor import ADA, EVENTS, MARK, OFFICE, GoogleVendor
from tests.meetings.providers.vendors import IssuedAccess


def test_event_is_asked_for_as_documented(google: GoogleVendor):
    google.maker().create(room_request(time_zone="Asia/Jakarta"), google.access)
    [asked] = google.double.requests
    during = lesson()
    noon = during.start.date()
    assert (asked.method, asked.path) == ("POST", EVENTS)
    assert asked.query == {"conferenceDataVersion": ["1"], "sendUpdates": ["none"]}
    assert json.loads(asked.body) == {
        "id": event_id(KEY, MARK),
        "summary": "Maths",
        "description": "http://testserver/join/BK-23456789BC\nBK-23456789BC",
        "start": {"dateTime": f"{noon}T19:00:00+07:00", "timeZone": "Asia/Jakarta"},
        "end": {"dateTime": f"{noon}T20:00:00+07:00", "timeZone": "Asia/Jakarta"},
        "guestsCanInviteOthers": False,
        "guestsCanModify": False,
        "reminders": {"useDefault": True},
        "extendedProperties": {"private": {"booking": "BK-23456789BC", "key": KEY, "site": MARK, "asked": KEY}},
        "conferenceData": {"createRequest": {"requestId": KEY, "conferenceSolutionKey": {"type": "hangoutsMeet"}}},
    }


@pytest.mark.parametrize("key", [KEY, "BK-ZZZZZZZZZZ-17", "x" * 100])
def test_event_id_is_one_that_calendar_takes(key: str):
    assert re.fullmatch(r"[a-v0-9]{5,1024}", event_id(key, MARK))
    assert event_id(key, MARK) == event_id(key, MARK)
    assert len({event_id(key, MARK), event_id(key, "other.example.com"), event_id(f"{key}1", MARK)}) == 3


@pytest.mark.defect("CE-11")
@pytest.mark.defect("TB-08")
@pytest.mark.parametrize(
    ("start", "told", "ends"),
    [
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "2027-03-28T03:00:00+02:00", "2027-03-28T04:00:00+02:00"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"),
        (datetime(2027, 10, 31, 1, 0, tzinfo=UTC), "2027-10-31T02:00:00+01:00", "2027-10-31T03:00:00+01:00"),
    ],
)
def test_times_carry_offset_and_zone_of_their_day(google: GoogleVendor, start: datetime, told: str, ends: str):
    during = During(start, start + timedelta(hours=1))
    google.maker().create(room_request(during=during, time_zone=BERLIN), google.access)
    [event] = google.ada.events.values()
    assert event["start"] == {"dateTime": told, "timeZone": BERLIN}
    assert event["end"] == {"dateTime": ends, "timeZone": BERLIN}


def test_raw_address_is_not_written_into_the_calendar_by_us(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.maker().move(room.external_id, room_request(during=lesson(600)), google.access)
    sent = b"".join(one.body for one in google.double.requests)
    assert b"meet.google.com" not in sent


def test_nobody_is_invited_unless_the_owner_wants_it(google: GoogleVendor):
    maker = google.maker()
    room = ready_room(maker, room_request(), google.access)
    maker.move(room.external_id, room_request(during=lesson(600)), google.access)
    maker.cancel(room.external_id, google.access)
    assert not maker.invites
    assert "attendees" not in google.event(room.external_id)
    assert google.double.mails == []


SAM_INVITED = {"email": "sam@example.com", "displayName": "Sam"}
BOTH_INVITED = [{"email": ADA, "displayName": "Ada"}, SAM_INVITED]


@pytest.mark.parametrize(
    ("owner", "account", "guests"),
    [
        (Owner.TUTOR, ADA, [SAM_INVITED]),
        (Owner.TUTOR, "ada.privately@example.com", [SAM_INVITED]),
        (Owner.TUTOR, OFFICE, [SAM_INVITED]),  # a tutor who is the site's own person as well
        (Owner.SITE, OFFICE, BOTH_INVITED),
        (Owner.SITE, ADA, [SAM_INVITED]),
    ],
)
def test_google_invites_both_sides_where_the_owner_wants_it(
    google: GoogleVendor, owner: Owner, account: str, guests: list[Any]
):
    maker = google.maker(invites=True, delegated_user=OFFICE)
    access: IssuedAccess = google.site(account=account) if owner is Owner.SITE else google.access
    access.account = account
    room = ready_room(maker, room_request(), access)
    maker.move(room.external_id, room_request(during=lesson(600)), access)
    assert maker.invites
    holder = google.double.accounts[account if owner is Owner.SITE else ADA]
    assert holder.events[room.external_id]["attendees"] == guests
    maker.cancel(room.external_id, access)
    assert [(what, told) for what, _event, told in google.double.mails] == [
        ("invited", "all"),
        ("changed", "all"),
        ("cancelled", "all"),
    ]


def test_guest_without_a_name_is_a_guest(google: GoogleVendor):
    request = room_request(student=Person("\x00 ", "sam@example.com"))
    google.maker(invites=True).create(request, google.access)
    [event] = google.ada.events.values()
    assert event["attendees"] == [{"email": "sam@example.com"}]


def test_move_that_changes_nothing_sends_nothing(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.maker().move(room.external_id, room_request(), google.access)
    assert google.asked("PATCH") == 0


def test_move_sends_what_differs_and_reads_the_event_again(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    seen = len(google.double.requests)
    moved = google.maker().move(room.external_id, room_request(during=lesson(600)), google.access)
    asked = google.double.requests[seen:]
    assert [one.method for one in asked] == ["GET", "PATCH", "GET"]
    assert set(json.loads(asked[1].body)) == {"start", "end"}
    assert asked[1].query["conferenceDataVersion"] == ["1"]
    assert facts(moved) == facts(room)
    assert google.event(room.external_id)["sequence"] == 1


def test_event_that_was_made_to_last_all_day_gets_its_time_back(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    days = {
        name: {"date": f"2030-01-0{day}", "dateTime": None, "timeZone": None} for name, day in (("start", 1), ("end", 2))
    }
    google.double.change_event(ADA, room.external_id, days)
    google.maker().move(room.external_id, room_request(), google.access)
    assert google.room(room.external_id).starts_at == lesson().start
    assert "date" not in google.event(room.external_id)["start"]


def test_title_changes_in_the_calendar_too(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.maker().move(room.external_id, room_request(title="Physics"), google.access)
    assert google.event(room.external_id)["summary"] == "Physics"


def test_room_made_before_the_lesson_moved_is_taken_at_the_new_time(google: GoogleVendor):
    first = ready_room(google.maker(), room_request(), google.access)
    again = ready_room(google.maker(), room_request(during=lesson(600)), google.access)
    assert facts(again) == facts(first)
    assert google.room(first.external_id).starts_at == lesson(600).start


def test_deleted_event_keeps_its_id_so_another_key_is_needed(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.delete(room.external_id)
    with pytest.raises(RoomGone):
        google.maker().create(room_request(), google.access)
    assert ready_room(google.maker(), room_request(OTHER_KEY), google.access).join_url_student


def test_strangers_event_of_our_id_is_not_taken(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.change_event(ADA, room.external_id, {"extendedProperties": {"private": {"key": "other"}}})
    with pytest.raises(ProviderMisconfigured):
        google.maker().create(room_request(), google.access)


def test_sites_that_share_an_account_do_not_see_each_others_events(google: GoogleVendor):
    here, there = google.maker(), google.maker(mark="elsewhere")
    ours, theirs = (ready_room(maker, room_request(), google.access) for maker in (here, there))
    assert ours.external_id != theirs.external_id
    assert [one.external_id for one in there.list_rooms(google.access, since=lesson().start)] == [theirs.external_id]


@pytest.mark.parametrize("external_id", ["", "../../users/me", "a/b", "a?b", "é!"])
def test_id_that_is_none_asks_nobody(google: GoogleVendor, external_id: str):
    with pytest.raises(ProviderMisconfigured):
        google.maker().cancel(external_id, google.access)
    assert google.double.requests == []


def test_provider_without_an_account_asks_nobody(google: GoogleVendor):
    with pytest.raises(ProviderMisconfigured):
        google.maker().create(room_request(), None)


def test_link_is_the_video_call_and_not_the_telephone():
    phone = {"entryPointType": "phone", "uri": "tel:+62-21-0000-0000"}
    video = {"entryPointType": "video", "uri": "https://meet.google.com/abc-mnop-xyz"}
    page = "https://www.google.com/calendar/event?eid=x"
    event = {"id": "lp1", "htmlLink": page, "conferenceData": {"entryPoints": [phone, video]}}
    assert room_of(event).join_url_student == "https://meet.google.com/abc-mnop-xyz"
    assert room_of({"id": "lp1", "htmlLink": page, "conferenceData": {"entryPoints": [phone]}}).is_pending
    assert code_of({"hangoutLink": "https://meet.google.com/abc-mnop-xyz"}) == "abc-mnop-xyz"


@pytest.mark.defect("CE-16")
@pytest.mark.parametrize(
    "link",
    [
        "http://meet.google.com/abc-mnop-xyz",
        "https://meet.google.com.example.com/abc-mnop-xyz",
        "https://user@meet.google.com/abc-mnop-xyz",
        "https://meet.google.com:8443/abc-mnop-xyz",
        "https://meet.google.com/",
        "https://meet.google.com/new",
        "https://zoom.us/j/123",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_link_that_is_none_of_meets_is_given_to_nobody(link: str):
    for event in ({"hangoutLink": link}, {"conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": link}]}}):
        with pytest.raises(ProviderUnavailable) as caught:
            room_of({"id": "lp1", **event})
        assert link not in caught.value.detail


@pytest.mark.parametrize(
    "event",
    [
        {"id": "lp1"},
        {"id": "lp1", "conferenceData": None, "start": 5, "end": []},
        {"id": "lp1", "conferenceData": {"entryPoints": [None, 5]}},
    ],
)
def test_odd_event_has_no_link_and_is_changed_whole(event: dict[str, Any]):
    assert room_of(event).is_pending
    assert set(changes_of(event, room_request())) == {"summary", "description", "start", "end"}


def test_event_without_an_id_is_no_room():
    with pytest.raises(ProviderUnavailable):
        room_of({})


def test_list_that_never_ends_is_given_up(google: GoogleVendor):
    request = replace(room_request())
    ready_room(google.maker(), request, google.access)
    google.double.page_size = 0
    with pytest.raises(ProviderUnavailable):
        list(google.maker().list_rooms(google.access, since=lesson().start - timedelta(days=1)))


def test_list_of_a_busy_account_comes_whole(google: GoogleVendor):
    """Events whole are too much for one answer: each has a description, guests, a conference."""
    start = {"dateTime": lesson().start.isoformat(), "timeZone": "UTC"}
    end = {"dateTime": lesson().end.isoformat(), "timeZone": "UTC"}
    for number in range(200):
        private = {"site": MARK, "key": f"BK-23456789BC-{number}"}
        google.ada.events[f"lp{number:04}"] = {
            "id": f"lp{number:04}",
            "status": "confirmed",
            "description": "x" * 2048,
            "start": start,
            "end": end,
            "extendedProperties": {"private": private},
        }
    listed = list(google.maker().list_rooms(google.access, since=lesson().start))
    assert {one.key for one in listed} == {f"BK-23456789BC-{number}" for number in range(200)}
    assert len(listed) == 200


@pytest.mark.parametrize("time", [{"dateTime": "2030-01-01T10:00:00"}, {"date": "2030-01-01"}, {"dateTime": 5}, {}])
def test_event_without_an_instant_has_no_time(time: dict[str, Any]):
    assert during_of({"start": time, "end": {"dateTime": "2030-01-01T11:00:00Z"}}) is None
    assert during_of({"start": time, "end": time}) is None
