"""Rooms that nobody wants any more are closed, however often it takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.models import Booking, User
from meetings import closing
from meetings.errors import ProviderMisconfigured, ProviderUnavailable, RoomGone
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from meetings.pool import choose_link
from meetings.provisioning import provision_meeting
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, tomorrow
from tests.meetings.acme import Acme

pytestmark = pytest.mark.django_db
OLD = tomorrow(12, days=3)


@pytest.fixture
def booking(acme: Acme, sam: User) -> Booking:
    """A paid session of a tutor who teaches at Acme, or with links of the pool."""
    tutor = make_tutor(meeting_provider="acme")
    return make_booking(sam, tutor, during=an_hour(OLD), status=Booking.Status.PAID)


@pytest.fixture
def meeting(booking: Booking) -> Meeting:
    planned = plan_meeting(booking)
    assert planned is not None
    return planned


def rooms() -> list[tuple[str, str, str]]:
    return list(VendorRoom.objects.order_by("pk").values_list("key", "state", "external_id"))


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds), tick=False)


@pytest.mark.parametrize("made", [True, False])
def test_cancelled_while_nobody_knows_whether_a_room_was_made(acme: Acme, meeting: Meeting, drain: Drain, made: bool):
    acme.plan = ["lost" if made else ProviderUnavailable(), "lost"]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    cancel_booking(meeting.booking, who=meeting.booking.student, seen=meeting.booking.net)
    make_round(timezone.now())
    drain()
    assert "find" not in acme.calls  # the vendor may still be at it
    assert [state for _key, state, _number in rooms()] == ["closing"]

    for minutes in (2, 5, 10):
        with later(60 * minutes):
            make_round(timezone.now())
            drain()

    assert acme.open_rooms() == []
    assert [state for _key, state, _number in rooms()] == ["closed"]
    assert acme.calls == (["create", "find", "find", "cancel"] if made else ["create", "find", "find"])


def test_room_that_cannot_be_closed_stays_to_be_seen_and_is_tried_later_and_later(acme: Acme, meeting: Meeting):
    provision_meeting(meeting)
    cancel_booking(meeting.booking, who=meeting.booking.student, seen=meeting.booking.net)
    make_round(timezone.now())
    room = VendorRoom.objects.get()
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _number in range(4):
            acme.plan = [ProviderUnavailable()]
            assert closing.close_room(room.pk) is False
            room.refresh_from_db()
            assert room.next_attempt_at is not None
            waits.append(int((room.next_attempt_at - timezone.now()).total_seconds()))
            clock.move_to(room.next_attempt_at)
        assert waits == [30, 60, 120, 240]
        assert room.last_error.startswith("The meeting provider could not be reached.")
        assert closing.close_room(room.pk) is True
    room.refresh_from_db()
    assert (room.state, room.last_error, acme.open_rooms()) == ("closed", "", [])


def test_closing_a_room_that_is_gone_is_closing_it(acme: Acme, meeting: Meeting, drain: Drain):
    provision_meeting(meeting)
    cancel_booking(meeting.booking, who=meeting.booking.student, seen=meeting.booking.net)
    acme.plan = [RoomGone()]
    make_round(timezone.now())
    drain()
    assert VendorRoom.objects.get().state == "closed"


def test_link_chosen_by_hand_while_the_vendor_did_not_answer_leaves_no_room(acme: Acme, meeting: Meeting, drain: Drain):
    acme.plan = ["lost"]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    choose_link(meeting, make_link())

    for minutes in (4, 8):
        with later(60 * minutes):
            make_round(timezone.now())
            drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.provider, acme.open_rooms()) == (True, "pool", [])


def left_open(meeting: Meeting, state: str, attempts: int = 0) -> VendorRoom:
    """A room of the meeting that nobody could close so far."""
    number = VendorRoom.objects.count()
    return VendorRoom.objects.create(
        meeting=meeting,
        provider="acme",
        generation=number,
        key=f"K-{number}",
        external_id=f"room-{number}",
        state=state,
        attempts=attempts,
        next_attempt_at=timezone.now() if state == "closing" else None,
        asked_at=timezone.now(),
    )


def test_room_that_cannot_be_closed_is_given_up_a_day_after_its_session(meeting: Meeting):
    tried, untried = left_open(meeting, "closing", attempts=1), left_open(meeting, "closing")
    end = meeting.time.end
    assert closing.forget_over(end + timedelta(hours=23)) == 0
    assert closing.forget_over(end + timedelta(hours=25)) == 1
    tried.refresh_from_db()
    untried.refresh_from_db()
    assert (tried.state, tried.next_attempt_at, untried.state) == ("closed", None, "closing")


def test_room_of_a_session_to_come_is_given_up_after_a_month_of_tries(acme: Acme, meeting: Meeting):
    room = left_open(meeting, "closing")
    far = timezone.now() + timedelta(days=365)
    Meeting.objects.update(status="cancelled", during=(far, far + timedelta(hours=1)))
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        for _try in range(closing.A_MONTH):
            assert closing.forget_over(timezone.now()) == 0
            acme.plan = [ProviderMisconfigured()]
            closing.close_room(room.pk)
            room.refresh_from_db()
            assert room.next_attempt_at is not None
            last = timezone.now()
            clock.move_to(room.next_attempt_at)
        assert closing.forget_over(timezone.now()) == 1
    assert timedelta(days=30) < last - began < timedelta(days=31)
    room.refresh_from_db()
    assert room.state == "closed"


def test_rooms_that_stand_are_found_without_reading_all_that_ever_were():
    """By an index of those alone: a site may have a million rooms behind it, and this runs every minute."""
    with CaptureQueriesContext(connection) as asked:
        closing.let_go_of_unwanted(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # in an empty table nothing else is worth it
        cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "vendor_room_by_asking" in plan, plan
