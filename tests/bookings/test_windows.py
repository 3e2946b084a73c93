"""Hours, overrides, the grid and the clock, case by case. Expected instants are worked out by hand."""

from datetime import UTC, date, time, timedelta

import pytest

from bookings.windows import Hours, Override
from tests.bookings.slot_cases import MONDAY, instant, offered, on, times

# Weekly hours and the grid


@pytest.mark.parametrize(
    ("hours", "rules", "starts"),
    [
        pytest.param(["0 09:00-11:00"], {}, "09:00 09:30 10:00", id="whole lessons, half-hour steps"),
        pytest.param(["0 09:00-10:45"], {}, "09:00 09:30", id="fits wholly"),
        pytest.param(["0 09:00-09:59"], {}, "", id="too short by a minute"),
        pytest.param(["1 09:00-11:00"], {}, "", id="another weekday"),
        pytest.param(["0 09:00-10:00"], {"minutes": 20}, "09:00 09:20 09:40", id="step of a short lesson"),
        pytest.param(["0 09:00-10:30"], {"minutes": 45}, "09:00 09:30", id="step at most 30"),
        pytest.param(["0 09:00-11:00"], {"step_minutes": 60}, "09:00 10:00", id="step of one's own"),
        pytest.param(["0 09:00-11:00"], {"step_minutes": 50}, "09:00 09:50", id="step that leaves a rest"),
        pytest.param(["0 09:07-10:40"], {}, "09:07 09:37", id="grid from the window's start"),
        pytest.param(["0 22:30-00:00"], {}, "22:30 23:00", id="00:00 ends the day"),
        pytest.param(["0 00:00-00:00"], {"step_minutes": 480}, "00:00 08:00 16:00", id="the whole day"),
        pytest.param(["0 14:00-15:00", "0 09:00-10:00"], {}, "09:00 14:00", id="two windows, sorted"),
        pytest.param(["0 10:10-11:00", "0 09:10-10:10"], {}, "09:10 09:40", id="touching windows merge"),
        pytest.param(["0 10:11-11:11", "0 09:10-10:10"], {}, "09:10 10:11", id="a minute apart"),
        pytest.param(["0 09:10-10:40", "0 10:00-11:10"], {}, "09:10 09:40 10:10", id="overlapping merge"),
        pytest.param(["0 09:00-10:00"] * 2, {}, "09:00", id="given twice"),
    ],
)
def test_slots_stand_on_the_grid_of_their_window(hours, rules, starts):
    assert times(*hours, **rules) == starts


def test_windows_that_touch_over_midnight_are_one():
    hours = ["0 22:45-00:00", "1 00:00-01:00"]

    assert times(*hours) == "22:45 23:15 23:45"
    assert times(*hours, days=("2026-03-03", "2026-03-03")) == ""
    assert times(*hours, minutes=30, days=("2026-03-03", "2026-03-03")) == "00:15"


def test_windows_a_minute_short_of_midnight_stay_two():
    assert times("0 22:45-23:59", "1 00:00-01:00", days=(MONDAY, "2026-03-03")) == "22:45 00:00"


# Overrides


@pytest.mark.parametrize(
    ("overrides", "starts"),
    [
        pytest.param([on(MONDAY)], "", id="closed"),
        pytest.param([on(MONDAY, "14:00-15:00")], "14:00", id="in place of the weekly hours"),
        pytest.param([on(MONDAY, "14:00-15:00"), on(MONDAY, "17:00-18:00")], "14:00 17:00", id="several"),
        pytest.param([on(MONDAY, "14:00-15:00"), on(MONDAY)], "", id="closed counts above hours"),
        pytest.param([on("2026-03-03", "14:00-15:00")], "09:00", id="of the day after"),
        pytest.param([on("2026-03-09")], "09:00", id="of a week later"),
        pytest.param([on(MONDAY, "23:00-00:00")], "23:00", id="to the end of the day"),
    ],
)
def test_overrides_stand_in_the_place_of_that_dates_hours(overrides, starts):
    assert times("0 09:00-10:00", overrides=overrides) == starts


def test_override_merges_with_the_weekly_hours_beside_it():
    starts = times("1 00:00-01:00", overrides=[on(MONDAY, "23:15-00:00")], days=(MONDAY, "2026-03-03"))

    assert starts == "23:15 23:45"


def test_closed_day_starts_the_grid_of_the_next_anew():
    around = {"step_minutes": 50, "days": ("2026-03-04", "2026-03-04")}

    assert times("* 00:00-00:00", overrides=[on("2026-03-03")], **around).startswith("00:00 00:50")


# The clocks change. Berlin: 29 March 02:00 → 03:00, 25 October 03:00 → 02:00.

BERLIN_SPRING = {"zone": "Europe/Berlin", "days": ("2026-03-29", "2026-03-29"), "horizon_days": 365}
BERLIN_AUTUMN = {"zone": "Europe/Berlin", "days": ("2026-10-25", "2026-10-25"), "horizon_days": 365}


@pytest.mark.parametrize(
    ("case", "hours", "starts"),
    [
        pytest.param(BERLIN_SPRING, "6 09:00-10:00", "07:00", id="an ordinary hour of the short day"),
        pytest.param(BERLIN_SPRING, "6 02:00-03:00", "", id="a window that does not exist"),
        pytest.param(BERLIN_SPRING, "6 02:30-04:00", "01:00", id="a start moved forward to 03:00"),
        pytest.param(BERLIN_SPRING, "6 01:30-03:30", "00:30", id="a window over the gap: one hour is left"),
        pytest.param(BERLIN_SPRING, "6 00:00-02:30", "23:00 23:30 00:00", id="an end moved to 03:00"),
        pytest.param(BERLIN_AUTUMN, "6 09:00-10:00", "08:00", id="an ordinary hour of the long day"),
        pytest.param(BERLIN_AUTUMN, "6 02:00-03:00", "00:00 00:30 01:00", id="a repeated hour counts twice"),
        pytest.param(BERLIN_AUTUMN, "6 01:30-02:30", "23:30", id="ends inside it: twice half an hour"),
        pytest.param(BERLIN_AUTUMN, "6 02:30-03:30", "01:30", id="starts inside it"),
        pytest.param(BERLIN_AUTUMN, "6 01:00-04:00", "23:00 23:30 00:00 00:30 01:00 01:30 02:00", id="over it"),
    ],
)
def test_windows_follow_the_clock_when_it_changes(case, hours, starts):
    assert times(hours, **case) == starts


def test_windows_of_a_year_follow_both_changes_of_the_clock():
    year = {"zone": "Europe/Berlin", "days": ("2026-03-01", "2027-02-28"), "horizon_days": 400}

    starts = offered("* 09:00-10:00", **year)

    summer = [start for start in starts if start.endswith("07:00")]
    assert (len(starts), summer[0], summer[-1]) == (365, "2026-03-29 07:00", "2026-10-24 07:00")
    assert len([start for start in starts if start.endswith("08:00")]) == 365 - len(summer)


def test_window_that_ends_in_a_repeated_hour_opens_again_for_its_second_pass():
    starts = offered("6 01:30-02:30", **BERLIN_AUTUMN, minutes=30)

    assert starts == ["2026-10-24 23:30", "2026-10-25 00:00", "2026-10-25 01:00"]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "starts"),
    [
        pytest.param("Asia/Kathmandu", "2026-03-02", "0 09:00-10:30", ["2026-03-02 03:15", "2026-03-02 03:45"]),
        # 02:00 → 01:30 on 5 April: the half hour from 01:30 comes twice.
        pytest.param("Australia/Lord_Howe", "2026-04-05", "6 01:30-02:00", ["2026-04-04 14:30"]),
        pytest.param("Australia/Lord_Howe", "2026-04-05", "6 03:00-04:00", ["2026-04-04 16:30"]),
        # 02:00 → 02:30 on 4 October.
        pytest.param("Australia/Lord_Howe", "2026-10-04", "6 02:00-03:30", ["2026-10-03 15:30"]),
        pytest.param("Australia/Lord_Howe", "2026-10-04", "6 01:30-03:00", ["2026-10-03 15:00"]),
        # 00:00 → 01:00 on 24 April: the day begins at 01:00, the evening before still touches it.
        pytest.param("Africa/Cairo", "2026-04-24", "4 00:00-02:00", ["2026-04-23 22:00"]),
        # 00:01 → 23:01: the last hour of the 6th comes twice, the first minute of the 7th too.
        pytest.param("America/St_Johns", "2010-11-06", "5 23:01-00:00", ["2010-11-07 01:31", "2010-11-07 02:31"]),
        pytest.param("America/St_Johns", "2010-11-07", "6 00:00-01:00", ["2010-11-07 03:30"]),
        # Samoa had no 30 December, a Friday, in 2011.
        pytest.param("Pacific/Apia", "2011-12-29", "3 23:00-00:00", ["2011-12-30 09:00"]),
        pytest.param("Pacific/Apia", "2011-12-31", "5 00:00-01:00", ["2011-12-30 10:00"]),
    ],
)
def test_windows_are_right_in_zones_with_odd_offsets(zone, day, hours, starts):
    now = instant(day) - timedelta(days=10)
    minutes = 59 if zone == "America/St_Johns" and "23:01" in hours else 60

    found = offered(hours, zone=zone, days=(day, day), now=now, minutes=minutes)

    assert found == starts


def test_windows_on_both_sides_of_a_skipped_day_touch():
    case = {"zone": "Pacific/Apia", "now": instant("2011-12-20 00:00"), "days": ("2011-12-29", "2011-12-31")}

    starts = offered("3 23:00-00:00", "4 00:00-00:00", "5 00:00-01:00", **case)

    assert starts == ["2011-12-30 09:00", "2011-12-30 09:30", "2011-12-30 10:00"]


# Open around the clock


def test_grid_of_the_endless_run_counts_from_the_monday_of_the_week_before():
    # 23 February + k × 50 minutes reaches 2 March after 201.6 steps.
    monday = offered("* 00:00-00:00", step_minutes=50)[:2]

    assert monday == ["2026-03-02 00:20", "2026-03-02 01:10"]


def test_grid_of_a_run_of_a_week_is_that_of_its_start():
    # Open from Tuesday 00:10 to the next Tuesday 00:00, closed for ten minutes.
    hours = [*(f"{day} 00:00-00:00" for day in (0, 2, 3, 4, 5, 6)), "1 00:10-00:00"]
    starts = offered(*hours, step_minutes=60, days=(MONDAY, "2026-03-03"))

    assert starts[:2] == ["2026-03-02 00:10", "2026-03-02 01:10"]
    assert starts[22:24] == ["2026-03-02 22:10", "2026-03-03 00:10"]


@pytest.mark.parametrize("day", ["2026-03-03", "2026-03-08", "2026-03-09", "2026-03-16"])
@pytest.mark.parametrize("now", ["2026-02-20 00:00", "2026-03-01 13:37"])
def test_grid_of_the_endless_run_does_not_depend_on_what_is_asked_or_when(day, now):
    case = {"step_minutes": 50, "now": instant(now)}
    everything = offered("* 00:00-00:00", days=("2026-02-20", "2026-03-20"), **case)

    assert offered("* 00:00-00:00", days=(day, day), **case) == [s for s in everything if s.startswith(day)]


# What is no window


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Hours(7, time(9), time(10)), id="eighth weekday"),
        pytest.param(lambda: Hours(-1, time(9), time(10)), id="weekday before Monday"),
        pytest.param(lambda: Hours(0, time(10), time(10)), id="empty"),
        pytest.param(lambda: Hours(0, time(10), time(9)), id="reversed"),
        pytest.param(lambda: Hours(0, time(9, tzinfo=UTC), time(0)), id="start with a zone"),
        pytest.param(lambda: Hours(0, time(9), time(0, tzinfo=UTC)), id="end with a zone"),
        pytest.param(lambda: Override(date(2026, 1, 1), time(10), time(9)), id="override reversed"),
        pytest.param(lambda: Override(date(2026, 1, 1), time(10)), id="override without end"),
        pytest.param(lambda: Override(date(2026, 1, 1), None, time(10)), id="override without start"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_a_sentence(make):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        make()
