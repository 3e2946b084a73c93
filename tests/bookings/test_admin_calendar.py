from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bookings.times import During
from tests.factories import make_booking, make_link, make_meeting, make_tutor, make_user

pytestmark = pytest.mark.django_db
CALENDAR = reverse("admin:bookings_booking_calendar")
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _wednesday(root):
    """Root reads the clocks of Jakarta (UTC+7); it is Wednesday noon there."""
    root.time_zone = "Asia/Jakarta"
    root.save()
    with time_machine.travel(datetime(2026, 11, 25, 5, tzinfo=UTC), tick=False):
        yield


def lesson(student, tutor, starts_at, status="paid", **fields):
    return make_booking(student, tutor, during=During(starts_at, starts_at + timedelta(hours=1)), status=status, **fields)


def days_of(answer):
    return {str(day.date): [booking.reference for booking in day.bookings] for day in answer.context["days"]}


def test_week_begins_on_monday_and_sorts_sessions_into_the_readers_days(desk, sam, ada):
    late = lesson(sam, ada, datetime(2026, 11, 22, 17, tzinfo=UTC))  # Monday 00:00 in Jakarta
    noon = lesson(sam, ada, MONDAY)
    lesson(sam, ada, datetime(2026, 11, 22, 15, tzinfo=UTC))  # still Sunday there
    answer = desk.get(CALENDAR)
    assert list(days_of(answer)) == [f"2026-11-{day}" for day in range(23, 30)]
    assert days_of(answer)["2026-11-23"] == [late.reference, noon.reference]
    assert sum(len(found) for found in days_of(answer).values()) == 2


def test_day_shows_tutor_state_and_link(desk, sam, ada):
    booking = lesson(sam, ada, MONDAY)
    make_meeting(booking, status="ready", link=make_link(label="Blue room"), reserved=booking.during)
    waiting = lesson(make_user(full_name="Wati"), make_tutor(), MONDAY + timedelta(days=3))
    page = desk.get(CALENDAR, {"view": "day", "day": "2026-11-23"}).text
    assert all(words in page for words in ("Sam Student with Ada Tutor", "19:00", "Blue room", booking.reference))
    assert "meet.google.com" not in page
    later = desk.get(CALENDAR, {"view": "day", "day": "2026-11-26"}).text
    assert "No link yet" in later
    assert waiting.reference in later


def test_one_tutor_only_and_what_was_cancelled_on_request(desk, sam, ada):
    other = lesson(make_user(), make_tutor(), MONDAY)
    mine, off = lesson(sam, ada, MONDAY), lesson(sam, ada, MONDAY + timedelta(hours=3), status="cancelled")
    assert set(days_of(desk.get(CALENDAR))["2026-11-23"]) == {other.reference, mine.reference}
    assert days_of(desk.get(CALENDAR, {"tutor": ada.pk}))["2026-11-23"] == [mine.reference]
    both = days_of(desk.get(CALENDAR, {"tutor": ada.pk, "off": "1"}))["2026-11-23"]
    assert both == [mine.reference, off.reference]


@pytest.mark.parametrize(
    "query",
    [
        {"day": "1900-01-01"},
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"day": "2026-02-30"},
        {"day": "yesterday"},
        {"view": "century"},
        {"tutor": "x"},
        {"tutor": "9" * 40},
        {"tutor": "²"},
    ],
)
def test_query_that_makes_no_sense_shows_this_week(desk, sam, ada, query):
    lesson(sam, ada, MONDAY)
    answer = desk.get(CALENDAR, query)
    assert answer.status_code == 200
    assert "2026-11-25" in days_of(answer)


def test_calendar_is_for_those_who_may_see_bookings(sam):
    clerk = Client()
    clerk.force_login(make_user("clerk@example.com", is_staff=True))
    assert clerk.get(CALENDAR).status_code == 403
    student = Client()
    student.force_login(sam)
    assert student.get(CALENDAR).status_code in (302, 403)


@pytest.mark.parametrize("rows", [1, 50])
def test_calendar_takes_as_many_queries_however_full_it_is(desk, ada, django_assert_num_queries, rows):
    for number in range(rows):
        booking = lesson(make_user(), ada, MONDAY + timedelta(hours=number))
        make_meeting(booking)
    with django_assert_num_queries(4):  # session, person, sessions, tutors
        assert desk.get(CALENDAR).status_code == 200
