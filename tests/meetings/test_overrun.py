from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.cache import cache

from bookings.models import Booking, Notice
from meetings import live_calls, vendor_rounds
from meetings.ending import end_calls
from meetings.joining import find_door, hand_out_address, tell_address
from meetings.models import Attendance, Meeting, MeetingLink
from meetings.overrun import make_way
from meetings.pool import choose_link
from meetings.vendor_rounds import VendorRound
from tests.conftest import Drain
from tests.factories import make_link
from tests.meetings.google_rooms import OWNER, Room, room_at_google
from tests.meetings.making import lesson, make_call, make_connection, overlaps_on_one_link, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
GAP = 40  # minutes between the end of the first session and the start of the second


def on_link(link: MeetingLink, start: int) -> Meeting:
    meeting = waiting_meeting(lesson(start))
    choose_link(meeting, link)
    meeting.refresh_from_db()
    return meeting


@pytest.fixture
def link() -> MeetingLink:
    cache.delete("meetings.overrun_told")
    return make_link(label="Room A")


@pytest.fixture
def earlier(link) -> Meeting:
    return on_link(link, 0)


@pytest.fixture
def later(earlier, link) -> Meeting:
    return on_link(link, 60 + GAP)


def come(meeting: Meeting) -> None:
    at = meeting.time.start
    Attendance.objects.create(meeting=meeting, user=meeting.booking.student, opened_at=at, last_opened_at=at)


def before_the_door_opens(meeting: Meeting) -> datetime:
    return meeting.booking.join_opens_at - timedelta(minutes=1)


def round_at(at: datetime) -> int:
    with time_machine.travel(at, tick=False):
        return make_way(at)


def link_of(meeting: Meeting) -> MeetingLink | None:
    meeting.refresh_from_db()
    return meeting.link


def test_session_moves_out_of_the_way_of_one_that_people_may_still_be_in(earlier, later, link):
    free = make_link(label="Room B")
    come(earlier)
    assert round_at(before_the_door_opens(later)) == 1
    assert (link_of(later), link_of(earlier)) == (free, link)
    assert later.is_ready
    change = later.booking.changes.get()
    assert (change.was, change.became, change.why) == ("Room A", "Room B", "the session before it ran over")
    assert not Notice.objects.exists()  # nobody knew the address
    assert not overlaps_on_one_link()
    assert round_at(before_the_door_opens(later)) == 0  # once


def test_session_stays_while_nobody_came_to_the_one_before(earlier, later, link):
    make_link()
    assert round_at(before_the_door_opens(later)) == 0
    assert link_of(later) == link


@pytest.mark.parametrize("minutes", [-30, 30])
def test_session_moves_only_when_its_door_is_about_to_open(earlier, later, link, minutes: int):
    make_link()
    come(earlier)
    assert round_at(later.booking.join_opens_at + timedelta(minutes=minutes)) == 0
    assert link_of(later) == link


def test_session_stays_when_the_one_before_is_long_over(earlier, link):
    make_link()
    come(earlier)
    much_later = on_link(link, 60 + 200)
    assert round_at(before_the_door_opens(much_later)) == 0


@pytest.mark.parametrize(("outcome", "moved"), [("done", 0), ("gone", 0), ("unavailable", 1), ("misconfigured", 1)])
def test_session_stays_only_if_the_vendor_has_really_sent_people_out(earlier, later, link, outcome: str, moved: int):
    make_link()
    come(earlier)
    Meeting.objects.filter(pk=earlier.pk).update(closed_at=earlier.time.end)
    link.connection = make_connection(provider="google")
    link.save()
    make_call("google", outcome, what="end", meeting=earlier, began_at=earlier.time.end, connection=link.connection)
    assert round_at(before_the_door_opens(later)) == moved


def test_account_that_did_not_make_the_room_cannot_say_that_it_is_gone(earlier, later, link):
    make_link()
    come(earlier)
    link.connection = make_connection(provider="google")
    link.save()
    make_call("google", "gone", what="end", meeting=earlier, began_at=earlier.time.end, connection=make_connection())
    assert round_at(before_the_door_opens(later)) == 1


def test_session_moves_though_the_call_before_counts_as_done_with(earlier, later, link):
    """Nobody can end a call in a link of somebody else: that its door has closed sends nobody out."""
    free = make_link()
    come(earlier)
    with time_machine.travel(before_the_door_opens(later), tick=False):
        assert end_calls(before_the_door_opens(later)) == 1
    assert round_at(before_the_door_opens(later)) == 1
    assert link_of(later) == free


def test_session_moves_out_of_the_way_of_people_who_know_the_raw_address(earlier, later, link):
    """A program of the owner's told them: nobody has seen them come through the door."""
    free = make_link()
    tell_address(earlier)
    assert round_at(before_the_door_opens(later)) == 1
    assert link_of(later) == free


def test_door_of_a_session_right_after_another_opens_in_time_on_a_free_link(earlier, link):
    follows = on_link(link, 70)
    opens_at = follows.booking.join_opens_at
    assert find_door(follows.booking, now=opens_at).state == "early"  # today's door waits for the end of the other
    make_link()
    assert round_at(opens_at - timedelta(minutes=2)) == 1
    follows.refresh_from_db()
    booking = Booking.objects.get(pk=follows.booking_id)
    assert find_door(booking, now=opens_at).state == "open"


def test_session_stays_if_no_link_is_free_and_the_staff_are_told_once(earlier, later, link, root, drain: Drain):
    come(earlier)
    other_link = make_link(label="Room B")
    blocking = on_link(other_link, 60 + GAP)
    for _ in range(2):
        assert round_at(before_the_door_opens(later)) == 0
    assert link_of(later) == link
    with time_machine.travel(before_the_door_opens(later), tick=False):
        drain()
    letter = next(letter for letter in mail.outbox if "may still be in use" in letter.subject)
    assert later.booking.reference in letter.subject
    assert earlier.booking.reference in letter.body
    assert link.url not in letter.body
    assert sum("may still be in use" in letter.subject for letter in mail.outbox) == 1
    assert link_of(blocking) == other_link


def test_staff_are_not_told_of_every_session_of_a_tight_pool(earlier, later, link, root):
    first, second = make_link(), make_link()
    for one in (first, second):
        come(on_link(one, 0))
        on_link(one, 60 + GAP)
    come(earlier)
    round_at(before_the_door_opens(later))
    assert Meeting.objects.exclude(alerted_at=None).count() == 1


def test_session_whose_address_somebody_knows_stays_while_it_is_only_guessed(earlier, later, link):
    make_link()
    come(earlier)
    Meeting.objects.filter(pk=later.pk).update(seen_at=later.time.start - timedelta(hours=1))
    assert round_at(before_the_door_opens(later)) == 0
    assert link_of(later) == link


@pytest.fixture
def room(link, settings) -> Iterator[Room]:
    """The earlier session's link as a room of ours at a pretend Google."""
    with room_at_google(link, settings) as room:
        yield room


def test_vendor_that_knows_the_call_is_over_is_believed(earlier, later, link, room):
    make_link()
    come(earlier)
    assert round_at(before_the_door_opens(later)) == 0
    assert link_of(later) == link


@pytest.mark.parametrize("is_known", [False, True])
def test_session_moves_when_the_vendor_says_that_people_are_inside(earlier, later, link, room, is_known: bool):
    make_link()
    come(earlier)
    room.double.start_call(room.name)
    if is_known:
        Meeting.objects.filter(pk=later.pk).update(seen_at=later.time.start - timedelta(hours=1))
    assert round_at(before_the_door_opens(later)) == 1
    later.refresh_from_db()
    assert later.seen_at is None
    told = Notice.objects.filter(fact="link_changed", booking=later.booking)
    people = {later.booking.student, later.booking.tutor.user}
    assert {notice.to for notice in told} == (people if is_known else set())  # who knew the old room hears of the new one
    assert {notice.details["place"] for notice in told} == ({"Google Meet"} if is_known else set())


def test_vendor_that_does_not_answer_leaves_it_a_guess(earlier, later, link, room):
    make_link()
    come(earlier)
    room.double.set_fault_rates(error=1.0)
    assert round_at(before_the_door_opens(later)) == 1


@pytest.fixture
def three_overruns(earlier, later: Meeting, link, room) -> Meeting:
    """Three sessions at once on rooms of ours whose earlier session may still be on, and a free link for each of them."""
    come(earlier)
    for _number in range(2):
        space = room.double.new_space(OWNER, is_ours=True)
        other = make_link(provider_space_id=space.name, connection=link.connection)
        come(on_link(other, 0))
        on_link(other, 60 + GAP)
    for _number in range(3):
        make_link()
    return later


def test_vendor_that_hangs_is_asked_once_in_a_round_and_the_others_move_on_a_guess(three_overruns: Meeting, room):
    room.double.set_fault_rates(reset_before=1.0)
    assert round_at(before_the_door_opens(three_overruns)) == 3
    assert len(room.double.requests) == 1


def test_round_without_time_to_ask_moves_on_a_guess(three_overruns: Meeting, room, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vendor_rounds, "ROUND_SECONDS", 0.0)
    assert round_at(before_the_door_opens(three_overruns)) == 3
    assert room.double.requests == []


def test_link_that_rested_longest_is_taken_and_nobody_moves_to_and_fro(earlier, later, link):
    come(earlier)
    fresh = make_link(label="used a moment ago")
    come(on_link(fresh, 25))
    assert round_at(before_the_door_opens(later)) == 0  # that one may be in use as well
    rested = make_link(label="never used")
    assert round_at(before_the_door_opens(later)) == 1
    assert link_of(later) == rested


def test_link_that_nobody_can_look_into_tells_nothing(link):
    assert live_calls.is_in_use(link, vendors=VendorRound()) is None


@pytest.mark.django_db(transaction=True)
def test_moving_away_and_walking_in_at_that_moment_never_part():
    """Who is let in gets the link that the session has, or the session has moved before."""
    cache.delete("meetings.overrun_told")
    laters = []
    for number in range(3):
        link = make_link()
        come(on_link(link, number * 300))
        laters.append(on_link(link, number * 300 + 60 + GAP))
        make_link()

    def work(number: int) -> object:
        later = Meeting.objects.get(pk=laters[number // 2].pk)
        if number % 2:
            return hand_out_address(later.booking, later.booking.student, now=later.booking.join_opens_at)
        return make_way(before_the_door_opens(later))

    outcomes = race(work, threads=6)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    for number, later in enumerate(laters):
        later.refresh_from_db()
        assert later.link is not None
        assert outcomes[number * 2 + 1].value == later.link.url
    assert not overlaps_on_one_link()


def test_round_takes_as_many_queries_for_many_sessions_as_for_one(link, django_assert_num_queries):
    at = lesson(60 + GAP).start - timedelta(minutes=16)
    for number in (1, 20):
        for _ in range(number):
            one = make_link()
            on_link(one, 0)
            on_link(one, 60 + GAP)
        with django_assert_num_queries(2):
            assert round_at(at) == 0
