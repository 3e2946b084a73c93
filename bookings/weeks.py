"""A tutor's week as a calendar draws it: by the tutor's clock, on a grid of quarters of an hour. Values only.

Places are rounded to the quarter below, so what follows one another never overlaps; the words tell the exact times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.models import Booking
from bookings.times import DAY, MINUTE, During, local, time_of_day
from bookings.windows import Hours, Override, TimesOfDay

QUARTERS = 4  # of an hour
QUARTER = 60 // QUARTERS * MINUTE  # in microseconds
WHOLE_DAY = 24 * QUARTERS
USUAL_DAY = (8 * QUARTERS, 18 * QUARTERS)  # drawn even if nothing happens then
DAYS = 7


@dataclass(frozen=True)
class OpenSpan:
    """Hours of a day in which the tutor can be booked; 00:00 at the end is the end of the day."""

    starts: time
    ends: time
    row: int  # the first quarter of the day that it takes, from 0
    rows: int


@dataclass(frozen=True)
class Entry:
    """A booking, or the part of it that lies on one day."""

    booking: Booking
    row: int
    rows: int
    is_continued: bool = False  # it began the day before


@dataclass(frozen=True)
class WeekDay:
    date: date
    is_today: bool
    open_spans: Sequence[OpenSpan] = ()
    entries: Sequence[Entry] = ()


@dataclass(frozen=True)
class Week:
    """Seven days from a Monday, and the hours that the grid shows: `first_row` up to, and without, `last_row`."""

    days: Sequence[WeekDay]
    first_row: int
    last_row: int
    hours: Sequence[time] = field(default_factory=list)

    @property
    def first(self) -> date:
        return self.days[0].date

    @property
    def last(self) -> date:
        return self.days[-1].date

    @property
    def before(self) -> date:
        return self.first - timedelta(days=DAYS)

    @property
    def after(self) -> date:
        return self.first + timedelta(days=DAYS)

    @property
    def is_empty(self) -> bool:
        return not any(day.entries for day in self.days)


def monday_of(day: date) -> date:
    """Return the Monday of that day's week."""
    return day - timedelta(days=day.weekday())


def lay_out_week(
    monday: date,
    bookings: Iterable[Booking],
    hours: Sequence[Hours],
    overrides: Sequence[Override],
    *,
    zone: ZoneInfo,
    today: date,
) -> Week:
    """Return the week from that Monday with these bookings; dates and hours are those of `zone`."""
    dates, times = [monday + timedelta(days=number) for number in range(DAYS)], TimesOfDay(hours, overrides)
    placed: dict[date, list[Entry]] = {day: [] for day in dates}
    for booking in sorted(bookings, key=lambda one: one.starts_at):
        for day, entry in _parts(booking, zone):
            if day in placed:
                placed[day].append(_below(placed[day], entry))
    days = [WeekDay(day, day == today, _open_spans(day, times), placed[day]) for day in dates]
    taken = [(one.row, one.row + one.rows) for day in days for one in day.open_spans]
    taken += [(one.row, one.row + one.rows) for day in days for one in day.entries]
    first = min([USUAL_DAY[0], *(start for start, _end in taken)]) // QUARTERS * QUARTERS
    last = -(-max([USUAL_DAY[1], *(end for _start, end in taken)]) // QUARTERS) * QUARTERS
    return Week(days, first, last, [time(row // QUARTERS) for row in range(first, last, QUARTERS)])


def _parts(booking: Booking, zone: ZoneInfo) -> Iterable[tuple[date, Entry]]:
    """Cut a booking at midnight."""
    starts, ends = local(booking.starts_at, zone), local(booking.ends_at, zone)
    if starts.date() == ends.date():
        yield starts.date(), _entry(booking, _row(starts), _row(ends))
        return
    yield starts.date(), _entry(booking, _row(starts), WHOLE_DAY)
    if ends.time() > time.min:
        yield ends.date(), _entry(booking, 0, _row(ends), is_continued=True)


def _entry(booking: Booking, row: int, end: int, **more: bool) -> Entry:
    # Where the clock is put back a session may end at the time at which it began.
    return Entry(booking, row, max(1, end - row), **more)


def _below(others: Sequence[Entry], entry: Entry) -> Entry:
    """Move a short one down where the one before it fills the same quarter, or an hour comes twice."""
    free = max((other.row + other.rows for other in others), default=0)
    if entry.row >= free:
        return entry
    row = min(free, WHOLE_DAY - 1)
    return Entry(entry.booking, row, max(1, entry.row + entry.rows - row), entry.is_continued)


def _open_spans(day: date, times: TimesOfDay) -> list[OpenSpan]:
    return [_open_span(opens, closes) for opens, closes in sorted(times.on(day.toordinal()))]


def _open_span(opens: int, closes: int) -> OpenSpan:
    row, end = opens // QUARTER, closes // QUARTER
    return OpenSpan(time_of_day(opens), time_of_day(closes % DAY), row, max(1, end - row))  # 24:00 is written 00:00


def _row(at: datetime | time) -> int:
    return (at.hour * 60 + at.minute) // (60 // QUARTERS)


def during_week(monday: date, zone: ZoneInfo) -> During:
    """Return the time from that Monday, 00:00 by the tutor's clock, for seven days and a little more on both sides."""
    start = datetime.combine(monday, time.min, zone)
    return During(start - timedelta(hours=1), start + timedelta(days=DAYS, hours=2))
