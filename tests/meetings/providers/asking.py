"""What every provider is asked for in its contract."""

from __future__ import annotations

import calendar
from abc import abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.times import During
from meetings.providers.base import Access, Person, Room, RoomMaker, RoomRequest
from tests.meetings.making import lesson
from tests.meetings.providers.vendors import Vendor

KEY = "BK-23456789BC-0"
OTHER_KEY = "BK-23456789BC-1"
BERLIN = "Europe/Berlin"
TUTOR = Person("Ada", "ada@example.com")
V = TypeVar("V", bound=Vendor)


def room_request(key: str = KEY, **changes: Any) -> RoomRequest:
    usual: dict[str, Any] = {
        "reference": "BK-23456789BC",
        "title": "Maths",
        "during": lesson(),
        "time_zone": "Asia/Jakarta",
        "tutor": TUTOR,
        "student": Person("Sam", "sam@example.com"),
        "join_url": "http://testserver/join/BK-23456789BC",
    }
    return RoomRequest(key=key, **{**usual, **changes})


def ready_room(maker: RoomMaker, request: RoomRequest, access: Access | None) -> Room:
    """Create, and wait for what is pending as provisioning does, without its pauses."""
    room = maker.create(request, access)
    for _look in range(5):
        if not room.is_pending:
            break
        room = maker.check(room.external_id, access)
    return room


def facts(room: Room) -> tuple[str, str, str]:
    return room.external_id, room.join_url_tutor, room.join_url_student


def lessons_across_clock_changes() -> list[During]:
    """Hours around both changes of next year's clocks in Berlin: before, over and after the change."""
    found = []
    for month in (3, 10):
        year = timezone.now().year + 1
        last_day = datetime(year, month, calendar.monthrange(year, month)[1], tzinfo=UTC)
        sunday = last_day - timedelta(days=(last_day.weekday() + 1) % 7)
        for minute in (-60, 0, 30, 60):
            start = sunday + timedelta(minutes=minute)
            found.append(During(start, start + timedelta(minutes=90)))
    offsets = {one.start.astimezone(ZoneInfo(BERLIN)).utcoffset() for one in found}
    assert len(offsets) == 2
    return found


class WithVendor(Generic[V]):
    """Each part of the contract asks this vendor."""

    @pytest.fixture
    @abstractmethod
    def vendor(self) -> Iterable[V]: ...

    @pytest.fixture
    def maker(self, vendor: V) -> RoomMaker:
        return vendor.maker()

    @pytest.fixture
    def access(self, vendor: V) -> Access | None:
        return vendor.access
