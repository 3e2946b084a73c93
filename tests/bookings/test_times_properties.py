"""Ranges, days and clocks, tried on every zone that a person may pick."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bookings.times import During, WallClock, day_bounds, local, merge, midnight, parse_zone, zone_choices

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

zones = st.sampled_from([name for name, label in zone_choices()]).map(parse_zone)
dates = st.dates(date(1850, 1, 1), date(2150, 12, 31))
numbers = st.integers(0, 40)
ranges = st.builds(
    lambda start, length: During(START + start * DAY, START + (start + length) * DAY), numbers, st.integers(1, 9)
)


@given(st.lists(ranges))
def test_merged_ranges_hold_the_same_time_and_never_touch(given_ranges):
    merged = merge(given_ranges)

    for number in range(50):
        moment = During(START + number * DAY, START + number * DAY + timedelta(hours=1))
        assert any(r.contains(moment) for r in merged) == any(r.contains(moment) for r in given_ranges)
    assert all(one.end < other.start for one, other in pairwise(merged))


@given(ranges, ranges)
def test_ranges_overlap_exactly_when_a_day_lies_in_both(one, other):
    def days(during):
        return {during.start + number * DAY for number in range(during.minutes // 1440)}

    assert one.overlaps(other) == bool(days(one) & days(other))
    assert one.contains(other) == (days(other) <= days(one))


@given(zones, dates, st.integers(0, 3), st.integers(-200_000, 400_000))
@settings(max_examples=150)
def test_every_instant_of_a_day_lies_in_its_bounds(zone, first, days, seconds):
    last = first + days * DAY
    instant = midnight(first) + timedelta(seconds=seconds)
    if first <= local(instant, zone).date() <= last:
        bounds = day_bounds(first, last, zone)

        assert bounds.start <= instant < bounds.end
        assert local(bounds.start, zone).date() >= first
        assert local(bounds.end - timedelta(seconds=1), zone).date() <= last


@given(zones, dates, st.integers(0, 86_399), st.integers(1, 86_400), st.integers(-100_000, 200_000))
@example(parse_zone("America/St_Johns"), date(2010, 11, 7), 0, 30, 9_001)
@example(parse_zone("Africa/Monrovia"), date(1972, 1, 7), 2_600, 100, 2_670)
@settings(max_examples=150)
def test_span_holds_an_instant_exactly_when_the_clock_reads_its_time(zone, day, starts, length, seconds):
    opens = midnight(day) + timedelta(seconds=starts)
    closes = opens + timedelta(seconds=length)
    instant = midnight(day) + timedelta(seconds=seconds)

    spans = WallClock.covering(day, (closes - timedelta(seconds=1)).date(), zone).spans(opens, closes)

    reading = local(instant, zone).replace(tzinfo=UTC)
    assert any(span.start <= instant < span.end for span in spans) == (opens <= reading < closes)
    assert all(one.end <= other.start for one, other in pairwise(spans))
