from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.range import TimestamptzRange

from bookings.models import Booking
from bookings.weeks import Week, lay_out_week, monday_of
from bookings.windows import Hours, Override

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 2)


def booked(starts: str, minutes: int = 60, *, zone: ZoneInfo = JAKARTA) -> Booking:
    start = datetime.fromisoformat(starts).replace(tzinfo=zone).astimezone(UTC)
    return Booking(during=TimestamptzRange(start, start + timedelta(minutes=minutes)))


def lay_out(*bookings: Booking, monday: date = MONDAY, zone: ZoneInfo = JAKARTA, **options: Any) -> Week:
    options = {"hours": [], "overrides": [], "today": date(2026, 3, 4), **options}
    hours, overrides = options.pop("hours"), options.pop("overrides")
    return lay_out_week(monday, bookings, hours, overrides, zone=zone, **options)


def places(week: Week) -> dict[int, list[tuple[int, int]]]:
    return {day.date.day: [(one.row, one.rows) for one in day.entries] for day in week.days if day.entries}


def test_session_stands_on_its_day_and_quarters_by_the_tutors_clock():
    assert places(lay_out(booked("2026-03-03T09:30", 45))) == {3: [(38, 3)]}
    assert places(lay_out(booked("2026-03-08T23:00", 60))) == {8: [(92, 4)]}


def test_session_over_midnight_stands_on_both_days():
    week = lay_out(booked("2026-03-03T23:30", 60))
    assert places(week) == {3: [(94, 2)], 4: [(0, 2)]}
    assert [one.is_continued for day in week.days for one in day.entries] == [False, True]
    assert places(lay_out(booked("2026-03-01T23:30", 60))) == {2: [(0, 2)]}  # it began the week before
    assert places(lay_out(booked("2026-03-08T23:30", 60))) == {8: [(94, 2)]}


def test_short_sessions_in_one_quarter_stand_below_each_other():
    week = lay_out(booked("2026-03-03T09:00", 5), booked("2026-03-03T09:05", 5), booked("2026-03-03T09:10", 20))
    assert places(week) == {3: [(36, 1), (37, 1), (38, 1)]}


@pytest.mark.parametrize(("monday", "shown"), [(date(2026, 3, 23), "02:30"), (date(2026, 10, 19), "02:30")])
def test_days_of_another_length_are_drawn_like_others(monday: date, shown: str):
    sunday = monday + timedelta(days=6)  # the clock changes on it
    early = booked(f"{sunday}T{shown}", 30, zone=BERLIN)
    late = booked(f"{sunday}T22:00", 60, zone=BERLIN)
    assert places(lay_out(early, late, monday=monday, zone=BERLIN))[sunday.day][-1] == (88, 4)


def test_session_that_ends_at_the_time_it_began_is_still_seen():
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30, and at its end the clock shows 02:30 again
    week = lay_out(
        Booking(during=TimestamptzRange(start, start + timedelta(hours=1))), monday=date(2026, 10, 19), zone=BERLIN
    )
    assert places(week) == {25: [(10, 1)]}


def test_open_hours_are_the_weeks_or_those_of_the_date():
    hours = [Hours(0, time(9), time(12)), Hours(0, time(13), time(0)), Hours(1, time(9), time(12))]
    overrides = [Override(date(2026, 3, 3)), Override(date(2026, 3, 4), time(20), time(21, 30))]
    week = lay_out(hours=hours, overrides=overrides)
    spans = {day.date.day: [(one.row, one.rows) for one in day.open_spans] for day in week.days if day.open_spans}
    assert spans == {2: [(36, 12), (52, 44)], 4: [(80, 6)]}
    assert (week.first_row, week.last_row, len(week.hours)) == (32, 96, 16)


def test_grid_shows_the_usual_hours_and_whatever_lies_outside_of_them():
    assert (lay_out().first_row, lay_out().last_row) == (32, 72)
    week = lay_out(booked("2026-03-03T05:40", 30), booked("2026-03-03T20:10", 30))
    assert (week.first_row, week.last_row, week.hours[0]) == (20, 84, time(5))


def test_weeks_follow_each_other():
    week = lay_out()
    assert (week.first, week.last, week.before, week.after) == (
        MONDAY,
        date(2026, 3, 8),
        date(2026, 2, 23),
        date(2026, 3, 9),
    )
    assert [day.is_today for day in week.days].index(True) == 2
    assert monday_of(date(2026, 3, 8)) == MONDAY
