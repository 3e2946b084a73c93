"""The slot rule where days are not 24 hours long: rules counted in the tutor's day. Expected instants by hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bookings.slots import Reason, Rules, Taken, why_not
from tests.bookings.slot_cases import instant, offered, on, span, weekly

BERLIN = {"zone": "Europe/Berlin", "horizon_days": 366}
APIA = {"zone": "Pacific/Apia", "days": ("2011-12-29", "2011-12-31"), "step_minutes": 60}
LORD_HOWE = {"zone": "Australia/Lord_Howe", "horizon_days": 366}


@pytest.mark.defect("IT-30")
@pytest.mark.parametrize(("day", "lessons"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_day_that_is_open_throughout_has_as_many_hours_as_the_clock_makes(day: str, lessons: int):
    override = [on(day, "00:00-00:00")]

    assert len(offered(overrides=override, days=(day, day), step_minutes=60, **BERLIN)) == lessons


def test_notice_is_time_that_passes_and_not_what_the_clock_reads():
    """From Saturday 09:30 to Sunday 10:00 are 24 and a half hours by the clock, and 23 and a half in truth."""
    starts = offered(
        "6 10:00-12:00",
        days=("2026-03-29", "2026-03-29"),
        now=instant("2026-03-28 08:30"),
        notice_minutes=24 * 60,
        **BERLIN,
    )

    assert starts == ["2026-03-29 08:30", "2026-03-29 09:00"]


@pytest.mark.parametrize(
    ("zone", "now", "last"),
    [
        # 23:30 of the 30th there: the last of one day ahead is the 31st there.
        ("Asia/Kathmandu", "2026-03-30 17:45", "2026-03-31 17:15"),
        ("Asia/Kathmandu", "2026-03-30 18:15", "2026-04-01 17:15"),
        ("Pacific/Kiritimati", "2026-03-30 10:00", "2026-04-01 09:00"),
        ("Pacific/Pago_Pago", "2026-03-30 10:59", "2026-03-31 10:00"),
    ],
)
def test_horizon_holds_the_whole_last_date_of_the_tutors(zone: str, now: str, last: str):
    starts = offered(
        "* 00:00-00:00", zone=zone, now=instant(now), days=("2026-03-29", "2026-04-05"), horizon_days=1, step_minutes=60
    )

    assert starts[-1] == last


def test_horizon_counts_a_day_that_a_zone_skipped():
    """From the 29th one day ahead is the 30th, which Samoa never had: the 31st is two days ahead."""
    now = instant("2011-12-29 12:00")

    assert offered("* 12:00-14:00", now=now, horizon_days=1, **APIA) == ["2011-12-29 22:00", "2011-12-29 23:00"]
    assert len(offered("* 12:00-14:00", now=now, horizon_days=2, **APIA)) == 4


def test_override_of_a_day_that_a_zone_skipped_changes_nothing():
    now = instant("2011-12-20 00:00")
    plain = offered("* 12:00-14:00", now=now, **APIA)

    assert offered("* 12:00-14:00", overrides=[on("2011-12-30", "08:00-20:00")], now=now, **APIA) == plain


def test_daily_limit_counts_both_passes_of_a_repeated_hour_as_one_day():
    """In St. John's the last hour of 6 November 2010 came twice: four starts of one date."""
    case = {
        "zone": "America/St_Johns",
        "days": ("2010-11-06", "2010-11-07"),
        "now": instant("2010-11-01 00:00"),
        "minutes": 20,
        "step_minutes": 20,
    }
    hours = ["5 23:20-00:00", "6 09:00-09:20"]
    assert len(offered(*hours, **case)) == 5
    booked = Taken(starts=[instant("2010-11-07 01:50"), instant("2010-11-07 02:50")])  # 23:20 and 23:20 again

    assert offered(*hours, taken=booked, daily_limit=2, **case) == ["2010-11-07 12:30"]
    assert len(offered(*hours, taken=booked, daily_limit=3, **case)) == 5


@pytest.mark.parametrize(
    ("day", "hours", "starts"),
    [
        # 02:00 → 01:30: from 01:30 to 02:30 an hour and a half passes.
        pytest.param("2026-04-05", "01:30-02:30", ["2026-04-04 14:30", "2026-04-04 15:00"], id="half an hour twice"),
        pytest.param("2026-04-05", "01:00-01:30", ["2026-04-04 14:00"], id="before it"),
        # 02:00 → 02:30: 02:15 is moved to 02:30.
        pytest.param("2026-10-04", "02:15-04:00", ["2026-10-03 15:30", "2026-10-03 16:00"], id="a start that is not there"),
        pytest.param("2026-10-04", "01:00-02:15", ["2026-10-03 14:30"], id="an end that is not there"),
    ],
)
def test_half_hours_of_lord_howe(day: str, hours: str, starts: list[str]):
    minutes = 30 if hours == "01:00-01:30" else 60

    assert offered(overrides=[on(day, hours)], days=(day, day), minutes=minutes, **LORD_HOWE)[: len(starts)] == starts


@pytest.mark.parametrize(
    ("overrides", "starts"),
    [
        pytest.param([on("2026-03-03", "00:00-01:00")], ["2026-03-02 17:15", "2026-03-02 17:45"], id="hours that touch"),
        pytest.param([on("2026-03-03", "00:01-01:00")], [], id="a minute apart"),
        pytest.param([on("2026-03-03")], [], id="closed"),
        pytest.param([on("2026-03-02", "22:00-23:00"), on("2026-03-03", "00:00-01:00")], [], id="the evening taken away"),
    ],
)
def test_evening_and_morning_merge_over_midnight_by_the_tutors_dates(overrides, starts):
    """In Kathmandu midnight is 18:15 in UTC; 90 minutes do not fit into the evening's hour alone."""
    case = {"zone": "Asia/Kathmandu", "days": ("2026-03-02", "2026-03-03"), "minutes": 90}

    assert offered("0 23:00-00:00", overrides=overrides, **case) == starts


def test_reason_for_a_start_in_the_second_pass_is_its_own():
    """02:30 comes twice; the first is booked, the second is free."""
    rules = Rules(ZoneInfo("Europe/Berlin"), 30, horizon_days=366)
    taken = Taken(blocks=[span("2026-10-25 00:30/01:00")], starts=[instant("2026-10-25 00:30")])
    case = {"now": instant("2026-10-20 00:00")}

    assert why_not(rules, weekly("6 02:00-03:00"), [], taken, starts_at=instant("2026-10-25 00:30"), **case) is Reason.BOOKED
    assert why_not(rules, weekly("6 02:00-03:00"), [], taken, starts_at=instant("2026-10-25 01:30"), **case) is None
