"""Ways in: each person's leads into the room of the lesson, and a student's opens no more than the student's address."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from bookings.doubles.server import Fault
from meetings.errors import ProviderTrouble
from meetings.providers.base import Access, Room, RoomMaker, Visitor
from tests.meetings.providers.asking import WithVendor, ready_room, room_request
from tests.meetings.providers.vendors import DoubledVendor, Vendor

TUTOR = Visitor("BK-23456789BC-tutor", "Ada", is_tutor=True)
STUDENT = Visitor("BK-23456789BC-student", "Sam", is_tutor=False)
ODD_NAMES = {
    "empty": "",
    "markup": '<b>"Sam"</b> & co?name=Ada#x',
    "scripts": "数学 📐 \u202emaS",
    "control": "Sam\x00\r\nLocation: https://evil.example",
    "long": "📐" * 5000,
}


def place_of(address: str) -> tuple[str, str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc, parts.path


class DoorContract(WithVendor[Vendor]):
    """What whoever stands at the door relies on."""

    @pytest.mark.defect("TB-22")
    def test_student_comes_in_where_students_do_whatever_account_is_offered(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        for offered in (access, None):
            way = maker.way_in(room.join_url_student, room.external_id, STUDENT, offered)
            assert place_of(way) == place_of(room.join_url_student)
            assert way.startswith(room.join_url_student)

    def test_tutor_comes_in_without_an_account_at_the_stored_address(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        way = maker.way_in(room.join_url_tutor, room.external_id, TUTOR, None)
        assert way.startswith(room.join_url_tutor)

    @pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
    def test_name_cannot_lead_elsewhere(self, maker: RoomMaker, access: Access | None, name: str):
        room = ready_room(maker, room_request(), access)
        way = maker.way_in(room.join_url_student, room.external_id, Visitor("BK-2-student", name, is_tutor=False), None)
        assert place_of(way) == place_of(room.join_url_student)
        assert len(way) < 2000
        assert way.isascii()
        assert way.isprintable()
        assert "%0" not in way


class DoorFaultContract(WithVendor[DoubledVendor]):
    """Whatever the vendor answers, there is an address or a ProviderTrouble, which tells no secret."""

    @pytest.fixture
    def room(self, maker: RoomMaker, access: Access | None) -> Room:
        return ready_room(maker, room_request(), access)

    @pytest.mark.parametrize("fault", list(Fault))
    def test_tutor_gets_an_address_or_trouble(self, vendor: DoubledVendor, room: Room, access: Access | None, fault: Fault):
        vendor.double.fail_next(fault)
        self._come(vendor, room, access)

    def test_room_that_is_gone_and_tokens_that_are_refused_are_trouble_at_most(
        self, vendor: DoubledVendor, room: Room, access: Access | None
    ):
        vendor.delete(room.external_id)
        self._come(vendor, room, access)
        vendor.refuse_every_token()
        self._come(vendor, room, access)

    def test_student_is_no_reason_to_ask_the_vendor(self, vendor: DoubledVendor, room: Room, access: Access | None):
        asked = len(vendor.double.requests)
        vendor.maker().way_in(room.join_url_student, room.external_id, STUDENT, access)
        assert len(vendor.double.requests) == asked

    def _come(self, vendor: DoubledVendor, room: Room, access: Access | None) -> None:
        with suppress(ProviderTrouble):
            way: Any = vendor.hasty().way_in(room.join_url_tutor, room.external_id, TUTOR, access)
            assert urlsplit(way).hostname
