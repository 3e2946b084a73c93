from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.models import Booking
from bookings.times import During
from meetings.errors import LinkNotFree, LinkSearchFailed, MeetingNotWaiting, NoLinkLeft
from meetings.models import Meeting, MeetingLink
from meetings.pool import Capacity, ask_for_link, assign_link, capacity, choose_link, links_free_at
from tests.factories import make_link
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
Status = Meeting.Status


def test_meeting_gets_the_first_free_link_and_is_ready():
    first, _second = make_link(), make_link()
    meeting = waiting_meeting(lesson(minutes=60), last_error="before", attempts=2)
    with time_machine.travel(timezone.now(), tick=False):
        assert assign_link(meeting) == first
        now = timezone.now()
    meeting.refresh_from_db()
    assert (meeting.status, meeting.link, meeting.ready_at) == (Status.READY, first, now)
    assert (meeting.attempts, meeting.last_error, meeting.next_attempt_at) == (3, "", None)
    assert (meeting.reserved.lower, meeting.reserved.upper) == (lesson().start, lesson().end + timedelta(minutes=10))


def test_meeting_asked_for_again_keeps_its_link():
    make_link(), make_link()
    meeting = waiting_meeting()
    first, again = ask_for_link(meeting), ask_for_link(meeting)
    assert (first.link, first.was_there) == (again.link, False)
    assert again.was_there


def test_assigning_takes_one_round_trip(django_assert_num_queries):
    make_link()
    meeting = waiting_meeting()
    with django_assert_num_queries(1):
        assign_link(meeting)


@pytest.mark.parametrize(
    ("start", "fits"), [(-70, True), (-69, False), (0, False), (69, False), (70, True)], ids=lambda value: str(value)
)
def test_link_rests_ten_minutes_between_two_meetings(start: int, fits: bool):
    make_link()
    assign_link(waiting_meeting(lesson(0)))
    other = waiting_meeting(lesson(start))
    if fits:
        assign_link(other)
    else:
        with pytest.raises(NoLinkLeft):
            assign_link(other)


@pytest.mark.defect("CE-09")
def test_lesson_over_midnight_and_one_after_it_do_not_share_a_link():
    make_link()
    late = datetime(2027, 3, 1, 23, 30, tzinfo=UTC)
    assign_link(waiting_meeting(During(late, late + timedelta(minutes=60))))
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(During(late + timedelta(minutes=30), late + timedelta(minutes=60))))


@pytest.mark.defect("CE-10")
def test_session_type_of_a_booking_is_never_deleted_and_so_hides_no_session():
    make_link()
    taken = waiting_meeting()
    assign_link(taken)
    sold = taken.booking.session_type
    with pytest.raises(ProtectedError):
        sold.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute("DELETE FROM bookings_sessiontype WHERE id = %s", [sold.pk])
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting())


def test_link_stays_taken_when_the_session_type_is_no_longer_sold():
    make_link()
    taken = waiting_meeting()
    assign_link(taken)
    taken.booking.tutor.session_types.update(is_active=False, minutes=5)
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting())


@pytest.mark.defect("CE-11")
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/New_York", "UTC"])
def test_zone_of_the_database_connection_changes_nothing(zone: str):
    make_link()
    late = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = %s", [zone])
    assign_link(waiting_meeting(During(late, late + timedelta(hours=3))))  # clocks change in Europe that night
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(During(late + timedelta(hours=2), late + timedelta(hours=4))))
    assign_link(waiting_meeting(During(late + timedelta(hours=3, minutes=10), late + timedelta(hours=4))))


@pytest.mark.defect("CE-12")
def test_cancelled_meeting_blocks_no_link():
    link = make_link()
    cancelled = waiting_meeting()
    assign_link(cancelled)
    Meeting.objects.filter(pk=cancelled.pk).update(status=Status.CANCELLED)
    assert assign_link(waiting_meeting()) == link


@pytest.mark.parametrize("status", [MeetingLink.Status.CORDONED, MeetingLink.Status.RETIRED])
def test_link_out_of_use_is_given_to_nobody(status: str):
    make_link(status=status)
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting())


@pytest.mark.defect("CE-14")
@pytest.mark.parametrize("status", [one for one in Booking.Status if one != Booking.Status.PAID])
def test_booking_that_is_not_paid_gets_no_link(status: str):
    make_link()
    meeting = waiting_meeting()
    Booking.objects.filter(pk=meeting.booking_id).update(status=status)
    with pytest.raises(BookingNotPaid):
        assign_link(meeting)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.link) == (Status.WAITING, None)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED, Status.ENDED])
def test_meeting_that_does_not_wait_gets_no_link(status: str):
    make_link()
    with pytest.raises(MeetingNotWaiting):
        assign_link(waiting_meeting(status=status))


def test_meeting_that_is_not_there_gets_no_link():
    make_link()
    with pytest.raises(MeetingNotWaiting):
        assign_link(Meeting(pk=0, booking=paid_booking()))


def test_empty_pool_says_so_in_the_words_programs_know():
    with pytest.raises(NoLinkLeft, match=r"^No available meeting links at this time. Please contact support.$"):
        assign_link(waiting_meeting())


def test_large_pool_is_used_from_scattered_places_and_to_the_last_link():
    MeetingLink.objects.bulk_create(MeetingLink(url=f"https://meet.example/{number}") for number in range(300))
    MeetingLink.objects.exclude(pk__in=MeetingLink.objects.order_by("-pk")[:270]).update(status="retired")
    given = [assign_link(meeting).pk for meeting in _meetings_at_once(270)]
    assert len(set(given)) == 270
    assert given[:20] != sorted(given[:20])
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting())


def test_pool_of_256_is_used_from_the_front():
    MeetingLink.objects.bulk_create(MeetingLink(url=f"https://meet.example/{number}") for number in range(256))
    given = [assign_link(meeting).pk for meeting in _meetings_at_once(5)]
    assert given == list(MeetingLink.objects.values_list("pk", flat=True)[:5])


def test_admin_chooses_among_the_free_links():
    taken, free = make_link(), make_link()
    assign_link(waiting_meeting())
    meeting = waiting_meeting()
    with pytest.raises(LinkNotFree):
        choose_link(meeting, taken)
    assert choose_link(meeting, free) == free
    with pytest.raises(LinkNotFree):
        choose_link(meeting, taken)  # it has another one by now


def test_links_free_at_are_those_that_could_be_given():
    one, two, three = make_link(), make_link(), make_link()
    make_link(status="cordoned")
    choose_link(waiting_meeting(lesson(0)), one)
    choose_link(waiting_meeting(lesson(70)), two)
    assert list(links_free_at(lesson(0))) == [two, three]
    assert list(links_free_at(lesson(60))) == [three]
    assert list(links_free_at(lesson(70))) == [one, three]


def test_capacity_counts_states_and_links_in_use_or_resting(django_assert_num_queries):
    make_link(), make_link(), make_link(status="cordoned"), make_link(status="retired")
    assign_link(waiting_meeting(lesson(0)))
    with django_assert_num_queries(1):
        assert capacity(lesson().start) == Capacity(available=2, cordoned=1, retired=1, in_use=0, available_in_use=0)
    assert capacity(lesson().end + timedelta(minutes=9)).in_use == 1
    assert capacity(lesson().end + timedelta(minutes=10)).in_use == 0


def test_constraint_stands_behind_the_search():
    link = make_link()
    times: dict[str, Any] = {"link": link, "status": Status.READY, "reserved": (lesson().start, lesson().end)}
    waiting_meeting(**times)
    with pytest.raises(IntegrityError, match="meeting_link_used_once_at_a_time"):
        waiting_meeting(**times)


def test_search_that_fails_is_trouble_of_ours():
    meeting = waiting_meeting()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION meetings_assign_link(bigint, interval, timestamptz, bigint)")
    with pytest.raises(LinkSearchFailed):
        assign_link(meeting)


def _meetings_at_once(number: int) -> list[Meeting]:
    return [waiting_meeting() for _ in range(number)]
