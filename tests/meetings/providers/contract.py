"""What every maker of rooms must do, whichever company it is.

Subclass `RoomMakerContract` with one fixture, `vendor` (see `vendors.py`), or `VendorContract` if the company is reached
over HTTP: then what it keeps is looked at as well, and its answers go wrong.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from meetings.providers.base import Access, RoomMaker
from tests.meetings.making import lesson
from tests.meetings.providers.asking import KEY, OTHER_KEY, facts, ready_room, room_request
from tests.meetings.providers.contract_books import BooksContract
from tests.meetings.providers.contract_doors import DoorContract, DoorFaultContract
from tests.meetings.providers.contract_faults import FaultContract
from tests.meetings.providers.contract_tokens import TokenContract
from tests.meetings.providers.vendors import Vendor

ODD_TITLES = {
    "empty": "",
    "blank": " ",
    "markup": '<b>Maths</b> & "more"',
    "scripts": "数学 📐 \u202elesson",
    "control": "Maths\x00\x1b[31m\r\nBcc: x@example.com",
    "long": "M" * 5000,
    "wide": "📐" * 5000,
}


class RoomMakerContract(DoorContract):
    """Create, again, another, move, cancel, check, find: what every caller relies on."""

    def test_room_has_an_id_and_two_addresses(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        assert room.external_id
        assert isinstance(room.external_id, str)
        for address in (room.join_url_tutor, room.join_url_student):
            assert urlsplit(address).scheme in ("http", "https")
            assert urlsplit(address).hostname

    @pytest.mark.defect("TB-22")
    def test_tutors_address_is_not_told_to_students_where_it_opens_more(
        self, vendor: Vendor, maker: RoomMaker, access: Access | None
    ):
        room = ready_room(maker, room_request(), access)
        assert (room.join_url_tutor != room.join_url_student) == vendor.has_two_addresses

    @pytest.mark.defect("IT-03")
    @pytest.mark.defect("CE-24")
    def test_room_asked_for_twice_is_one_room(self, maker: RoomMaker, access: Access | None):
        first, second = (ready_room(maker, room_request(), access) for _time in range(2))
        assert facts(first) == facts(second)

    def test_rooms_of_two_keys_are_two(self, maker: RoomMaker, access: Access | None):
        one, other = (ready_room(maker, room_request(key), access) for key in (KEY, OTHER_KEY))
        assert one.external_id != other.external_id
        assert not {one.join_url_tutor, one.join_url_student} & {other.join_url_tutor, other.join_url_student}

    def test_room_asked_for_by_a_first_try_is_the_same_later(self, maker: RoomMaker, access: Access | None):
        first = ready_room(maker, room_request(is_first_try=True), access)
        assert facts(ready_room(maker, room_request(), access)) == facts(first)

    @pytest.mark.parametrize("title", ODD_TITLES.values(), ids=ODD_TITLES)
    def test_odd_title_makes_a_room(self, maker: RoomMaker, access: Access | None, title: str):
        assert ready_room(maker, room_request(title=title), access).join_url_student

    def test_moved_room_keeps_its_addresses(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        moved = maker.move(room.external_id, room_request(during=lesson(600)), access)
        assert facts(moved) == facts(room)

    def test_room_is_cancelled_twice_without_trouble(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        maker.cancel(room.external_id, access)
        maker.cancel(room.external_id, access)

    def test_room_is_ended_and_cancelled_without_trouble(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        maker.end(room.external_id, access)
        maker.end(room.external_id, access)
        maker.cancel(room.external_id, access)

    def test_checked_room_is_the_one_that_was_made(self, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        assert facts(maker.check(room.external_id, access)) == facts(room)

    def test_site_says_nothing_against_this_set_up(self, maker: RoomMaker):
        assert maker.is_configured
        assert maker.doubts() == []


class VendorContract(RoomMakerContract, BooksContract, FaultContract, TokenContract, DoorFaultContract):
    """The same, and what the vendor has then; lost, broken, slow and wrong answers; tokens refused."""
