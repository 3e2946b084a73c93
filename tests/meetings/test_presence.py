"""Who has the address, and who is here: told to the two of a session, while its door is open."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse

from bookings.api_keys import create_api_key
from bookings.models import Booking, User
from bookings.times import During
from meetings.joining import hand_out_address
from meetings.models import Attendance, Meeting
from meetings.pool import choose_link
from tests.factories import make_booking, make_link, make_meeting, make_order, make_user
from tests.meetings.making import lesson, waiting_meeting
from tests.meetings.test_join import END, START, come, door, looks_again_in
from tests.race import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(ada, sam) -> dict[str, User]:
    return {"student": sam, "tutor": ada.user, "payer": make_user("parent@example.com")}


@pytest.fixture
def meeting(people, ada) -> Meeting:
    order = make_order(people["payer"], status="paid")
    booking = make_booking(people["student"], ada, during=During(START, END), status=Booking.Status.PAID, order=order)
    meeting = make_meeting(booking)
    choose_link(meeting, make_link())
    meeting.refresh_from_db()
    return meeting


def test_address_counts_as_seen_from_the_first_time_it_is_handed_out(people, meeting):
    come(people["student"], door(meeting), START - timedelta(minutes=16))
    meeting.refresh_from_db()
    assert meeting.seen_at is None
    for minutes in (-10, 5):
        come(people["student"], door(meeting), START + timedelta(minutes=minutes))
    meeting.refresh_from_db()
    assert meeting.seen_at == START - timedelta(minutes=10)


def test_look_at_the_open_door_is_no_attendance_but_the_address_is_known(people, meeting):
    come(people["student"], door(meeting), START, "head")
    meeting.refresh_from_db()
    assert meeting.seen_at == START


@pytest.mark.defect("TB-23")
def test_each_of_the_two_is_told_once_the_other_is_here(people, meeting):
    """Live, within the window of this very time, and to nobody else."""
    state = reverse("meetings:booking_status", args=[meeting.booking.reference])
    Attendance.objects.create(  # from a time that the session had before it was moved
        meeting=meeting, user=people["tutor"], opened_at=START - timedelta(days=2), last_opened_at=START - timedelta(days=2)
    )
    assert "is here" not in come(people["student"], state, START).text
    come(people["tutor"], door(meeting), START - timedelta(minutes=3))
    for path in (state, f"{door(meeting)}?waiting"):
        assert "Your tutor is here, since 18:57." in come(people["student"], path, START).text
    for other in ("tutor", "payer"):
        assert "is here" not in come(people[other], state, START).text
    come(people["student"], door(meeting), START)
    assert "Your student is here" in come(people["tutor"], state, START).text
    assert "is here" not in come(people["student"], state, END + timedelta(minutes=15)).text


def test_open_door_looks_for_the_other_every_few_seconds(people, meeting):
    state = reverse("meetings:booking_status", args=[meeting.booking.reference])
    assert 'hx-trigger="every 21s, ' in come(people["student"], state, START).text
    assert looks_again_in(come(people["student"], f"{door(meeting)}?waiting", START)) == 21


@pytest.mark.defect("TB-24")
def test_early_visit_neither_ends_the_session_nor_locks_anybody_out(people, meeting):
    come(people["tutor"], door(meeting), START - timedelta(minutes=15))
    meeting.booking.refresh_from_db()
    assert meeting.booking.status == Booking.Status.PAID
    for minutes in (-14, 0, 59, 74):
        assert come(people["student"], door(meeting), START + timedelta(minutes=minutes)).status_code == 302


def test_door_takes_few_queries(people, meeting, django_assert_max_num_queries):
    client = Client()
    client.force_login(people["student"])
    with time_machine.travel(START, tick=False), django_assert_max_num_queries(16):
        assert client.get(door(meeting)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_link_that_is_taken_away_at_that_moment_is_never_handed_out():
    """Whoever gets an address gets the one that the meeting has then, and it is known to be seen."""
    meetings = [waiting_meeting(lesson(number * 200)) for number in range(4)]
    first, second = make_link(url="https://meet.google.com/first"), make_link(url="https://meet.google.com/second")
    for meeting in meetings:
        choose_link(meeting, first)

    def work(number: int) -> str:
        meeting = Meeting.objects.get(pk=meetings[number // 2].pk)
        if number % 2:
            return hand_out_address(meeting.booking, meeting.booking.student, now=meeting.time.start)
        with transaction.atomic():
            unseen = Meeting.objects.select_for_update().filter(pk=meeting.pk, seen_at=None)
            return str(unseen.update(link=second))

    outcomes = race(work, threads=8)
    for number, meeting in enumerate(meetings):
        moved, got = outcomes[number * 2].value, outcomes[number * 2 + 1].value
        meeting.refresh_from_db()
        assert meeting.link is not None
        assert got == meeting.link.url == (second.url if moved == "1" else first.url)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("assign-meeting-link", "bookingId"),
        ("create-meeting-link", "bookingId"),
        ("sessions/retry-meeting-link", "sessionId"),
    ],
)
def test_address_that_a_program_was_told_counts_as_seen(people, meeting, call: str, field: str):
    create_api_key("Program", scopes=["meetings"], key="program-key")
    headers = {"Authorization": "Bearer program-key"}
    told = {field: meeting.booking.reference}
    answer = Client().post(f"/api/{call}", told, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    meeting.refresh_from_db()
    assert meeting.seen_at is not None
