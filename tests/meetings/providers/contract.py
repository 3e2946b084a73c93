"""What every maker of rooms must pass: subclass it and say how the provider is made."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from meetings.providers.base import Person, RoomMaker, RoomRequest
from tests.meetings.making import lesson


class RoomMakerContract:
    def make(self) -> RoomMaker:
        raise NotImplementedError

    def request(self, key: str = "BK-23456789BC-0") -> RoomRequest:
        return RoomRequest(
            key=key,
            reference="BK-23456789BC",
            title="Maths",
            during=lesson(),
            time_zone="Asia/Jakarta",
            tutor=Person("Ada", "ada@example.com"),
            student=Person("Sam", "sam@example.com"),
            join_url="http://testserver/join/BK-23456789BC",
        )

    def test_room_has_an_id_and_two_addresses(self):
        room = self.make().create(self.request(), None)
        assert room.external_id
        for address in (room.join_url_tutor, room.join_url_student):
            assert urlsplit(address).scheme in ("http", "https")

    def test_room_asked_for_twice_is_one_room(self):
        assert self.make().create(self.request(), None) == self.make().create(self.request(), None)

    def test_rooms_of_two_lessons_are_two(self):
        maker = self.make()
        one, other = maker.create(self.request(), None), maker.create(replace(self.request(), key="BK-23456789BC-1"), None)
        assert one.external_id != other.external_id

    def test_room_is_cancelled_twice_without_trouble(self):
        maker = self.make()
        room = maker.create(self.request(), None)
        maker.cancel(room.external_id, None)
        maker.cancel(room.external_id, None)
