"""Many want the last links at once, with real threads: no time is sold that has no link, and nobody waits for ever."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from bookings.errors import NoRoomLeft, SlotTaken
from bookings.holds import Wanted, keep_times, lock_cart, place_hold
from bookings.models import Booking, SessionType
from bookings.rescheduling import move_booking
from meetings.errors import NoLinkLeft
from meetings.links import retire_link
from meetings.models import Meeting
from meetings.pool import assign_link
from tests.factories import (
    an_hour,
    make_booking,
    make_link,
    make_meeting,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.meetings.making import deadlocks_so_far, overlaps_on_one_link
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def refuse(settings: LazySettings) -> None:
    settings.POOL_FULL = "refuse"


def sold_by_tutors(number: int) -> list[SessionType]:
    return [make_session_type(make_tutor()) for _ in range(number)]


@pytest.mark.defect("CE-15")
@pytest.mark.parametrize("links", [1, 3])
def test_sixteen_hold_one_time_and_as_many_win_as_links_are_there(links: int):
    for _ in range(links):
        make_link()
    sold, students = sold_by_tutors(16), [make_user() for _ in range(16)]

    outcomes = race(lambda number: place_hold(sold[number], starts_at=tomorrow(), student=students[number]), threads=16)

    assert Booking.objects.count() == links
    assert [type(outcome.error) for outcome in outcomes if outcome.error] == [NoRoomLeft] * (16 - links)


def test_carts_of_many_days_in_any_order_do_not_wait_for_each_other():
    """Each asks for the same days in another order; days are locked in the order of time all the same."""
    for _ in range(4):
        make_link()
    sold, students = sold_by_tutors(8), [make_user() for _ in range(8)]
    before = deadlocks_so_far()

    def fill(number: int) -> None:
        days = random.Random(number).sample(range(1, 7), 6)
        with transaction.atomic():
            cart = lock_cart(students[number])
            wanted = [Wanted(sold[number], tomorrow(23, 30, days=day)) for day in days]
            kept = keep_times(cart, wanted, student=students[number], held_until=timezone.now() + timedelta(hours=1))
            assert [one.starts_at for one in kept] == [one.starts_at for one in wanted]

    outcomes = race(fill, threads=8)

    assert {type(outcome.error) for outcome in outcomes if outcome.error} == {NoRoomLeft}
    assert Booking.objects.count() == 4 * 6
    assert deadlocks_so_far() == before


def test_holds_moves_assignments_and_a_link_that_goes_never_block_each_other():
    chance = random.Random(5)
    links = [make_link() for _ in range(6)]
    sold, students = sold_by_tutors(12), [make_user() for _ in range(12)]
    paid = [
        make_booking(make_user(), make_tutor(), during=an_hour(tomorrow(8 + number % 4), 90), status="paid")
        for number in range(12)
    ]
    meetings = [make_meeting(booking) for booking in paid]
    before = deadlocks_so_far()

    def work(number: int) -> object:
        turn, kind = divmod(number, 4)
        if kind == 0:
            return place_hold(sold[turn], starts_at=tomorrow(8 + turn % 4), student=students[turn])
        if kind == 1:
            return move_booking(paid[turn], starts_at=tomorrow(8 + (turn + 2) % 4, 30), who=paid[turn].tutor.user, why="ill")
        if kind == 2:
            return assign_link(meetings[6 + turn % 6])
        if turn == 0:
            retire_link(links[0])
            return None
        return assign_link(meetings[chance.randrange(12)])

    outcomes = race(work, threads=32)

    assert {type(outcome.error) for outcome in outcomes if outcome.error} <= {NoRoomLeft, SlotTaken, NoLinkLeft}
    assert overlaps_on_one_link() == []
    assert not Meeting.objects.filter(link=links[0], status=Meeting.Status.READY).exists()
    assert deadlocks_so_far() == before
