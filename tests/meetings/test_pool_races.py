"""Many assign at once, with real threads: nothing is given twice, and "no link" is never false."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from bookings.times import During
from meetings.errors import NoLinkLeft
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link, choose_link
from tests.factories import make_link
from tests.meetings.making import (
    deadlocks_so_far,
    lesson,
    overlaps_on_one_link,
    waiting_meeting,
)
from tests.race import race
from tests.workers import is_somebody_waiting_for_a_lock, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def most_at_once(times: Sequence[During], rest: timedelta) -> int:
    """The exact number of links that these lessons need: the most of them that use a link at one instant."""
    return max(sum(other.start <= one.start < other.end + rest for other in times) for one in times)


@pytest.mark.defect("CE-08")
@pytest.mark.parametrize("links", [1, 3, 10])
def test_thirty_two_at_once_for_one_time_fill_the_links_exactly(links: int):
    for _ in range(links):
        make_link()
    meetings = [waiting_meeting() for _ in range(32)]

    outcomes = race(lambda number: assign_link(meetings[number]), threads=32)

    given = [outcome.value for outcome in outcomes if outcome.value]
    assert len(set(given)) == len(given) == links
    assert [type(outcome.error) for outcome in outcomes if outcome.error] == [NoLinkLeft] * (32 - links)
    assert overlaps_on_one_link() == []


@pytest.mark.parametrize("seed", range(3))
def test_thirty_two_at_once_with_mixed_times_never_overlap(seed: int):
    chance = random.Random(seed)
    for _ in range(4):
        make_link()
    # From a quarter of an hour to two hours, around midnight UTC, so that some touch two days.
    times = [lesson(600 + 15 * chance.randrange(16), 15 * chance.randint(1, 8)) for _ in range(32)]
    meetings = [waiting_meeting(during) for during in times]

    outcomes = race(lambda number: assign_link(meetings[number]), threads=32)

    assert {type(outcome.error) for outcome in outcomes if outcome.error} <= {NoLinkLeft}
    assert overlaps_on_one_link() == []
    for number, outcome in enumerate(outcomes):
        if outcome.error:
            assert _links_busy_during(times[number]) == 4, "“no link” was said falsely"


@pytest.mark.parametrize("seed", range(3))
def test_lessons_of_one_length_on_a_grid_all_fit_when_they_can(seed: int):
    """Equal lessons on a grid of their length need as many links as overlap at once, whatever the order."""
    chance = random.Random(seed)
    times = [lesson(70 * chance.randrange(6)) for _ in range(32)]
    for _ in range(most_at_once(times, timedelta(minutes=10))):
        make_link()
    meetings = [waiting_meeting(during) for during in times]

    outcomes = race(lambda number: assign_link(meetings[number]), threads=32)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert overlaps_on_one_link() == []


def test_one_meeting_asked_for_by_sixteen_gets_one_link():
    for _ in range(16):
        make_link()
    meeting = waiting_meeting()

    outcomes = race(lambda _number: assign_link(meeting), threads=16)

    assert len({outcome.value for outcome in outcomes}) == 1
    meeting.refresh_from_db()
    assert (meeting.attempts, meeting.link) == (1, outcomes[0].value)


def test_one_link_chosen_for_eight_meetings_goes_to_one_of_them():
    link = make_link()
    meetings = [waiting_meeting() for _ in range(8)]

    outcomes = race(lambda number: choose_link(meetings[number], link), threads=8)

    assert [outcome.value for outcome in outcomes if outcome.value] == [link]


def test_link_given_back_while_another_waits_for_the_day_is_found():
    """The search is a statement of its own after the lock: it sees what was committed while it waited."""
    link = make_link()
    first, second = waiting_meeting(), waiting_meeting()
    with ThreadPoolExecutor(1) as other_worker:
        with transaction.atomic():
            assign_link(first)  # keeps the day until the end of the block
            answer = other_worker.submit(_assign_on_a_connection_of_its_own, second)
            wait_until(is_somebody_waiting_for_a_lock)
            Meeting.objects.filter(pk=first.pk).update(status=Meeting.Status.CANCELLED)
        assert answer.result(timeout=30) == link


def _assign_whoever_asks(meeting: Meeting, _number: int) -> MeetingLink:
    return assign_link(meeting)


def _assign_on_a_connection_of_its_own(meeting: Meeting) -> MeetingLink:
    try:
        return assign_link(meeting)
    finally:
        connection.close()


def _links_busy_during(during: During) -> int:
    reserved = (during.start, during.end + timedelta(minutes=10))
    return Meeting.objects.holding_links().filter(reserved__overlap=reserved).values("link").distinct().count()


def test_meeting_given_the_last_link_by_another_caller_is_not_told_that_none_is_left():
    """Both asked while it was waiting; the second finds the pool full, but of its own meeting's doing."""
    for _attempt in range(10):
        link, meeting = make_link(), waiting_meeting()
        outcomes = race(partial(_assign_whoever_asks, meeting), threads=4)
        assert [outcome.value for outcome in outcomes] == [link] * 4
        MeetingLink.objects.update(status=MeetingLink.Status.RETIRED)


@pytest.mark.parametrize("seed", range(2))
def test_thirty_two_at_once_all_get_links_where_moves_make_room(seed: int):
    """Lessons of all lengths, as many links as overlap at most: without moves some would go without."""
    chance = random.Random(seed)
    times = [lesson(600 + 15 * chance.randrange(40), 15 * chance.randint(1, 12)) for _ in range(32)]
    for _ in range(most_at_once(times, timedelta(minutes=10))):
        make_link()
    meetings = [waiting_meeting(during) for during in times]
    before = deadlocks_so_far()

    outcomes = race(lambda number: assign_link(meetings[number]), threads=32)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert Meeting.objects.holding_links().count() == 32
    assert overlaps_on_one_link() == []
    assert deadlocks_so_far() == before
