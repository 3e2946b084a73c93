"""Everything at once, with a vendor that fails a quarter of the time: in the end each session has one room, at its time."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.errors import DomainError
from bookings.models import Booking
from bookings.rescheduling import move_booking
from meetings import closing, planning, upkeep
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_in_turn, retry_meeting
from meetings.relocation import switch_provider
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.making import overlaps_on_one_link
from tests.race import race

START = tomorrow(0, days=3)
LASTS = 8.0  # seconds


def do_something(dice: random.Random) -> None:
    meeting = Meeting.objects.select_related("booking__student").order_by("?").first()
    assert meeting is not None
    booking, roll = meeting.booking, dice.random()
    if roll < 0.35:
        provision_in_turn(meeting.pk)
    elif roll < 0.50:
        move_booking(booking, starts_at=START + timedelta(hours=dice.randrange(48)), who=booking.tutor.user, why="so")
        upkeep.follow_moved()
    elif roll < 0.55:
        cancel_booking(booking, who=booking.student, seen=booking.net)
    elif roll < 0.65:
        switch_provider(meeting, dice.choice(["acme", "pool"]))
    elif roll < 0.75:
        retry_meeting(meeting)
    elif roll < 0.85:
        upkeep.make_round(timezone.now())
    else:
        for room in VendorRoom.objects.filter(state="closing").order_by("?")[:3]:
            closing.close_room(room.pk)


def settle() -> None:
    """What the workers would do in the minutes after."""
    for _round in range(12):
        now = timezone.now()
        Meeting.objects.waiting().update(next_attempt_at=now, passed_over=[])
        VendorRoom.objects.exclude(next_attempt_at=None).update(next_attempt_at=now)
        VendorRoom.objects.update(asked_at=now - timedelta(hours=1))
        upkeep.make_round(now)
        for meeting in Meeting.objects.waiting():
            provision_in_turn(meeting.pk)
        for room in VendorRoom.objects.filter(state="closing"):
            closing.close_room(room.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("IT-03", "IT-15", "CE-24")
def test_storm_leaves_one_room_for_each_session_and_none_besides(acme: Acme):
    for number in range(8):
        tutor = make_tutor(meeting_provider="acme" if number % 4 else "pool")
        during = an_hour(START + timedelta(hours=number))
        plan_meeting(make_booking(make_user(), tutor, during=during, status=Booking.Status.PAID))
    for _number in range(12):
        make_link()
    acme.dice = random.Random(1)
    until = time.monotonic() + LASTS

    def work(number: int) -> int:
        dice, done = random.Random(number), 0
        while time.monotonic() < until:
            with suppress(DomainError):
                do_something(dice)
            done += 1
        return done

    outcomes = race(work, threads=6)
    assert [outcome.error for outcome in outcomes] == [None] * 6

    acme.dice = None
    settle()

    paid = Meeting.objects.filter(booking__status="paid").select_related("booking")
    assert {(one.status, one.trouble) for one in paid} <= {("ready", "")}
    assert all(one.time == one.booking.time for one in paid)
    at_acme = {one.external_id: one.time for one in paid if one.provider == "acme"}
    assert {number: held.during for number, held in acme.rooms.items() if held.is_open} == at_acme
    assert VendorRoom.objects.standing().count() == len(at_acme)
    assert overlaps_on_one_link() == []
    assert planning.sessions_without_address(timezone.now()).count() == 0
