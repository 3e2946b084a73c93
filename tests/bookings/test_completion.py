"""Sessions close by themselves, whoever looks on."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings

from bookings import completion
from bookings.completion import complete_over
from bookings.models import Booking, Change, Tutor, User
from bookings.tasks import complete_sessions
from meetings.joining import State, find_door, record_attendance
from meetings.models import Attendance, Meeting
from meetings.upkeep import make_round
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_user, tomorrow
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Booking.Status
DOOR = timedelta(minutes=settings.JOIN_CLOSES_MINUTES)


@pytest.mark.defect("CE-26", "IT-10", "IT-11")
def test_paid_session_closes_once_its_door_is_shut_though_no_page_is_open(ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Status.PAID)
    closes_at = booking.ends_at + DOOR

    assert complete_over(now=closes_at - timedelta(seconds=1)) == 0
    with time_machine.travel(closes_at, tick=False):
        complete_sessions(timestamp=0)
        complete_sessions(timestamp=0)

    booking.refresh_from_db()
    assert (booking.status, booking.refund, booking.sequence) == (Status.COMPLETED, None, 0)
    line = Change.objects.get(booking=booking)
    assert (line.what, line.was, line.became, line.who) == ("status", "paid", "completed", None)


@pytest.mark.parametrize("status", [one for one in Status if one != Status.PAID])
def test_other_sessions_stay_as_they_are(ada: Tutor, sam: User, status: str):
    booking = make_booking(sam, ada, status=status)
    assert complete_over(now=booking.ends_at + DOOR) == 0
    booking.refresh_from_db()
    assert booking.status == status


@pytest.mark.defect("TB-24")
def test_early_join_completes_nothing_and_the_door_stays_open_to_the_end(ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Status.PAID)
    link = make_link()
    reserved = (booking.starts_at, booking.ends_at + timedelta(minutes=10))
    meeting = make_meeting(booking, status=Meeting.Status.READY, link=link, reserved=reserved)
    for now in (booking.join_opens_at, booking.ends_at + DOOR - timedelta(seconds=1)):
        record_attendance(meeting, sam, now=now)
        make_round(now)
        assert complete_over(now=now) == 0
        booking = Booking.objects.get(pk=booking.pk)
        assert find_door(booking, now=now).state is State.OPEN
    assert Attendance.objects.get().times_opened == 2


def test_completed_session_keeps_its_meeting_and_shuts_its_door(ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Status.PAID)
    reserved = (booking.starts_at, booking.ends_at + timedelta(minutes=10))
    meeting = make_meeting(booking, status=Meeting.Status.READY, link=make_link(), reserved=reserved)
    now = booking.ends_at + DOOR
    complete_over(now=now)
    make_round(now)
    meeting.refresh_from_db()
    assert meeting.status == Meeting.Status.ENDED
    assert find_door(Booking.objects.get(), now=now).state is State.CLOSED


def test_many_are_closed_batch_by_batch(ada: Tutor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(completion, "BATCH", 3)
    for hour in range(7):
        make_booking(make_user(), ada, during=an_hour(tomorrow(hour)), status=Status.PAID)
    assert complete_over(now=tomorrow(23)) == 7
    assert Change.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_two_workers_close_each_session_once(ada: Tutor):
    for hour in range(12):
        make_booking(make_user(), ada, during=an_hour(tomorrow(hour)), status=Status.PAID)
    outcomes = race(lambda _number: complete_over(now=tomorrow(23)), threads=4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sum(outcome.value for outcome in outcomes) == 12
    assert Change.objects.count() == 12
