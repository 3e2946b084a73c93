"""Figures of how the meetings go, against rows counted by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.models import Booking, Order
from bookings.times import During
from meetings import watching
from meetings.models import Meeting, MeetingLink, ProviderCall, VideoConnection
from meetings.pool import assign_link
from meetings.pool_use import peak_during, pool_use
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user
from tests.meetings.making import lesson, make_call, make_connection, paid_booking, ready_meeting, waiting_meeting

pytestmark = pytest.mark.django_db
JAKARTA = ZoneInfo("Asia/Jakarta")
Outcome = ProviderCall.Outcome
Trouble = Meeting.Trouble


def test_missing_sessions_are_counted_by_reason_the_earliest_first():
    now = timezone.now()
    waiting_meeting(lesson(60), trouble=Trouble.POOL_FULL)
    first = waiting_meeting(lesson(30), trouble=Trouble.POOL_FULL, requested_at=now - timedelta(hours=1))
    waiting_meeting(lesson(0), trouble=Trouble.RECONNECT)
    waiting_meeting(lesson(90))
    paid_booking(lesson(120))
    waiting_meeting(lesson(-3 * 24 * 60), trouble=Trouble.CANNOT)  # over
    make_link()
    assign_link(waiting_meeting(lesson(10)))

    found = {one.reason: one for one in watching.missing_by_reason(now)}

    assert {reason: one.number for reason, one in found.items()} == {
        "reconnect": 1,
        "pool_full": 2,
        "preparing": 1,
        "unplanned": 1,
    }
    assert list(found) == ["reconnect", "pool_full", "preparing", "unplanned"]
    assert (found["pool_full"].first_at, found["pool_full"].asked_at) == (first.booking.starts_at, now - timedelta(hours=1))
    assert found["unplanned"].asked_at is None


def test_session_is_overdue_when_it_starts_soon_and_has_waited(settings):
    settings.ALERT_HOURS_AHEAD = 3
    now = timezone.now()
    long_ago = now - timedelta(minutes=6)
    in_two_hours, in_four = an_hour(now + timedelta(hours=2)), an_hour(now + timedelta(hours=4))
    overdue = waiting_meeting(in_two_hours, requested_at=long_ago).booking
    unplanned = paid_booking(in_two_hours)
    Order.objects.filter(pk=unplanned.order_id).update(paid_at=long_ago)
    waiting_meeting(in_two_hours, requested_at=now - timedelta(minutes=4))  # just paid for
    waiting_meeting(in_four, requested_at=long_ago)

    assert set(watching.overdue_sessions(now)) == {overdue, unplanned}


def test_days_count_what_was_asked_for_and_the_median_from_wish_to_address():
    now = datetime(2027, 3, 10, 12, tzinfo=UTC)
    for seconds in (2, 10, 60):
        ready_meeting(provider="zoom", requested_at=now, ready_at=now + timedelta(seconds=seconds))
    waiting_meeting(provider="zoom", requested_at=now, trouble=Trouble.UNREACHABLE)
    waiting_meeting(provider="zoom", requested_at=now)  # is being made for the first time
    waiting_meeting(provider="zoom", requested_at=now, status=Meeting.Status.CANCELLED)
    ready_meeting(provider="zoom", requested_at=now - timedelta(days=40), ready_at=now)  # too long ago

    assert watching.meetings_by_day(now, zone=JAKARTA) == [watching.Day(date(2027, 3, 10), "zoom", 4, 3, 10.0)]
    assert watching.meetings_by_day(now, zone=JAKARTA)[0].percent == 75


def test_meeting_that_went_elsewhere_counts_as_not_made_where_it_was_given_up():
    now = datetime(2027, 3, 10, 12, tzinfo=UTC)
    ready_meeting(provider="zoom", requested_at=now, ready_at=now, passed_over=["google"])
    ready_meeting(provider="google", requested_at=now, ready_at=now)
    ready_meeting(provider="pool", requested_at=now, ready_at=now, passed_over=["google", "zoom"])

    found = {day.provider: (day.ready, day.asked) for day in watching.meetings_by_day(now, zone=JAKARTA)}

    assert found == {"google": (1, 3), "zoom": (1, 2), "pool": (1, 1)}


def test_days_are_those_of_the_reader():
    late = datetime(2027, 3, 10, 18, tzinfo=UTC)  # 01:00 of the 11th in Jakarta
    ready_meeting(provider="zoom", requested_at=late, ready_at=late)

    assert [day.day for day in watching.meetings_by_day(late, zone=JAKARTA)] == [date(2027, 3, 11)]
    assert [day.day for day in watching.meetings_by_day(late, zone=ZoneInfo("UTC"))] == [date(2027, 3, 10)]


def test_calls_are_counted_by_provider_and_outcome():
    now = timezone.now()
    for seconds in (0.1, 0.2, 0.9):
        make_call("zoom", Outcome.DONE, seconds=seconds)
    make_call("zoom", Outcome.UNAVAILABLE, seconds=20)
    make_call("google", Outcome.GONE, seconds=1)
    make_call("zoom", began_at=now - timedelta(days=8))

    google, zoom = watching.calls_since(now - timedelta(days=7))

    assert (google.provider, google.number, google.percent) == ("google", 1, 100)
    assert (zoom.outcomes, zoom.percent, zoom.trouble) == (Counter(done=3, unavailable=1), 75, 1)
    assert (round(zoom.median, 2), zoom.slowest) == (0.55, 20.0)


def test_slowest_and_newest_troubles_come_with_their_bookings(django_assert_num_queries):
    since = timezone.now() - timedelta(days=1)
    meeting = waiting_meeting()
    reference = meeting.booking.reference
    slow = make_call("zoom", Outcome.UNAVAILABLE, seconds=20, meeting=meeting)
    quick = make_call("zoom", Outcome.DONE, seconds=0.1)
    newest = make_call("zoom", Outcome.MISCONFIGURED, seconds=0.2, meeting=meeting)

    with django_assert_num_queries(2):
        assert list(watching.slowest_calls(since, most=2)) == [slow, newest]
        troubles = watching.newest_troubles(since, most=2)
        assert [(call, call.meeting and call.meeting.booking.reference) for call in troubles] == [
            (newest, reference),
            (slow, reference),
        ]
    assert quick not in troubles


@pytest.mark.parametrize(
    ("done", "unavailable", "broken", "older_done", "failing"),
    [
        (9, 11, 0, 50, {"zoom": 45}),
        (10, 10, 0, 0, {}),
        (0, 4, 0, 0, {}),  # too few to tell
        (0, 5, 0, 0, {"zoom": 0}),
        (0, 0, 20, 0, {}),  # a consent that is gone is not the provider's fault
        (1, 19, 0, 0, {"zoom": 5}),
    ],
)
def test_provider_fails_when_less_than_half_of_its_last_twenty_calls_went_well(
    done, unavailable, broken, older_done, failing
):
    now = timezone.now()
    numbers = {Outcome.DONE: done, Outcome.UNAVAILABLE: unavailable, Outcome.BROKEN: broken}
    for outcome, number in numbers.items():
        for _ in range(number):
            make_call("zoom", outcome, began_at=now - timedelta(minutes=1))
    for _ in range(older_done):
        make_call("zoom", Outcome.DONE, began_at=now - timedelta(hours=1))

    assert watching.failing_providers(now) == failing


def test_broken_connections_are_those_that_wait_for_their_owner():
    now = timezone.now()
    broken = make_connection(status="broken", broken_at=now)
    make_connection()
    make_connection(status="broken", broken_at=now, disconnected_at=now)

    assert list(watching.broken_connections()) == [broken]


def test_peak_counts_links_in_use_at_one_moment_rest_included(settings):
    settings.LINK_BUFFER_MINUTES = 10
    for _ in range(3):
        make_link()
    for start in (0, 0, 30, 70, 140):  # until 70, 70, 100, 140, 210 with the rest
        assign_link(waiting_meeting(lesson(start)))

    assert peak_during(lesson(0, 300)) == 3
    assert peak_during(lesson(70, 30)) == 2
    assert peak_during(lesson(100, 40)) == 1
    assert peak_during(lesson(210, 60)) == 0


def test_pool_is_nearly_full_by_its_available_links_alone(settings):
    settings.ALERT_POOL_PERCENT = 50
    now = timezone.now()
    make_link(status=MeetingLink.Status.RETIRED)
    for _ in range(3):
        make_link()
    soon = an_hour(now + timedelta(hours=2))
    assign_link(waiting_meeting(soon))
    today = During(now, now + timedelta(hours=1))
    assert not pool_use(now, today=today).is_nearly_full

    assign_link(waiting_meeting(soon))

    use = pool_use(now, today=today)
    assert (use.is_nearly_full, use.peak_ahead, use.peak_today, use.now.available) == (True, 2, 0, 3)


def test_pool_without_links_is_not_nearly_full():
    now = timezone.now()

    assert not pool_use(now, today=During(now, now + timedelta(hours=1))).is_nearly_full


def _ask_everything() -> list[Any]:
    now = timezone.now()
    since = now - timedelta(days=7)
    return [
        watching.missing_by_reason(now),
        [(booking.meeting.trouble, booking.tutor.user.email) for booking in watching.overdue_sessions(now)],
        watching.meetings_by_day(now, zone=JAKARTA),
        watching.calls_since(since),
        [call.meeting and call.meeting.booking.reference for call in watching.slowest_calls(since, most=50)],
        [call.meeting and call.meeting.booking.reference for call in watching.newest_troubles(since, most=50)],
        watching.failing_providers(now),
        [str(connection.tutor) for connection in watching.broken_connections()],
        pool_use(now, today=During(now, now + timedelta(hours=1))),
    ]


@pytest.mark.parametrize("rows", [1, 50])
def test_everything_takes_as_many_statements_for_fifty_rows_as_for_one(rows: int, django_assert_num_queries):
    student, tutor = make_user(), make_tutor()
    for number in range(rows):
        during = an_hour(timezone.now() + timedelta(hours=number, minutes=5))
        booking = make_booking(student, tutor, during=during, status=Booking.Status.PAID)
        meeting = Meeting.objects.create(
            booking=booking,
            provider=f"vendor{number % 3}",
            during=booking.during,
            requested_at=timezone.now() - timedelta(hours=number),
            trouble=Trouble.OTHER,
        )
        make_call(f"vendor{number % 3}", Outcome.UNAVAILABLE, meeting=meeting)
        make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())

    with django_assert_num_queries(13):
        assert len(_ask_everything()) == 9
