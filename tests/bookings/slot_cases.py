"""Slots in few words: hours as "0 09:00-12:00", spans as "2026-03-02 09:00/10:00", answers in UTC."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from bookings.slots import Rules, Taken, open_slots
from bookings.times import During, day_bounds
from bookings.windows import Hours, Override

MONDAY = "2026-03-02"
LONG_BEFORE = datetime(2026, 2, 20, tzinfo=UTC)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str) -> During:
    """`"2026-03-02 09:00/10:00"`, or with another date before the end, in UTC."""
    start, end = text.split("/")
    return During(instant(start), instant(end if len(end) > 8 else f"{start[:10]} {end}"))


def weekly(*rows: str) -> list[Hours]:
    """`"0 09:00-12:00"`, or `"* ..."` for every day."""
    found = []
    for row in rows:
        weekday, hours = row.split()
        starts, ends = map(time.fromisoformat, hours.split("-"))
        found += [Hours(day, starts, ends) for day in (range(7) if weekday == "*" else [int(weekday)])]
    return found


def on(day: str, hours: str = "") -> Override:
    """`"2026-03-02", "09:00-10:00"`; without hours that date is closed."""
    starts, ends = map(time.fromisoformat, hours.split("-")) if hours else (None, None)
    return Override(date.fromisoformat(day), starts, ends)


def offered(*hours, overrides=(), zone="UTC", days=(MONDAY, MONDAY), now=LONG_BEFORE, within=None, taken=None, **numbers):
    """The starts offered on these days of the zone, in UTC: `["2026-03-02 09:00", ...]`."""
    rules = Rules(ZoneInfo(zone), **{"minutes": 60, **numbers})
    first, last = map(date.fromisoformat, days)
    within = within or day_bounds(first, last, rules.zone)
    slots = open_slots(rules, weekly(*hours), overrides, taken or Taken(), within=within, now=now)
    assert {slot.end - slot.start for slot in slots} <= {rules.length}
    return [slot.start.isoformat(" ", "minutes").removesuffix("+00:00") for slot in slots]


def times(*hours, **case):
    """As `offered`, the time of day alone."""
    return " ".join(start[11:] for start in offered(*hours, **case))
