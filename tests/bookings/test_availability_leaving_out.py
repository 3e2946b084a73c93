"""What is open to a booking that moves: its own time, buffers and place in the day's limit are not in its way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.availability import next_slots, open_slots, why_not
from bookings.models import Booking, User
from bookings.slots import Reason
from bookings.times import During
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow

pytestmark = pytest.mark.django_db

SOON = During(tomorrow(0), tomorrow(0, days=3))


def booked(student: User, **tutor_fields: Any) -> Booking:
    """A paid lesson tomorrow at noon, with a tutor who keeps 30 minutes around every lesson."""
    tutor = make_tutor(buffer_before_minutes=30, buffer_after_minutes=30, **tutor_fields)
    lesson = make_session_type(tutor)
    return make_booking(student, tutor, session_type=lesson, status=Booking.Status.PAID)


def starts(booking: Booking, **asked: Any) -> set[datetime]:
    return {slot.start for slot in open_slots(booking.session_type, within=SOON, **asked)}


def test_its_own_time_and_buffers_are_open_to_the_booking_left_out(sam: User):
    booking = booked(sam)
    around = {tomorrow(11), tomorrow(11, 30), tomorrow(12), tomorrow(12, 30), tomorrow(13)}

    assert around.isdisjoint(starts(booking, student=sam))
    assert around <= starts(booking, student=sam, leaving_out=booking)
    assert why_not(booking.session_type, starts_at=tomorrow(12, 30), student=sam) is Reason.BOOKED
    assert why_not(booking.session_type, starts_at=tomorrow(12, 30), student=sam, leaving_out=booking) is None


def test_a_full_day_is_open_to_the_lesson_that_fills_it(sam: User, kim: User):
    booking = booked(sam, daily_limit=1)
    make_booking(kim, booking.tutor, during=an_hour(tomorrow(12, days=2)), status=Booking.Status.PAID)

    assert why_not(booking.session_type, starts_at=tomorrow(18)) is Reason.DAILY_LIMIT
    assert why_not(booking.session_type, starts_at=tomorrow(18), leaving_out=booking) is None
    assert why_not(booking.session_type, starts_at=tomorrow(18, days=2), leaving_out=booking) is Reason.DAILY_LIMIT


def test_other_bookings_of_the_tutor_and_of_the_student_still_hide_their_time(sam: User, kim: User):
    booking = booked(sam)
    make_booking(kim, booking.tutor, during=an_hour(tomorrow(16)), status=Booking.Status.PAID)
    make_booking(sam, make_tutor(), during=an_hour(tomorrow(18)), status=Booking.Status.PAID)
    asked: dict[str, Any] = {"student": sam, "leaving_out": booking}

    assert why_not(booking.session_type, starts_at=tomorrow(16), **asked) is Reason.BOOKED
    assert why_not(booking.session_type, starts_at=tomorrow(18), **asked) is Reason.STUDENT_BUSY


def test_the_slots_nearest_to_a_booking_that_moves_may_overlap_it(sam: User):
    booking = booked(sam)

    near = next_slots(booking.session_type, near=tomorrow(12), student=sam, leaving_out=booking, most=3)

    assert near == [an_hour(tomorrow(11, 30)), an_hour(tomorrow(12)), an_hour(tomorrow(12, 30))]


def test_leaving_a_booking_out_costs_no_query(sam: User):
    booking = Booking.objects.with_people().select_related("session_type__tutor").get(pk=booked(sam).pk)

    with CaptureQueriesContext(connection) as plain:
        starts(booking, student=sam)
    with CaptureQueriesContext(connection) as moving:
        starts(booking, student=sam, leaving_out=booking)

    assert len(moving) == len(plain)
