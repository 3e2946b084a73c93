"""A session moves or is called off: its meeting follows, whatever it was doing at that moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.models import Booking, Tutor, User
from bookings.rescheduling import move_booking
from meetings import provisioning
from meetings.joining import State, find_door
from meetings.models import Meeting
from meetings.planning import plan_meeting
from meetings.pool import assign_link, choose_link
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.making import overlaps_on_one_link, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Meeting.Status
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    return make_booking(sam, ada, during=an_hour(OLD), status=Booking.Status.PAID)


def ready_meeting(booking: Booking) -> Meeting:
    meeting = plan_meeting(booking)
    assert meeting is not None
    return provisioning.provision_meeting(meeting)


@pytest.mark.defect("CE-29", "IT-14", "CE-12")
def test_link_follows_and_the_old_time_of_it_goes_to_whoever_waits(
    booking, drain: Drain, django_capture_on_commit_callbacks
):
    link = make_link()
    meeting = ready_meeting(booking)
    waiting = waiting_meeting(an_hour(OLD), next_attempt_at=NEW)

    with django_capture_on_commit_callbacks(execute=True):
        move_booking(booking, starts_at=NEW, who=booking.student)
    ran = drain()

    assert {("meetings.provision_meeting", "succeeded"), ("meetings.provision_waiting", "succeeded")} <= set(ran)
    meeting.refresh_from_db()
    waiting.refresh_from_db()
    assert (meeting.status, meeting.link, meeting.time, meeting.generation) == (Status.READY, link, an_hour(NEW), 1)
    assert (meeting.reserved.lower, meeting.reserved.upper) == (NEW, NEW + timedelta(minutes=70))
    assert (waiting.status, waiting.link) == (Status.READY, link)


def test_link_that_is_taken_at_the_new_time_is_swapped(booking, drain: Drain, django_capture_on_commit_callbacks):
    first, second = make_link(), make_link()
    meeting = ready_meeting(booking)
    assert meeting.link == first
    choose_link(waiting_meeting(an_hour(NEW)), first)

    with django_capture_on_commit_callbacks(execute=True):
        move_booking(booking, starts_at=NEW, who=booking.student)
    drain()

    meeting.refresh_from_db()
    assert (meeting.link, meeting.time) == (second, an_hour(NEW))
    assert overlaps_on_one_link() == []


@pytest.mark.parametrize("status", [Status.WAITING, Status.READY])
def test_news_of_a_move_that_was_lost_is_found_by_the_minutes_round(booking, status):
    """The process died between the commit and the news."""
    link = make_link()
    meeting = plan_meeting(booking)
    assert meeting is not None
    if status == Status.READY:
        assign_link(meeting)
    move_booking(booking, starts_at=NEW, who=booking.student)  # the test's transaction sends no news

    make_round(timezone.now())
    make_round(timezone.now())

    meeting.refresh_from_db()
    assert (meeting.status, meeting.link, meeting.time) == (Status.READY, link, an_hour(NEW))
    assert meeting.generation == 1


def test_door_opens_on_no_link_that_was_given_for_another_time(booking):
    make_link()
    ready_meeting(booking)
    moved = move_booking(booking, starts_at=NEW, who=booking.student)

    door = find_door(Booking.objects.get(pk=moved.pk), now=NEW)
    assert (door.state, door.is_ready) == (State.PREPARING, False)

    make_round(timezone.now())
    assert find_door(Booking.objects.get(pk=moved.pk), now=NEW).state is State.OPEN


def test_cancelled_session_frees_its_link_and_shuts_its_door(booking, drain: Drain, django_capture_on_commit_callbacks):
    link = make_link()
    meeting = ready_meeting(booking)
    waiting = waiting_meeting(an_hour(OLD), next_attempt_at=NEW)

    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=booking.student, seen=booking.net)
    drain()

    meeting.refresh_from_db()
    waiting.refresh_from_db()
    assert meeting.status == Status.CANCELLED
    assert (waiting.status, waiting.link) == (Status.READY, link)
    assert find_door(Booking.objects.get(pk=booking.pk), now=OLD).state is State.CANCELLED


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("CE-29")
def test_moves_while_links_are_given_end_with_the_right_time_and_no_link_twice(ada: Tutor):
    """Provisioning under way, at the very moment of the move: each meeting ends at its session's time."""
    for _number in range(2):
        make_link()
    bookings = [
        make_booking(make_user(), make_tutor(), during=an_hour(OLD), status=Booking.Status.PAID) for _number in range(4)
    ]
    meetings = [plan_meeting(booking) for booking in bookings]

    def work(number: int) -> None:
        booking, meeting = bookings[number // 2], meetings[number // 2]
        assert meeting is not None
        if number % 2:
            move_booking(booking, starts_at=NEW, who=booking.student)
        else:
            make_round(timezone.now())

    assert [outcome.error for outcome in race(work, threads=8)] == [None] * 8
    for _round in range(3):
        Meeting.objects.waiting().update(next_attempt_at=timezone.now())
        make_round(timezone.now())

    assert overlaps_on_one_link() == []
    for meeting in Meeting.objects.select_related("booking"):
        assert meeting.time == meeting.booking.time
    assert Meeting.objects.filter(status=Status.READY).count() == 2  # both links, at the same hour
