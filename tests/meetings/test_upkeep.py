from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking
from meetings.alarms import watch
from meetings.models import Meeting
from meetings.pool import assign_link
from meetings.tasks import provision_meetings
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import make_link
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
Status = Meeting.Status


@pytest.mark.defect("IT-04")
def test_paid_booking_whose_news_was_lost_is_found_and_gets_its_meeting():
    link = make_link()
    booking = paid_booking()
    make_round(timezone.now())
    meeting = Meeting.objects.get()
    assert (meeting.booking, meeting.link, meeting.status) == (booking, link, Status.READY)


def test_round_made_twice_changes_nothing():
    make_link()
    paid_booking()
    make_round(timezone.now())
    before = Meeting.objects.values().get()
    assert make_round(timezone.now()).total == 0
    assert Meeting.objects.values().get() == before


def test_lesson_that_is_over_is_not_planned_any_more():
    booking = paid_booking()
    make_round(booking.ends_at)
    assert not Meeting.objects.exists()


def test_meeting_of_a_booking_cancelled_unheard_is_dropped():
    link = make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    Booking.objects.update(status=Booking.Status.CANCELLED)
    make_round(timezone.now())
    meeting.refresh_from_db()
    assert meeting.status == Status.CANCELLED
    assert assign_link(waiting_meeting()) == link


@pytest.mark.parametrize("status", ["completed", "no_show_student", "no_show_tutor"])
def test_meeting_of_a_lesson_that_took_place_is_not_dropped(status: str):
    make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    Booking.objects.update(status=status)
    make_round(timezone.now())
    meeting.refresh_from_db()
    assert meeting.is_ready


def test_meeting_dropped_by_mistake_is_planned_again():
    make_link()
    meeting = waiting_meeting(status=Status.CANCELLED, next_attempt_at=None)
    make_round(timezone.now())
    meeting.refresh_from_db()
    assert (meeting.status, meeting.generation) == (Status.READY, 1)


def test_meeting_ends_when_its_link_has_rested(drain: Drain):
    link = make_link()
    meeting, room = waiting_meeting(), waiting_meeting(provider="sandbox")
    make_round(timezone.now())
    drain()
    after = lesson().end + timedelta(minutes=10)
    make_round(after - timedelta(seconds=1))
    meeting.refresh_from_db()
    room.refresh_from_db()
    assert (meeting.status, room.status) == (Status.READY, Status.ENDED)
    make_round(after)
    meeting.refresh_from_db()
    link.refresh_from_db()
    assert meeting.status == Status.ENDED
    assert link.last_used_at == lesson().end


def test_lesson_that_passed_without_a_link_is_given_up_and_told(settings, mailoutbox, drain: Drain):
    settings.ADMINS = [("Root", "root@example.com")]
    meeting = waiting_meeting()
    make_round(lesson().end)
    drain()
    meeting.refresh_from_db()
    assert (meeting.status, meeting.last_error) == (Status.FAILED, "The session was over before a link was found.")
    watch(lesson().end)
    to_staff = [letter.subject for letter in mailoutbox if letter.to == ["root@example.com"]]
    reference = meeting.booking.reference
    assert to_staff == [f"[Linkpool] {reference} had no room", f"[Linkpool] No meeting link for {reference}"]


def test_periodic_job_makes_the_round():
    make_link()
    paid_booking()
    provision_meetings(timestamp=0)
    assert Meeting.objects.get().is_ready


def test_round_asks_as_often_for_many_as_for_one_when_nothing_is_due(django_assert_num_queries):
    make_link()
    assign_link(waiting_meeting())
    with CaptureQueriesContext(connection) as for_one:
        make_round(timezone.now())
    for start in range(100, 800, 100):
        assign_link(waiting_meeting(lesson(start)))
    with django_assert_num_queries(len(for_one)):
        make_round(timezone.now())


def test_command_provides_and_says_what_it_did(capsys):
    make_link()
    paid_booking(), paid_booking()
    with time_machine.travel(timezone.now(), tick=False):
        call_command("provision_meetings")
    out = capsys.readouterr().out
    assert "1 of 2 waiting meetings are ready now." in out
    assert "BK-" in out
    assert "https://" not in out


def test_pool_status_counts_links_and_waiting_sessions(capsys):
    make_link(), make_link(), make_link(status="cordoned")
    paid_booking()
    waiting_meeting()
    call_command("pool_status")
    lines = dict(line.rsplit(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines == {
        "available links:": "2",
        "cordoned links:": "1",
        "retired links:": "0",
        "links in use now:": "0",
        "paid sessions without a link:": "2",
    }
