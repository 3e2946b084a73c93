"""Two ask a vendor for one session at once, for a call may outlast its lease: one room is left, and it is the session's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.models import Booking, User
from meetings.errors import MeetingInTheMaking, MeetingNotWaiting, ProviderUnavailable
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from meetings.providers.base import Room
from meetings.provisioning import provision_meeting
from meetings.relocation import switch_provider
from meetings.rooms import LEASE, note_made
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, tomorrow
from tests.meetings.acme import Acme
from tests.race import race

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)


def planned(sam: User, provider: str = "acme") -> Meeting:
    booking = make_booking(sam, make_tutor(meeting_provider=provider), during=an_hour(START), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def once_the_lease_is_over(work: Callable[[], object]) -> Callable[[], None]:
    """Return a step of the vendor that takes longer than anybody waits, and in whose time somebody else does this."""

    def step() -> None:
        with time_machine.travel(timezone.now() + LEASE + timedelta(seconds=1), tick=False):
            work()

    return step


def make_a_second_room(acme: Acme) -> None:
    """The vendor forgets that it was asked for this key before."""
    for held in acme.rooms.values():
        held.key = f"was {held.key}"


def is_held_in_the_one_room(meeting: Meeting, acme: Acme) -> bool:
    meeting.refresh_from_db()
    is_open = [number for number, held in acme.rooms.items() if held.is_open]
    believed = list(VendorRoom.objects.filter(state="made").values_list("external_id", flat=True))
    return meeting.is_ready and is_open == believed == [meeting.external_id]


@pytest.mark.defect("IT-03")
def test_two_see_at_once_that_the_room_is_done(acme: Acme, sam: User, drain: Drain):
    meeting = planned(sam)
    acme.pending = 1
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)
    acme.plan = [lambda: provision_meeting(meeting)]

    provision_meeting(meeting)
    make_round(timezone.now())
    drain()

    assert acme.calls == ["create", "check", "check"]
    assert is_held_in_the_one_room(meeting, acme)


@pytest.mark.defect("IT-03")
def test_answer_after_the_lease_of_the_room_that_another_got_as_well(acme: Acme, sam: User, drain: Drain):
    meeting = planned(sam)
    acme.plan = [once_the_lease_is_over(lambda: provision_meeting(meeting))]

    provision_meeting(meeting)
    make_round(timezone.now())
    drain()

    assert acme.calls == ["create", "create"]
    assert is_held_in_the_one_room(meeting, acme)


@pytest.mark.defect("IT-03")
def test_answer_after_the_lease_with_a_second_room(acme: Acme, sam: User, drain: Drain):
    meeting = planned(sam)

    def ask_again() -> None:
        make_a_second_room(acme)
        provision_meeting(meeting)

    acme.plan = [once_the_lease_is_over(ask_again)]

    provision_meeting(meeting)
    make_round(timezone.now())
    drain()

    assert len(acme.rooms) == 2
    assert is_held_in_the_one_room(meeting, acme)
    cancel_booking(meeting.booking, who=sam, seen=meeting.booking.net)
    make_round(timezone.now())
    drain()
    assert acme.open_rooms() == []


def test_trouble_that_comes_after_the_lease_ends_nobody_elses(acme: Acme, sam: User):
    """Else a third would ask while the second still does."""
    meeting = planned(sam)

    def ask_again() -> None:
        acme.plan = ["lost"]
        with pytest.raises(ProviderUnavailable):
            provision_meeting(meeting)
        VendorRoom.objects.update(asked_at=timezone.now(), next_attempt_at=timezone.now() + LEASE)  # and again
        raise ProviderUnavailable(detail="nothing came")

    acme.plan = [once_the_lease_is_over(ask_again)]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)

    assert VendorRoom.objects.get().next_attempt_at is not None


def test_room_that_turns_up_after_it_was_looked_for_in_vain_is_closed(acme: Acme, sam: User, drain: Drain):
    meeting = planned(sam)
    acme.plan = ["lost"]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    cancel_booking(meeting.booking, who=sam, seen=meeting.booking.net)
    make_round(timezone.now())
    make_a_second_room(acme)  # nothing is found

    def answer_late() -> None:
        room = VendorRoom.objects.get()
        with transaction.atomic():
            note_made(room, Room("room-1", "https://acme.test/t", "https://acme.test/s"))

    acme.plan = [answer_late]
    for minutes in (5, 10):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            make_round(timezone.now())
            drain()

    assert acme.open_rooms() == []
    assert VendorRoom.objects.get().state == "closed"


def test_door_that_opens_while_the_next_room_is_made_keeps_the_session_where_it_is(acme: Acme, sam: User, drain: Drain):
    link = make_link()
    meeting = provision_meeting(planned(sam, "pool"))
    opens_at = meeting.booking.join_opens_at

    with time_machine.travel(opens_at - timedelta(seconds=20), tick=False) as clock:
        acme.plan = [lambda: clock.move_to(opens_at + timedelta(seconds=1))]
        with pytest.raises(MeetingNotWaiting):
            switch_provider(meeting, "acme")
        drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.link, acme.open_rooms()) == (True, link, [])


@pytest.mark.defect("IT-15")
def test_two_move_a_session_into_one_room(acme: Acme, sam: User, drain: Drain):
    make_link()
    meeting = provision_meeting(planned(sam, "pool"))
    acme.plan = [once_the_lease_is_over(lambda: switch_provider(meeting, "acme"))]

    assert switch_provider(meeting, "acme").provider == "acme"
    make_round(timezone.now())
    drain()

    assert is_held_in_the_one_room(meeting, acme)


@pytest.mark.django_db(transaction=True)
def test_eight_look_at_once_whether_the_room_is_done(acme: Acme, sam: User, drain: Drain):
    meeting = planned(sam)
    acme.pending = 1
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)

    outcomes = race(lambda _number: provision_meeting(Meeting.objects.get(pk=meeting.pk)), threads=8)
    make_round(timezone.now())
    drain()

    assert {type(outcome.error) for outcome in outcomes} <= {type(None), MeetingInTheMaking}
    assert is_held_in_the_one_room(meeting, acme)
