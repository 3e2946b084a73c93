"""The ways in that vendors have: Zoom lets its host in, 100ms is told who comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bookings.outside import Patience
from meetings.doubles.hundredms import HundredmsDouble
from meetings.doubles.zoom import ZoomDouble
from meetings.errors import ProviderUnavailable, RoomGone
from meetings.providers.base import Owner, Room, Visitor
from meetings.providers.zoom import AT_THE_DOOR
from meetings.providers.zoom_words import is_at_zoom
from tests.meetings.providers.asking import room_request
from tests.meetings.providers.contract_doors import STUDENT, TUTOR
from tests.meetings.providers.hundredms_vendor import KEYS, HundredmsVendor
from tests.meetings.providers.scripted import ScriptedVendor
from tests.meetings.providers.vendors import IssuedAccess
from tests.meetings.providers.zoom_vendor import ADA, APP, ZoomVendor


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP) as double:
        yield double


@pytest.fixture
def vendor(zoom: ZoomDouble) -> ZoomVendor:
    return ZoomVendor(zoom)


@pytest.fixture
def room(vendor: ZoomVendor) -> Room:
    return vendor.maker().create(room_request(), vendor.access)


def come(address: str) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(address, timeout=5).json()
    return answer


def test_tutor_comes_in_as_the_host_and_the_student_waits_for_that(vendor: ZoomVendor, room: Room):
    maker = vendor.maker()
    students = maker.way_in(room.join_url_student, room.external_id, STUDENT, vendor.access)
    assert come(students) == {"role": "guest", "waits_for_host": True}
    assert come(maker.way_in(room.join_url_tutor, room.external_id, TUTOR, vendor.access)) == {"role": "host", "email": ADA}
    assert come(students) == {"role": "guest", "waits_for_host": False}


def test_way_in_of_the_host_is_asked_for_anew_each_time(zoom: ZoomDouble, vendor: ZoomVendor, room: Room):
    asked = len(zoom.requests)
    ways = {vendor.maker().way_in(room.join_url_tutor, room.external_id, TUTOR, vendor.access) for _time in range(2)}
    assert len(ways) == 2
    assert [f"{one.method} {one.path}" for one in zoom.requests[asked:]] == [f"GET /v2/meetings/{room.external_id}"] * 2


def test_tutor_is_never_signed_in_as_the_owner_of_the_site(zoom: ZoomDouble, vendor: ZoomVendor, room: Room):
    class OfSite(IssuedAccess):
        owner = Owner.SITE

    access = OfSite(lambda: str(zoom.give_tokens(ADA)["access_token"]))
    asked = len(zoom.requests)
    assert vendor.maker().way_in(room.join_url_tutor, room.external_id, TUTOR, access) == room.join_url_tutor
    assert len(zoom.requests) == asked


@pytest.mark.parametrize("told", [None, 7, "", "https://evil.example/s/1?zak=k", f"https://zoom.us/s/1?zak={'k' * 2000}"])
def test_way_in_that_does_not_lead_to_zoom_is_not_taken(vendor: ZoomVendor, told: Any):
    with ScriptedVendor((200, {"id": 1, "start_url": told})) as scripted:
        maker = vendor.zoom_maker(api_url=f"{scripted.url}/v2")
        assert maker.way_in("https://zoom.us/j/1", "1", TUTOR, vendor.access) == "https://zoom.us/j/1"


@pytest.mark.parametrize(
    ("address", "is_followed"),
    [
        ("https://us02web.zoom.us/s/1?zak=eyJ0.a-b_c", True),
        ("https://zoom.us/s/1?zak=k", True),
        ("http://gateway.test:9/s/1", True),
        ("http://us02web.zoom.us/s/1", False),
        ("https://us02web.zoom.us:8443/s/1", False),
        ("https://us02web.zoom.us.evil.example/s/1", False),
        ("https://evilzoom.us/s/1", False),
        ("https://evil.example\\.zoom.us/s/1", False),
        ("https://zoom.us\\@evil.example/s/1", False),
        ("https://ada@zoom.us/s/1", False),
        ("https://zoom.us\n.evil.example/s/1", False),
        ("https://zoom.us/s/1 2", False),
        ("//zoom.us/s/1", False),
        ("javascript://zoom.us/%0aalert(1)", False),
        ("https://[zoom.us/s/1", False),
    ],
)
def test_host_of_zoom_is_known_from_others(address: str, is_followed: bool):
    assert is_at_zoom(address, api_url="http://gateway.test:9/v2") is is_followed


def test_nobody_waits_long_at_the_door_of_a_vendor_that_hangs(
    zoom: ZoomDouble, vendor: ZoomVendor, room: Room, monkeypatch: pytest.MonkeyPatch
):
    """The usual patience is for jobs, not for people."""
    assert (AT_THE_DOOR.timeouts, AT_THE_DOOR.time_limit) == ((2, 4), 4)
    monkeypatch.setattr("meetings.providers.zoom.AT_THE_DOOR", Patience((0.2, 0.2), 0.2))
    zoom.take_time(1)
    maker = vendor.zoom_maker(timeouts=(20, 20), time_limit=30)
    with pytest.raises(ProviderUnavailable):
        maker.way_in(room.join_url_tutor, room.external_id, TUTOR, vendor.access)


def test_meeting_that_is_gone_is_told(vendor: ZoomVendor, room: Room):
    vendor.delete(room.external_id)
    with pytest.raises(RoomGone):
        vendor.maker().way_in(room.join_url_tutor, room.external_id, TUTOR, vendor.access)


@pytest.fixture
def hms() -> Iterator[HundredmsVendor]:
    with HundredmsDouble(**KEYS) as double:
        yield HundredmsVendor(double)


def words_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Sam", "Sam"),
        ("Sam Ok & Söhne", "Sam Ok & Söhne"),
        ("Sam\x00\r\n\u202e Ok", "Sam Ok"),
        ("S" * 100, "S" * 60),
        ("📐" * 60, "📐" * 30),
    ],
)
def test_100ms_is_told_who_comes(hms: HundredmsVendor, name: str, told: str):
    room = hms.maker().create(room_request(), None)
    asked = len(hms.hms.requests)
    way = hms.maker().way_in(room.join_url_student, room.external_id, Visitor("BK-2-student", name, is_tutor=False), None)
    assert words_of(way) == {"userId": ["BK-2-student"], "name": [told]}
    assert way.startswith(f"{room.join_url_student}?userId=BK-2-student&name=")
    assert " " not in way
    assert len(hms.hms.requests) == asked


def test_100ms_is_told_no_empty_name(hms: HundredmsVendor):
    way = hms.maker().way_in("https://x.app.100ms.live/meeting/abc", "1", Visitor("BK-2-tutor", " ", is_tutor=True), None)
    assert way == "https://x.app.100ms.live/meeting/abc?userId=BK-2-tutor"
