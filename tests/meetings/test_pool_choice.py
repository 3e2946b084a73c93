"""Which of the free links a session gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings.models import User
from meetings.models import Attendance, Meeting, MeetingLink
from meetings.pool import assign_link, choose_link
from tests.factories import make_booking, make_link, make_meeting, make_tutor
from tests.meetings.making import lesson, waiting_meeting

pytestmark = pytest.mark.django_db
DAY = 24 * 60


def used(link: MeetingLink, start_minute: int, minutes: int = 60) -> None:
    choose_link(waiting_meeting(lesson(start_minute, minutes)), link)


def test_session_gets_the_link_in_whose_gap_it_fits_best():
    roomy, snug, far = make_link(), make_link(), make_link()
    used(roomy, -120)
    used(roomy, 120)
    used(snug, -75)
    used(snug, 75)
    used(far, -300)
    assert assign_link(waiting_meeting(lesson(0, 60))) == snug


def test_link_whose_gap_has_one_open_end_is_kept_for_later():
    open_end, closed = make_link(), make_link()
    used(open_end, -70)
    used(closed, -90)
    used(closed, 90)
    assert assign_link(waiting_meeting(lesson(0, 60))) == closed


def test_of_links_that_fit_alike_the_one_that_rested_longest_is_taken():
    lately, long_ago = make_link(), make_link()
    used(lately, -2 * DAY)
    used(long_ago, -4 * DAY)
    assert assign_link(waiting_meeting(lesson(0, 60))) == long_ago
    never = make_link()
    assert assign_link(waiting_meeting(lesson(0, 60))) == never
    assert assign_link(waiting_meeting(lesson(0, 60))) == lately


@pytest.mark.parametrize("how", ["the door", "a program"])
def test_link_that_the_student_has_seen_with_another_tutor_is_taken_last(sam: User, how: str):
    seen, other = make_link(), make_link()
    _has_seen(sam, seen, how)
    wishes = [make_meeting(make_booking(sam, make_tutor(), during=lesson(start), status="paid")) for start in (0, DAY)]
    assert assign_link(wishes[0]) == other
    used(other, DAY)
    assert assign_link(wishes[1]) == seen


def test_link_that_the_student_has_seen_with_the_same_tutor_is_as_good_as_any(sam: User):
    seen, _other = make_link(), make_link()
    tutor = _has_seen(sam, seen, "the door").booking.tutor
    used(_other, -60 * DAY)
    used(seen, -50 * DAY)
    wish = make_meeting(make_booking(sam, tutor, during=lesson(), status="paid"))
    used(seen, -70)
    assert assign_link(wish) == seen


def test_link_that_another_student_has_seen_is_as_good_as_any(sam: User, kim: User):
    seen, _other = make_link(), make_link()
    _has_seen(sam, seen, "the door")
    used(seen, -70)
    assert assign_link(make_meeting(make_booking(kim, make_tutor(), during=lesson(), status="paid"))) == seen


def _has_seen(student: User, link: MeetingLink, how: str) -> Meeting:
    meeting = make_meeting(make_booking(student, make_tutor(), during=lesson(-80 * DAY), status="paid"))
    choose_link(meeting, link)
    then = lesson(-80 * DAY).start - timedelta(minutes=5)
    if how == "the door":
        Attendance.objects.create(meeting=meeting, user=student, opened_at=then, last_opened_at=then)
    else:
        Meeting.objects.filter(pk=meeting.pk).update(seen_at=then)
    return meeting
