"""What every maker of rooms must pass: subclass it and say how the provider is made."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from meetings.providers.base import RoomMaker, RoomRequest
from tests.meetings.making import lesson


class RoomMakerContract:
    def make(self) -> RoomMaker:
        raise NotImplementedError

    def request(self, key: str = "BK-23456789BC-0") -> RoomRequest:
        return RoomRequest(key=key, title="Maths", during=lesson(), tutor_name="Ada", student_name="Sam")

    def test_room_has_an_id_and_two_addresses(self):
        room = self.make().create(self.request())
        assert room.external_id
        for address in (room.join_url_tutor, room.join_url_student):
            assert urlsplit(address).scheme in ("http", "https")

    def test_room_asked_for_twice_is_one_room(self):
        assert self.make().create(self.request()) == self.make().create(self.request())

    def test_rooms_of_two_lessons_are_two(self):
        maker = self.make()
        one, other = maker.create(self.request()), maker.create(replace(self.request(), key="BK-23456789BC-1"))
        assert one.external_id != other.external_id

    def test_room_is_cancelled_twice_without_trouble(self):
        maker = self.make()
        room = maker.create(self.request())
        maker.cancel(room.external_id)
        maker.cancel(room.external_id)
