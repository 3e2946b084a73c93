"""What the vendor has in its books after we asked: one room for a key, at the right time, gone when it must go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from meetings.errors import RoomGone
from meetings.providers.base import Access, RoomMaker
from tests.meetings.making import lesson
from tests.meetings.providers.asking import (
    BERLIN,
    KEY,
    OTHER_KEY,
    TUTOR,
    WithVendor,
    facts,
    lessons_across_clock_changes,
    ready_room,
    room_request,
)
from tests.meetings.providers.vendors import DoubledVendor


class BooksContract(WithVendor[DoubledVendor]):
    @pytest.mark.defect("IT-03")
    def test_vendor_has_one_room_for_a_key(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        for _time in range(3):
            ready_room(maker, room_request(), access)
        assert len(vendor.rooms()) == 1
        ready_room(maker, room_request(OTHER_KEY), access)
        assert len(vendor.rooms()) == 2

    @pytest.mark.defect("CE-16", "IT-19", "TB-07")
    def test_addresses_are_those_that_the_vendor_gave(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        for key in (KEY, OTHER_KEY):
            room = ready_room(maker, room_request(key), access)
            assert (room.join_url_tutor, room.join_url_student) == vendor.addresses(room.external_id)

    @pytest.mark.defect("TB-08")
    def test_vendor_has_the_lessons_time_around_clock_changes(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None
    ):
        for number, during in enumerate(lessons_across_clock_changes()):
            room = ready_room(maker, room_request(f"BK-DST-{number}", during=during, time_zone=BERLIN), access)
            held = vendor.room(room.external_id)
            assert not vendor.keeps_times or (held.starts_at, held.ends_at) == (during.start, during.end)

    def test_moved_room_has_the_new_time(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        for _time in range(2):
            for during in (lesson(600, 90), *lessons_across_clock_changes()):
                maker.move(room.external_id, room_request(during=during, time_zone=BERLIN), access)
                held = vendor.room(room.external_id)
                assert not vendor.keeps_times or (held.starts_at, held.ends_at) == (during.start, during.end)
        assert len(vendor.rooms()) == 1

    def test_room_deleted_at_the_vendor_cannot_be_moved(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None
    ):
        room = ready_room(maker, room_request(), access)
        vendor.delete(room.external_id)
        with pytest.raises(RoomGone):
            maker.move(room.external_id, room_request(during=lesson(600)), access)

    def test_room_deleted_at_the_vendor_is_seen_to_be_gone(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None
    ):
        room = ready_room(maker, room_request(), access)
        vendor.delete(room.external_id)
        with pytest.raises(RoomGone):
            maker.check(room.external_id, access)

    def test_cancelled_room_is_closed_at_the_vendor(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        kept = ready_room(maker, room_request(OTHER_KEY), access)
        room = ready_room(maker, room_request(), access)
        maker.cancel(room.external_id, access)
        assert [one.external_id for one in vendor.open_rooms()] == [kept.external_id]

    def test_room_deleted_at_the_vendor_is_cancelled_quietly(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None
    ):
        room = ready_room(maker, room_request(), access)
        vendor.delete(room.external_id)
        maker.cancel(room.external_id, access)
        maker.end(room.external_id, access)
        assert not vendor.open_rooms()

    def test_room_with_people_in_it_says_so(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        before = maker.check(room.external_id, access).is_in_use
        vendor.enter(room.external_id)
        assert (before, maker.check(room.external_id, access).is_in_use) == (False, True)

    def test_room_is_found_by_its_key(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        vendor.add_strangers_room()
        assert maker.find(KEY, access, TUTOR) is None
        room = ready_room(maker, room_request(), access)
        ready_room(maker, room_request(OTHER_KEY), access)
        found = maker.find(KEY, access, TUTOR)
        assert found is not None
        assert facts(found)[0] == room.external_id

    def test_cancelled_room_is_not_found(self, maker: RoomMaker, access: Access | None):
        maker.cancel(ready_room(maker, room_request(), access).external_id, access)
        assert maker.find(KEY, access, TUTOR) is None

    def test_list_has_our_rooms_and_nobody_elses(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        vendor.shorten_pages()
        ours = {}
        for number in range(5):
            vendor.add_strangers_room()
            key = f"BK-23456789BC-{number}"
            ours[key] = ready_room(maker, room_request(key, during=lesson(100 * number)), access).external_id
        maker.cancel(ours.pop("BK-23456789BC-3"), access)
        listed = list(maker.list_rooms(access, since=timezone.now()))
        assert {one.key: one.external_id for one in listed} == ours
        assert len(listed) == len(ours)

    def test_list_leaves_out_what_starts_earlier(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        for key, minute in ((KEY, 0), (OTHER_KEY, 300)):
            ready_room(maker, room_request(key, during=lesson(minute)), access)
        listed = list(maker.list_rooms(access, since=lesson().start + timedelta(minutes=1)))
        assert [(one.key, one.starts_at) for one in listed if one.starts_at] == (
            [(OTHER_KEY, lesson(300).start)] if vendor.keeps_times else []
        )
