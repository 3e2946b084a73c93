import pytest
from django.utils import timezone

from bookings.models import Booking
from meetings.dashboard import sessions_during, sessions_without_link
from meetings.models import Meeting
from meetings.pool import assign_link
from tests.factories import make_link
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db


def test_sessions_without_link_are_those_that_wait_and_those_nobody_planned():
    make_link()
    assign_link(waiting_meeting(lesson(0)))
    unplanned, waiting = paid_booking(lesson(90)), waiting_meeting(lesson(30), last_error="No room.").booking
    waiting_meeting(lesson(-3 * 24 * 60))  # over
    Booking.objects.filter(pk=waiting_meeting().booking_id).update(status=Booking.Status.CANCELLED)
    found = list(sessions_without_link(timezone.now()))
    assert found == [waiting, unplanned]
    assert found[0].meeting.last_error == "No room."


def test_sessions_during_a_day_come_with_their_links(django_assert_num_queries):
    link = make_link(label="Room A")
    first, second = waiting_meeting(lesson(0)), waiting_meeting(lesson(100))
    for meeting in (first, second):
        assign_link(meeting)
    Booking.objects.filter(pk=waiting_meeting(lesson(0)).booking_id).update(status=Booking.Status.CANCELLED)
    with django_assert_num_queries(1):
        found = [(one.meeting, one.meeting.link) for one in sessions_during(lesson(0, 200))]
    assert found == [(first, link), (second, link)]
    assert list(sessions_during(lesson(60, 40))) == []
    assert Meeting.objects.count() == 3
