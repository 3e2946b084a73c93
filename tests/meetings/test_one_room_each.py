"""Two sessions never meet in one room, whoever gave the address; and those who wait for rows keep one order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction

from bookings.models import Booking, Tutor, User
from meetings.accounts import keep_account
from meetings.by_hand import ask_for_address, give_address
from meetings.doubles.google import GoogleDouble
from meetings.ending import end_calls
from meetings.errors import AccountTaken, AddressInUse, AddressWanted, NoPlaceLeft
from meetings.hygiene import fill_pool
from meetings.joining import State, find_door
from meetings.models import Attendance, Meeting, MeetingLink, ProviderCall, VideoConnection
from meetings.oauth.base import AccountLook, Tokens
from meetings.overrun import make_way
from meetings.planning import plan_meeting
from meetings.pool import assign_link, choose_link
from meetings.results import settle_pool
from meetings.rooms import PEOPLE
from meetings.troubles import note_trouble
from tests.factories import make_link, make_tutor
from tests.meetings.google_rooms import OWNER, connect_google, room_at_google
from tests.meetings.making import lesson, paid_booking, ready_meeting, waiting_meeting
from tests.race import race
from tests.workers import is_somebody_waiting_for_a_lock, wait_until

pytestmark = pytest.mark.django_db
OWN = "https://us02web.zoom.us/j/123?pwd=abc"


def test_door_of_a_room_that_the_tutor_uses_again_opens_when_the_lesson_before_is_over(ada: Tutor):
    first, second = paid_booking(lesson(0), tutor=ada), paid_booking(lesson(60), tutor=ada)
    for booking in (first, second):
        give_address(booking, OWN, who=ada.user)
    second = Booking.objects.select_related("meeting").get(pk=second.pk)
    during_first = first.ends_at - timedelta(minutes=5)

    door = find_door(second, now=during_first)
    assert (door.state, door.opens_at) == (State.EARLY, first.ends_at)
    assert find_door(first, now=during_first).is_open
    assert find_door(second, now=first.ends_at).is_open

    give_address(second, "https://whereby.com/ada", who=ada.user)  # a room of its own
    assert find_door(Booking.objects.get(pk=second.pk), now=during_first).is_open


def test_address_that_a_vendor_made_for_another_session_is_refused(ada: Tutor):
    ready_meeting(lesson(30), join_url_student=OWN, join_url_tutor=OWN, provider="sandbox")
    with pytest.raises(AddressInUse):
        give_address(paid_booking(tutor=ada), OWN, who=ada.user)


@pytest.mark.django_db(transaction=True)
def test_two_tutors_who_connect_one_account_at_once():
    tutors = [make_tutor() for _ in range(4)]
    tokens, look = Tokens("access", "refresh", 3600, frozenset()), AccountLook("a@zoom.test", "the-one")

    outcomes = race(lambda number: keep_account(tutors[number], "zoom", tokens, look), threads=4)

    assert [type(outcome.error) for outcome in outcomes].count(AccountTaken) == 3
    assert VideoConnection.objects.get().account_id == "the-one"


class OneRoomGoogle(GoogleDouble):
    """A Google that has but one room to give."""

    def new_space(self, made_by: str, *, is_ours: bool) -> Any:
        return next(iter(self.spaces.values()), None) or super().new_space(made_by, is_ours=is_ours)


def test_google_that_gives_one_room_again_and_again_is_not_asked_for_ever(settings: Any):
    settings.POOL_TARGET_SIZE, settings.POOL_GOOGLE_ACCOUNT = 3, OWNER
    with OneRoomGoogle() as google:
        settings.GOOGLE_MEET_URL = google.url
        connect_google(google)
        assert fill_pool() == 1
    assert (MeetingLink.objects.count(), ProviderCall.objects.filter(what="create").count()) == (1, 2)


def test_those_who_came_while_the_round_was_long_are_not_sent_out(settings: Any):
    link, first, second = make_link(), waiting_meeting(lesson(0)), waiting_meeting(lesson(100))
    for meeting in (first, second):
        choose_link(meeting, link)
    came_at = second.booking.join_opens_at + timedelta(minutes=1)
    Attendance.objects.create(meeting=second, user=second.booking.student, opened_at=came_at, last_opened_at=came_at)

    with room_at_google(link, settings) as room:
        room.double.start_call(room.name)
        with time_machine.travel(came_at, tick=False):
            assert end_calls(came_at - timedelta(minutes=10)) == 1  # when the round began
        assert room.double.spaces[room.name].conference


def while_the_booking_is_locked(meeting: Meeting, work: Callable[[], object]) -> None:
    """Run this in a thread while the booking is locked: it must not wait with the meeting in its hands."""
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except AddressWanted:
            pass
        except BaseException as error:
            trouble.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        Booking.objects.select_for_update().get(pk=meeting.booking_id)
        thread.start()
        wait_until(lambda: is_somebody_waiting_for_a_lock() or not thread.is_alive())
        Meeting.objects.select_for_update(nowait=True).get(pk=meeting.pk)
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert not trouble


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_an_address_locks_the_booking_first():
    booking = paid_booking(tutor=make_tutor(meeting_provider="manual"))
    plan_meeting(booking)
    meeting = Meeting.objects.select_related(*PEOPLE).get()
    while_the_booking_is_locked(meeting, lambda: ask_for_address(meeting))
    assert Meeting.objects.get().trouble == Meeting.Trouble.BY_HAND


@pytest.mark.django_db(transaction=True)
def test_who_notes_that_no_place_is_left_locks_the_booking_first():
    waiting_meeting(provider="sandbox", passed_over=["sandbox"])
    meeting = Meeting.objects.select_related(*PEOPLE).get()
    while_the_booking_is_locked(meeting, lambda: note_trouble(meeting, NoPlaceLeft()))
    assert meeting.booking.notices.filter(fact="address_wanted").exists()


@pytest.mark.django_db(transaction=True)
def test_who_tells_of_a_link_in_anothers_place_locks_the_booking_first():
    make_link()
    meeting = waiting_meeting(provider="sandbox")
    assign_link(meeting)
    meeting = Meeting.objects.select_related(*PEOPLE).get()
    while_the_booking_is_locked(meeting, lambda: settle_pool(meeting))
    assert meeting.booking.notices.filter(fact="link_changed").exists()


@pytest.mark.django_db(transaction=True)
def test_who_moves_a_session_out_of_an_overrun_waits_for_nobody(sam: User):
    cache.delete("meetings.overrun_told")
    link, spare, first, second = make_link(), make_link(), waiting_meeting(lesson(0)), waiting_meeting(lesson(100))
    for meeting in (first, second):
        choose_link(meeting, link)
    at = second.booking.join_opens_at - timedelta(minutes=1)
    came_at = first.time.start
    Attendance.objects.create(meeting=first, user=first.booking.student, opened_at=came_at, last_opened_at=came_at)
    while_the_booking_is_locked(second, lambda: make_way(at))
    second.refresh_from_db()
    assert second.link == link

    assert make_way(at) == 1
    second.refresh_from_db()
    assert second.link == spare
