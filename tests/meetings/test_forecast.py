"""The forecast says how many links each hour needs: as many as a search for the best would find, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.models import Booking
from bookings.times import During
from meetings.forecast import Forecast, Hour, foresee
from meetings.links import cordon_link
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link
from tests.factories import make_booking, make_link, make_meeting, make_tutor, make_user
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 3, 20, tzinfo=UTC)


def at(hour: int, minute: int = 0, minutes: int = 60) -> During:
    """Tomorrow at this time (UTC)."""
    start = datetime(2026, 11, 21, hour, minute, tzinfo=UTC)
    return During(start, start + timedelta(minutes=minutes))


def needed() -> dict[int, int]:
    """The hours (UTC) of tomorrow that need links."""
    hours = foresee(now=NOW, days=2).hours
    return {hour.starts_at.hour: hour.needed for hour in hours if hour.needed}


def test_each_hour_needs_as_many_links_as_sessions_stand_at_once():
    for during in (at(10), at(10, 30), at(12)):
        waiting_meeting(during)
    assert needed() == {10: 2, 11: 2, 12: 1, 13: 1}  # the rest of ten minutes counts


def test_session_may_begin_when_the_rest_of_the_one_before_is_over():
    waiting_meeting(at(10, minutes=50))
    waiting_meeting(at(11, minutes=50))
    assert needed() == {10: 1, 11: 1}


@pytest.mark.parametrize(
    ("status", "counts"), [("held", True), ("requested", True), ("accepted", True), ("cancelled", False)]
)
def test_times_that_may_be_paid_yet_count(status: str, counts: bool):
    held_until: dict[str, Any] = {"held_until": NOW + timedelta(minutes=5)} if status == "held" else {}
    make_booking(make_user(), make_tutor(), during=at(10, minutes=50), status=status, **held_until)
    assert needed() == ({10: 1} if counts else {})


def test_hold_that_is_over_needs_no_link():
    make_booking(make_user(), make_tutor(), during=at(10), status="held", held_until=NOW - timedelta(minutes=5))
    assert needed() == {}


def test_sessions_held_elsewhere_need_no_link():
    make_booking(make_user(), make_tutor(meeting_provider="sandbox"), during=at(10), status=Booking.Status.PAID)
    waiting_meeting(at(12), provider="sandbox")
    assert needed() == {}


def test_tutor_whose_provider_is_not_offered_needs_the_pool():
    make_booking(make_user(), make_tutor(meeting_provider="zoom"), during=at(10, minutes=50), status=Booking.Status.PAID)
    assert needed() == {10: 1}


def test_session_is_counted_once_whether_it_was_planned_or_not():
    make_meeting(paid_booking(at(10, minutes=50)))
    paid_booking(at(10, minutes=50))
    assert needed() == {10: 2}


def test_session_on_a_cordoned_link_needs_no_other():
    link = make_link()
    assign_link(waiting_meeting())
    day = lesson().start
    before = foresee(now=day - timedelta(hours=2), days=1)
    cordon_link(link)
    after = foresee(now=day - timedelta(hours=2), days=1)
    assert (before.links, before.peak is not None) == (1, True)
    assert (after.links, after.peak) == (0, None)


def test_session_that_must_leave_a_retired_link_needs_another():
    make_link()
    assign_link(waiting_meeting())
    MeetingLink.objects.update(status=MeetingLink.Status.RETIRED)  # and whoever retired it was cut off
    assert foresee(now=lesson().start - timedelta(hours=2), days=1).peak is not None


def test_session_that_runs_right_now_is_counted():
    waiting_meeting(During(NOW - timedelta(minutes=40), NOW + timedelta(minutes=5)))
    assert foresee(now=NOW, days=1).hours[0].needed == 1


def test_hours_come_without_a_gap():
    hours = foresee(now=NOW, days=60).hours
    assert len(hours) == 60 * 24
    assert all(later.starts_at - sooner.starts_at == timedelta(hours=1) for sooner, later in pairwise(hours))


@pytest.mark.parametrize("days", [0, -1, 367])
def test_forecast_of_no_length_is_refused(days: int):
    with pytest.raises(ValueError, match="days long"):
        foresee(now=NOW, days=days)


def test_forecast_takes_two_queries_however_many_sessions_there_are(django_assert_num_queries):
    for number in range(20):
        waiting_meeting(at(number))
    with django_assert_num_queries(2):
        foresee(now=NOW)


def test_what_more_or_fewer_links_would_do():
    hours = [Hour(NOW + timedelta(hours=number), need) for number, need in enumerate([0, 2, 4, 3])]
    forecast = Forecast(3, hours)
    assert forecast.peak == hours[2]
    assert forecast.full_at == hours[2].starts_at
    assert [hour.needed for hour in forecast.hours_short] == [4]
    assert (forecast.changed_by(1).hours_short, forecast.changed_by(1).full_at) == (0, hours[2].starts_at)
    assert (forecast.changed_by(-1).hours_short, forecast.changed_by(-1).missing) == (2, 2)
    assert forecast.changed_by(5).full_at is None
    assert min(change.more for change in forecast.changes()) == -3


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=5))
def test_property_need_of_an_hour_is_that_of_its_fullest_moment(pieces: list[tuple[int, int]]):
    Meeting.objects.all().delete()
    Booking.objects.all().delete()
    begins = [at(9).start + timedelta(minutes=10 * start) for start, _length in pieces]
    ends = [begin + timedelta(minutes=10 * length) for begin, (_start, length) in zip(begins, pieces, strict=True)]
    for begin, end in zip(begins, ends, strict=True):
        waiting_meeting(During(begin, end))
    rest = timedelta(minutes=10)
    found = {hour.starts_at: hour.needed for hour in foresee(now=NOW, days=3).hours}
    for hour, need in found.items():
        moments = [hour + timedelta(minutes=10 * part) for part in range(6)]
        assert need == max(
            sum(begin <= moment < end + rest for begin, end in zip(begins, ends, strict=True)) for moment in moments
        )
