"""What a tutor and a student may rely on, whatever the hours, the bookings and the clocks: tried on made-up tutors."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.slots import Reason, Taken, open_slots, why_not
from bookings.times import During, day_bounds, local, parse_zone, zone_choices
from bookings.views.days import by_day
from tests.bookings.test_slots_properties import cases

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
viewers = st.sampled_from([name for name, _label in zone_choices()]).map(parse_zone)


@given(cases())
@settings(deadline=None)
def test_no_slot_overlaps_a_booking_of_the_tutor_or_of_the_student(case):
    (rules, hours, overrides, taken), within, now = case

    for slot in open_slots(rules, hours, overrides, taken, within=within, now=now):
        assert not any(slot.padded(rules.before, rules.after).overlaps(block) for block in taken.blocks)
        assert not any(slot.overlaps(own) for own in taken.student)


@given(cases())
@settings(deadline=None)
def test_no_slot_lies_outside_a_window_for_a_minute(case):
    (rules, hours, overrides, taken), within, now = case

    for slot in open_slots(rules, hours, overrides, taken, within=within, now=now)[:5]:
        for number in range(slot.minutes):
            reading = local(slot.start + number * MINUTE, rules.zone)
            dated = [one for one in overrides if one.date == reading.date()]
            rows = dated or [one for one in hours if one.weekday == reading.weekday()]
            assert all(row.starts is not None for row in rows)
            assert any(row.starts <= reading.time() and (reading.time() < row.ends or row.ends == time.min) for row in rows)


@given(cases())
@settings(deadline=None)
def test_slots_are_sorted_without_repeats_soon_enough_and_near_enough(case):
    (rules, hours, overrides, taken), within, now = case

    starts = [slot.start for slot in open_slots(rules, hours, overrides, taken, within=within, now=now)]

    assert all(one < other for one, other in pairwise(starts))
    assert all(within.start <= start < within.end and start >= now + rules.notice for start in starts)
    last = local(now, rules.zone).date() + rules.horizon_days * DAY
    assert all(local(start, rules.zone).date() <= last for start in starts)


@given(cases(), viewers)
@settings(deadline=None)
def test_every_viewer_is_shown_the_same_instants(case, viewer: ZoneInfo):
    rows, within, now = case
    slots = open_slots(*rows, within=within, now=now)

    shown = by_day(slots, viewer)

    assert [slot.starts_at for day in shown for slot in sorted(day.slots, key=lambda one: one.starts_at)] == [
        slot.start for slot in slots
    ]
    for day in shown:
        names = [(f"{local(slot.starts_at, viewer):%H:%M}", slot.offset) for slot in day.slots]
        assert len(set(names)) == len(names)  # nobody sees one name for two times


@given(cases(), viewers)
@settings(deadline=None)
def test_days_of_any_viewer_put_together_hold_every_slot_once(case, viewer: ZoneInfo):
    """Asked day by day as a viewer's page does, though the viewer's midnight is none of the tutor's."""
    rows, within, now = case
    first, last = local(within.start, viewer).date(), local(within.end, viewer).date()
    days = [first + number * DAY for number in range((last - first).days + 1)]

    asked = [slot for day in days if _exists(day, viewer) for slot in open_slots(*rows, within=_day(day, viewer), now=now)]

    assert sorted({slot for slot in asked if within.start <= slot.start < within.end}) == open_slots(
        *rows, within=within, now=now
    )


@given(cases(), st.integers(0, 3))
@settings(deadline=None)
def test_a_booking_more_opens_nothing(case, number: int):
    (rules, hours, overrides, taken), within, now = case
    before = open_slots(rules, hours, overrides, taken, within=within, now=now)
    if not before:
        return
    booked = before[number % len(before)]
    more = Taken([*taken.blocks, booked.padded(rules.before, rules.after)], [*taken.starts, booked.start], taken.student)

    after = open_slots(rules, hours, overrides, more, within=within, now=now)

    assert set(after) < set(before)
    assert booked not in after
    assert why_not(rules, hours, overrides, more, starts_at=booked.start, now=now) in (Reason.BOOKED, Reason.DAILY_LIMIT)


def _day(day: date, zone: ZoneInfo) -> During:
    return day_bounds(day, day, zone)


def _exists(day: date, zone: ZoneInfo) -> bool:
    """Samoa had no 30 December in 2011."""
    try:
        _day(day, zone)
    except ValueError:
        return False
    return True
