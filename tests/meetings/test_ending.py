from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from meetings import vendor_rounds
from meetings.ending import end_calls, over
from meetings.errors import ProviderUnavailable
from meetings.joining import tell_address
from meetings.models import Attendance, Meeting, MeetingLink, ProviderCall, VendorRoom
from meetings.pool import choose_link
from meetings.providers.sandbox import SandboxProvider
from tests.factories import make_link
from tests.meetings.google_rooms import Room, room_at_google
from tests.meetings.making import lesson, waiting_meeting

pytestmark = pytest.mark.django_db
CLOSES = timedelta(minutes=15)


class EndsCalls(SandboxProvider):
    """A vendor that sends people out."""

    ended: list[str] = []

    def end(self, external_id, access):
        self.ended.append(external_id)


class NeverAnswers(SandboxProvider):
    """A vendor that lets everybody wait in vain."""

    asked: list[str] = []

    def end(self, external_id, access):
        self.asked.append(external_id)
        raise ProviderUnavailable(detail="no answer")


def offer(settings, name: str, backend: type[SandboxProvider]) -> None:
    path = f"{backend.__module__}.{backend.__qualname__}"
    entry = {"BACKEND": path, "OPTIONS": {"site_url": "http://testserver"}}
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, name: entry}


@pytest.fixture
def vendor(settings) -> list[str]:
    """Offer that vendor, and return the rooms in which it has ended calls."""
    EndsCalls.ended = []
    offer(settings, "acme", EndsCalls)
    return EndsCalls.ended


@pytest.fixture
def silent(settings) -> list[str]:
    """Offer that vendor as "silent", and return the rooms for which it was asked."""
    NeverAnswers.asked = []
    offer(settings, "silent", NeverAnswers)
    return NeverAnswers.asked


@pytest.fixture
def link() -> MeetingLink:
    return make_link()


@pytest.fixture
def room(link, settings) -> Iterator[Room]:
    with room_at_google(link, settings) as room:
        yield room


def on_link(link: MeetingLink, start: int = 0) -> Meeting:
    meeting = waiting_meeting(lesson(start))
    choose_link(meeting, link)
    meeting.refresh_from_db()
    return meeting


def at_vendor(start: int = 0, *, provider: str = "acme", room: str = "room-1") -> Meeting:
    meeting = waiting_meeting(lesson(start), provider=provider)
    Meeting.objects.filter(pk=meeting.pk).update(status="ready", join_url_student="https://a.test", external_id="r")
    VendorRoom.objects.create(
        meeting=meeting,
        provider=provider,
        generation=0,
        key=f"k{meeting.pk}",
        external_id=room,
        state="made",
        asked_at=timezone.now(),
    )
    return meeting


def end_at(at: datetime) -> int:
    with time_machine.travel(at, tick=False):
        return end_calls(at)


def closed_at(meeting: Meeting) -> datetime | None:
    meeting.refresh_from_db()
    return meeting.closed_at


def is_calling(room: Room) -> bool:
    space = room.double.find_space(room.name)
    return space is not None and bool(space.conference)


def test_call_is_ended_when_the_door_has_closed_and_not_before(link, room):
    meeting = on_link(link)
    room.double.start_call(room.name)
    assert end_at(meeting.time.end + CLOSES - timedelta(seconds=1)) == 0
    assert is_calling(room)
    assert end_at(meeting.time.end + CLOSES) == 1
    assert not is_calling(room)
    assert closed_at(meeting) == meeting.time.end + CLOSES
    assert end_at(meeting.time.end + CLOSES) == 0
    assert ProviderCall.objects.get(what="end").outcome == "done"


def test_call_is_ended_when_the_next_session_on_the_link_begins(link, room):
    meeting, following = on_link(link), on_link(link, 70)
    room.double.start_call(room.name)
    assert end_at(following.time.start) == 1
    assert not is_calling(room)
    assert closed_at(meeting) == following.time.start


def test_nobody_of_a_session_that_has_begun_is_sent_out(link, room):
    meeting, following = on_link(link), on_link(link, 70)
    room.double.start_call(room.name)
    opened = following.time.start - timedelta(minutes=2)
    Attendance.objects.create(meeting=following, user=following.booking.student, opened_at=opened, last_opened_at=opened)
    assert end_at(following.time.start) == 1
    assert is_calling(room)
    assert closed_at(meeting) is not None
    assert end_at(following.time.end + CLOSES) == 1
    assert not is_calling(room)


def test_nobody_is_sent_out_who_came_by_the_raw_address(link, room):
    """A program of the owner's told it: nobody has seen them come through the door."""
    meeting, following = on_link(link), on_link(link, 70)
    room.double.start_call(room.name)
    tell_address(following)
    assert end_at(following.time.start) == 1
    assert is_calling(room)
    assert closed_at(meeting) is not None


def test_session_that_is_running_is_never_ended(link, room):
    meeting = on_link(link)
    for minutes in (-5, 0, 30, 60):
        assert end_at(meeting.time.start + timedelta(minutes=minutes)) == 0


def test_room_of_a_vendor_is_ended_with_the_account_that_made_it(vendor):
    meeting = at_vendor()
    assert end_at(meeting.time.end + CLOSES) == 1
    assert vendor == ["room-1"]
    assert closed_at(meeting) is not None


def test_room_that_is_being_closed_anyway_is_left_alone(vendor):
    meeting = at_vendor()
    VendorRoom.objects.update(state="closing")
    assert end_at(meeting.time.end + CLOSES) == 1
    assert vendor == []


def test_link_of_somebody_else_is_only_marked(link):
    meeting = on_link(link)
    assert end_at(meeting.time.end + CLOSES) == 1
    assert closed_at(meeting) is not None
    assert not ProviderCall.objects.exists()


def test_vendor_that_does_not_answer_is_asked_again_and_left_alone_after_half_an_hour(link, room):
    meeting = on_link(link)
    room.double.start_call(room.name)
    room.double.set_fault_rates(error=1.0)
    assert end_at(meeting.time.end + CLOSES) == 0
    assert closed_at(meeting) is None
    room.double.set_fault_rates()
    assert end_at(meeting.time.end + CLOSES + timedelta(minutes=1)) == 1
    second = on_link(link, 300)
    room.double.set_fault_rates(error=1.0)
    assert end_at(second.time.end + CLOSES + timedelta(minutes=31)) == 1


def test_room_that_google_has_forgotten_is_over(link, room):
    meeting = on_link(link)
    room.double.forget_space(room.name)
    assert end_at(meeting.time.end + CLOSES) == 1


@pytest.mark.parametrize("status", ["waiting", "cancelled", "failed"])
def test_meeting_without_a_place_has_no_call_to_end(status: str):
    meeting = waiting_meeting()
    Meeting.objects.update(status=status)
    assert end_at(meeting.time.end + CLOSES) == 0


def test_meetings_of_yesterday_are_left_alone(link):
    meeting = on_link(link)
    assert over(meeting.time.end + timedelta(hours=7)) == []


def test_vendor_that_hangs_keeps_nobody_elses_rooms_open_and_is_asked_once_in_a_round(vendor, silent):
    for minute in range(5):
        at_vendor(minute, provider="silent")
    at_vendor(5)

    assert end_at(lesson(85).start) == 1

    assert (vendor, len(silent)) == (["room-1"], 1)


def test_room_without_an_answer_is_tried_again_after_all_others(silent):
    for minute in range(3):
        at_vendor(minute, provider="silent", room=f"room-{minute}")

    for minute in range(80, 84):
        end_at(lesson(minute).start)

    assert silent == ["room-0", "room-1", "room-2", "room-0"]


def test_round_over_many_ended_sessions_ends_in_time_and_the_next_one_goes_on(vendor, monkeypatch: pytest.MonkeyPatch):
    for number in range(3):
        at_vendor(number * 100)
    with monkeypatch.context() as short:
        short.setattr(vendor_rounds, "ROUND_SECONDS", 0.0)
        assert end_at(lesson(400).start) == 0
    assert vendor == []
    assert end_at(lesson(400).start) == 3
    assert vendor == ["room-1"] * 3
