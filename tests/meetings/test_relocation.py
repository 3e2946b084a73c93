"""A meeting goes to another provider: the new room first, then the old one is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Booking, Tutor
from bookings.rescheduling import move_booking
from meetings.errors import (
    ConnectionBroken,
    MeetingInTheMaking,
    MeetingNotWaiting,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderUnavailable,
)
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.relocation import switch_provider
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.race import race

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)


def ready_at(provider: str) -> Meeting:
    booking = make_booking(
        make_user(), make_tutor(meeting_provider=provider), during=an_hour(START), status=Booking.Status.PAID
    )
    meeting = plan_meeting(booking)
    assert meeting is not None
    return provision_meeting(meeting)


@pytest.mark.defect("IT-15")
def test_new_room_comes_first_and_then_the_old_one_is_closed(acme: Acme, drain: Drain):
    meeting = ready_at("acme")
    connect(meeting.booking.tutor)
    Meeting.objects.update(seen_at=timezone.now())

    switched = switch_provider(meeting, "zoom")
    drain()

    assert acme.calls == ["create", "create", "cancel"]
    assert (switched.is_ready, switched.provider, switched.external_id) == (True, "zoom", "room-2")
    assert (switched.generation, switched.seen_at, switched.trouble) == (1, None, "")
    assert list(acme.rooms) == ["room-1", "room-2"]
    assert [held.is_open for held in acme.rooms.values()] == [False, True]
    assert switch_provider(meeting, "zoom").generation == 1
    assert len(acme.calls) == 3


@pytest.mark.parametrize("error", [ProviderUnavailable(), ProviderCannot(), ConnectionBroken()])
def test_whatever_goes_wrong_the_meeting_stays_where_it_is(acme: Acme, drain: Drain, error: Exception):
    link, meeting = make_link(), ready_at("pool")
    acme.plan = [error]
    with pytest.raises(type(error)):
        switch_provider(meeting, "acme")
    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.link, meeting.generation) == (True, link, 0)

    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        make_round(timezone.now())
    for hours in (2, 4):
        with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=False):
            drain()
            make_round(timezone.now())
    assert acme.open_rooms() == []
    assert not VendorRoom.objects.standing().exists()


def test_switch_whose_answer_was_lost_takes_up_the_same_room(acme: Acme):
    make_link()
    meeting = ready_at("pool")
    acme.plan = ["lost"]
    with pytest.raises(ProviderUnavailable):
        switch_provider(meeting, "acme")
    switched = switch_provider(meeting, "acme")
    assert (switched.provider, switched.link, len(acme.rooms)) == ("acme", None, 1)


def test_room_that_takes_long_is_taken_up_when_it_is_there(acme: Acme):
    link, meeting = make_link(), ready_at("pool")
    acme.pending = 1
    with pytest.raises(MeetingInTheMaking):
        switch_provider(meeting, "acme")
    meeting.refresh_from_db()
    assert meeting.link == link
    assert switch_provider(meeting, "acme").external_id == "room-1"
    assert acme.calls == ["create", "check"]


def test_to_the_pool_and_only_if_it_has_a_link(acme: Acme, drain: Drain):
    meeting = ready_at("acme")
    with pytest.raises(NoLinkLeft):
        switch_provider(meeting, "pool")
    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.external_id) == (True, "room-1")

    link = make_link()
    switched = switch_provider(meeting, "pool")
    drain()

    assert (switched.link, switched.provider, switched.address_for(is_tutor=False)) == (link, "pool", link.url)
    assert acme.open_rooms() == []


def test_link_of_the_pool_serves_others_afterwards(acme: Acme, drain: Drain, django_capture_on_commit_callbacks):
    link, meeting = make_link(), ready_at("pool")
    waiting = plan_meeting(make_booking(make_user(), make_tutor(), during=an_hour(START), status=Booking.Status.PAID))
    assert waiting is not None
    Meeting.objects.filter(pk=waiting.pk).update(next_attempt_at=START)
    with django_capture_on_commit_callbacks(execute=True):
        switch_provider(meeting, "acme")
    drain()
    waiting.refresh_from_db()
    assert waiting.link == link


def test_moved_while_the_new_room_is_made_it_stays_and_no_room_is_left(acme: Acme, drain: Drain):
    make_link()
    meeting = ready_at("pool")
    move = START + timedelta(days=1)

    def change() -> None:
        move_booking(Booking.objects.get(), starts_at=move, who=meeting.booking.student)
        make_round(timezone.now())

    acme.plan = [change]
    with pytest.raises(MeetingNotWaiting):
        switch_provider(meeting, "acme")
    make_round(timezone.now())
    drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.time, meeting.provider, acme.open_rooms()) == (True, an_hour(move), "pool", [])


def test_refusals_are_said_before_anything_is_asked(acme: Acme):
    make_link()
    meeting = ready_at("pool")
    for provider, error in (("zoom", ConnectionBroken), ("google", NoPlaceLeft), ("nonsense", NoPlaceLeft)):
        with pytest.raises(error):
            switch_provider(meeting, provider)
    with time_machine.travel(START + timedelta(hours=2)), pytest.raises(MeetingNotWaiting):
        switch_provider(meeting, "acme")
    assert acme.calls == []


def test_waiting_meeting_begins_the_chain_again(acme: Acme):
    acme.plan = [ProviderCannot()]
    booking = make_booking(
        make_user(), make_tutor(meeting_provider="acme"), during=an_hour(START), status=Booking.Status.PAID
    )
    meeting = plan_meeting(booking)
    assert meeting is not None
    with pytest.raises(NoLinkLeft):
        provision_meeting(meeting)
    connect(booking.tutor)
    Tutor.objects.update(meeting_provider="zoom")
    assert switch_provider(meeting, "zoom").provider == "zoom"


@pytest.mark.django_db(transaction=True)
def test_six_switches_at_once_make_one_room(acme: Acme):
    make_link()
    meeting = ready_at("pool")
    outcomes = race(lambda _number: switch_provider(meeting, "acme"), threads=6)
    assert {type(outcome.error) for outcome in outcomes} <= {type(None), MeetingInTheMaking}
    assert (acme.calls, Meeting.objects.get().provider) == (["create"], "acme")
