"""Ranges, days and zones. Expected instants are worked out by hand from the published rules of each zone."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bookings.times import During, WallClock, as_utc, day_bounds, local, merge, midnight, parse_zone, zone_choices

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def hours(start: float, end: float) -> During:
    return During(NOON + start * HOUR, NOON + end * HOUR)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bounds(start: str, end: str) -> During:
    return During(instant(start), instant(end))


# Ranges


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(NOON.replace(tzinfo=None), NOON + HOUR, id="naive start"),
        pytest.param(NOON, (NOON + HOUR).replace(tzinfo=None), id="naive end"),
        pytest.param(NOON, NOON, id="empty"),
        pytest.param(NOON, NOON - HOUR, id="reversed"),
        pytest.param(datetime.min.replace(tzinfo=UTC), NOON, id="year 1"),
        pytest.param(NOON, datetime.max.replace(tzinfo=UTC), id="year 9999"),
    ],
)
def test_during_refuses_what_is_no_range(start, end):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        During(start, end)


def test_during_is_kept_in_utc_whatever_zone_it_came_in():
    jakarta = During(datetime(2026, 1, 1, 7, tzinfo=ZoneInfo("Asia/Jakarta")), instant("2026-01-01 01:00"))

    assert jakarta == bounds("2026-01-01 00:00", "2026-01-01 01:00")
    assert (jakarta.start.tzinfo, jakarta.end.tzinfo) == (UTC, UTC)


def test_during_of_a_repeated_hour_runs_forward_though_the_clock_does_not():
    berlin = ZoneInfo("Europe/Berlin")
    first_pass = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second_pass = datetime(2026, 10, 25, 2, 15, tzinfo=berlin, fold=1)

    assert During(first_pass, second_pass).minutes == 45
    with pytest.raises(ValueError, match="must end after it starts"):
        During(second_pass, first_pass)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (hours(0, 1), hours(1, 2), False),
        (hours(0, 1), hours(2, 3), False),
        (hours(0, 2), hours(1, 3), True),
        (hours(0, 3), hours(1, 2), True),
        (hours(0, 1), hours(0, 1), True),
        (hours(0, 1.001), hours(1, 2), True),
    ],
)
def test_during_overlaps_unless_it_only_touches(one, other, overlap):
    assert (one.overlaps(other), other.overlaps(one)) == (overlap, overlap)


@pytest.mark.parametrize(
    ("inner", "inside"),
    [
        (hours(0, 2), True),
        (hours(0, 1), True),
        (hours(1, 2), True),
        (hours(-1, 1), False),
        (hours(1, 2.1), False),
    ],
)
def test_during_contains_what_lies_wholly_inside(inner, inside):
    assert hours(0, 2).contains(inner) is inside


def test_during_is_padded_before_and_after():
    assert hours(0, 1).padded(HOUR, HOUR / 2) == hours(-1, 1.5)


def test_during_padded_beyond_the_calendar_is_refused():
    for padding in (timedelta(days=365 * 9000), timedelta.max):
        with pytest.raises(ValueError, match="years 2 to 9998"):
            hours(0, 1).padded(timedelta(0), padding)


def test_during_counts_whole_minutes():
    assert (hours(0, 1.5).minutes, During(NOON, NOON + timedelta(seconds=119)).minutes) == (90, 1)


@pytest.mark.parametrize(
    ("ranges", "merged"),
    [
        pytest.param([], [], id="none"),
        pytest.param([hours(2, 3), hours(0, 1)], [hours(0, 1), hours(2, 3)], id="apart, sorted"),
        pytest.param([hours(1, 2), hours(0, 1)], [hours(0, 2)], id="touching"),
        pytest.param([hours(0, 2), hours(1, 3)], [hours(0, 3)], id="overlapping"),
        pytest.param([hours(0, 5), hours(1, 2), hours(4, 6)], [hours(0, 6)], id="one inside another"),
        pytest.param([hours(0, 1), hours(0, 3), hours(0, 2)], [hours(0, 3)], id="same start"),
    ],
)
def test_merge_keeps_the_same_time_in_the_fewest_ranges(ranges, merged):
    assert merge(ranges) == merged


# Days


@pytest.mark.parametrize(
    ("zone", "first", "last", "start", "end"),
    [
        ("UTC", "2026-11-21", "2026-11-21", "2026-11-21 00:00", "2026-11-22 00:00"),
        ("Asia/Jakarta", "2026-11-21", "2026-11-23", "2026-11-20 17:00", "2026-11-23 17:00"),
        ("Asia/Kathmandu", "2026-11-21", "2026-11-21", "2026-11-20 18:15", "2026-11-21 18:15"),
        ("Pacific/Kiritimati", "2026-11-21", "2026-11-21", "2026-11-20 10:00", "2026-11-21 10:00"),
        ("Europe/Berlin", "2026-03-29", "2026-03-29", "2026-03-28 23:00", "2026-03-29 22:00"),  # 23 hours
        ("Europe/Berlin", "2026-10-25", "2026-10-25", "2026-10-24 22:00", "2026-10-25 23:00"),  # 25 hours
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-05", "2026-04-04 13:00", "2026-04-05 13:30"),
        # The day begins at 01:00: midnight does not exist.
        ("Africa/Cairo", "2026-04-24", "2026-04-24", "2026-04-23 22:00", "2026-04-24 21:00"),
        # 00:01 became 23:01: a minute of the 7th, an hour of the 6th again, then the 7th.
        ("America/St_Johns", "2010-11-06", "2010-11-06", "2010-11-06 02:30", "2010-11-07 03:30"),
        ("America/St_Johns", "2010-11-07", "2010-11-07", "2010-11-07 02:30", "2010-11-08 03:30"),
        # Samoa went from the 29th to the 31st.
        ("Pacific/Apia", "2011-12-29", "2011-12-30", "2011-12-29 10:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-31", "2011-12-30 10:00", "2011-12-31 10:00"),
        ("Africa/Monrovia", "1960-01-01", "1960-01-01", "1960-01-01 00:44:30", "1960-01-02 00:44:30"),
        # The calendar itself begins and ends in UTC.
        ("Asia/Jakarta", "0002-01-01", "0002-01-01", "0002-01-01 00:00", "0002-01-01 16:52:48"),
        ("America/Adak", "9998-12-31", "9998-12-31", "9998-12-31 10:00", "9999-01-01 00:00"),
    ],
)
def test_day_bounds_are_whole_days_of_the_zone(zone, first, last, start, end):
    days = day_bounds(date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))

    assert days == bounds(start, end)


@pytest.mark.parametrize(
    ("zone", "first", "last", "sentence"),
    [
        pytest.param("UTC", date(2026, 1, 2), date(2026, 1, 1), "must not be before", id="reversed"),
        pytest.param("Pacific/Apia", date(2011, 12, 30), date(2011, 12, 30), "does not exist", id="no such day"),
        pytest.param("UTC", date(1, 12, 31), date(2, 1, 1), "years 2 to 9998", id="year 1"),
        pytest.param("UTC", date(2026, 1, 1), date(9999, 1, 1), "years 2 to 9998", id="year 9999"),
        pytest.param("UTC", date.min, date.max, "years 2 to 9998", id="all there is"),
    ],
)
def test_day_bounds_refuse_days_that_are_not_there(zone, first, last, sentence):
    with pytest.raises(ValueError, match=rf"^[A-Z].*{sentence}.*\.$"):
        day_bounds(first, last, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "day", "reading", "first"),
    [
        ("Asia/Kathmandu", "2026-03-02", 9 * HOUR, "2026-03-02 03:15"),
        ("Europe/Berlin", "2026-03-29", 1.5 * HOUR, "2026-03-29 00:30"),
        ("Europe/Berlin", "2026-03-29", 2.5 * HOUR, "2026-03-29 01:00"),  # skipped: the first that comes
        ("Europe/Berlin", "2026-03-29", 3.5 * HOUR, "2026-03-29 01:30"),
        ("Europe/Berlin", "2026-10-25", 2.5 * HOUR, "2026-10-25 00:30"),  # repeated: the first pass
        ("Europe/Berlin", "2026-10-25", 3.5 * HOUR, "2026-10-25 02:30"),
        ("America/St_Johns", "2026-03-08", 1.5 * HOUR, "2026-03-08 05:00"),
        ("America/St_Johns", "2026-03-08", 3.5 * HOUR, "2026-03-08 06:00"),
        ("Pacific/Apia", "2011-12-30", 9 * HOUR, "2011-12-30 10:00"),
        ("Asia/Jakarta", "0001-12-31", 9 * HOUR, "0002-01-01 00:00"),
        ("Asia/Jakarta", "9999-01-01", 9 * HOUR, "9999-01-01 00:00"),
    ],
)
def test_clock_knows_when_it_first_reads_a_time(zone, day, reading, first):
    day = date.fromisoformat(day)
    clock = WallClock.covering(day, day, ZoneInfo(zone))

    assert clock.first_at(midnight(day) + reading) == instant(first)


def test_local_shows_the_clock_of_the_zone():
    assert local(NOON, ZoneInfo("Asia/Kathmandu")).isoformat() == "2026-11-21T17:45:00+05:45"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(datetime(2026, 1, 1), id="naive"),  # noqa: DTZ001
        pytest.param(datetime.min.replace(tzinfo=timezone(HOUR)), id="before the calendar"),
        pytest.param(datetime.max.replace(tzinfo=timezone(-HOUR)), id="after the calendar"),
    ],
)
def test_an_instant_without_zone_or_year_is_refused(wrong):
    for convert in (as_utc, lambda instant: local(instant, ZoneInfo("Asia/Tokyo"))):
        with pytest.raises(ValueError, match=r"^A time .*\.$"):
            convert(wrong)


# Zones


def test_zone_choices_are_cities_and_utc_sorted():
    names = [name for name, label in zone_choices()]

    assert names[:-1] == sorted(names[:-1])
    assert names[-1] == "UTC"
    assert {"Asia/Jakarta", "America/Argentina/Buenos_Aires", "Pacific/Apia", "Arctic/Longyearbyen"} < set(names)
    assert not {"Factory", "localtime", "EST", "GMT0", "Etc/GMT+5", "US/Pacific", "posixrules"} & set(names)
    assert not [name for name in names if name.startswith(("posix", "right", "Etc", "SystemV"))]


def test_zone_choices_are_readable_and_each_can_be_parsed():
    assert dict(zone_choices())["America/Port_of_Spain"] == "America/Port of Spain"
    assert [parse_zone(name).key for name, label in zone_choices()] == [name for name, label in zone_choices()]


@pytest.mark.parametrize("name", ["Asia/Jakarta", "Asia/Calcutta", "US/Pacific", "UTC", "GMT", "Etc/GMT-7", "EST"])
def test_parse_zone_knows_names_old_and_new(name):
    assert parse_zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "America",
        "asia/jakarta",
        " Asia/Jakarta",
        "Asia/Jakarta\n",
        "Asia/Jakarta\0",
        "\0",
        "../../etc/passwd",
        "/etc/passwd",
        "/usr/share/zoneinfo/Asia/Jakarta",
        "Asia/../Asia/Jakarta",
        "posix/Asia/Jakarta",
        "right/Asia/Jakarta",
        "tzdata.zi",
        "Factory",
        "localtime",
        "UTC+7",
        "\ud800",
        "Ａsia/Jakarta",
        "A" * 10_000,
        "../" * 10_000,
    ],
)
def test_parse_zone_refuses_anything_else_with_one_sentence(name):
    with pytest.raises(ValueError) as refused:
        parse_zone(name)

    assert str(refused.value) == "This is not the name of a time zone. Use one such as Asia/Jakarta."
