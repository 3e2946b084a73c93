"""When a tutor is open: weekly hours, overrides in their place, and the grid of starts they make.

A *window* is a day's weekly hours, or that date's overrides in their place. An instant is in it if
the tutor's clock then reads a time of it: a time that the clock jumps over is not there, an hour
that it repeats is there twice. Windows that touch, over midnight too, make one *run*; lessons start
at the run's start + k steps, and the grid never shifts around a booking.

Who is open around the clock has a run without a start. So a run counts from no earlier than the
Monday, 00:00, of the week before: no run shorter than a week is touched by this, and the grid is the
same whichever days are asked for, and on whichever day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.times import ONE_DAY, During, WallClock, merge, midnight


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours by the tutor's clock. `weekday` 0 is Monday; `ends` 00:00 is the end of the day.

    Raises ValueError if the weekday is no weekday or the hours do not end after they start.
    """

    weekday: int
    starts: time
    ends: time

    def __post_init__(self) -> None:
        if self.weekday not in range(7):
            raise ValueError("A weekday is a number from 0, Monday, to 6, Sunday.")
        _check_times(self.starts, self.ends)


@dataclass(frozen=True, slots=True)
class Override:
    """Hours of one date of the tutor's, in place of the weekly ones; without times it is closed.

    Closed counts even if another override of the date has hours. Raises ValueError like Hours, or
    if only one of the times is given.
    """

    date: date
    starts: time | None = None
    ends: time | None = None

    def __post_init__(self) -> None:
        if self.starts is not None and self.ends is not None:
            _check_times(self.starts, self.ends)
        elif self.starts is not self.ends:
            raise ValueError("Give both times, or neither to close the day.")


class OpenTime:
    """The runs of open time that decide which lessons of `length` start in `within`."""

    def __init__(
        self,
        zone: ZoneInfo,
        hours: Iterable[Hours],
        overrides: Iterable[Override],
        *,
        within: During,
        length: timedelta,
    ) -> None:
        first, last = dates_read(within, length)
        days = [first + number * ONE_DAY for number in range((last - first).days + 1)]
        clock = WallClock.covering(first, last, zone)
        times = _TimesOfDay(hours, overrides)
        self._within, self._length, self._times = within, length, times
        self._runs = merge(
            span
            for day in days
            for starts, ends in times.on(day)
            for span in clock.spans(_opens(day, starts), _closes(day, ends))
        )
        self._run_starts = [run.start for run in self._runs]
        # One Monday more: the clock, not knowing it, answers with the end of what it knows.
        mondays = range(1, (last - first).days + 8, 7)
        self._mondays = [clock.first_at(midnight(first + number * ONE_DAY)) for number in mondays]

    def is_closed(self, day: date) -> bool:
        """Say whether an override closes that date of the tutor's."""
        return self._times.is_closed(day)

    def holds(self, start: datetime) -> bool:
        """Say whether a lesson that starts then fits wholly inside a run."""
        index = bisect_right(self._run_starts, start)
        return index > 0 and start + self._length <= self._runs[index - 1].end

    def grid(self, step: timedelta) -> Iterator[datetime]:
        """Yield, in order, every start in `within` on the grid of a run that the lesson fits into."""
        for run in self._runs:
            start = max(run.start, self._within.start)
            stop = min(run.end - self._length + datetime.resolution, self._within.end)
            while start < stop:
                week = bisect_right(self._mondays, start)
                origin, next_monday = max(run.start, self._mondays[week - 2]), self._mondays[week]
                start = origin - (origin - start) // step * step  # rounded up to the grid
                while start < min(stop, next_monday):
                    yield start
                    start += step
                start = next_monday


def dates_read(within: During, length: timedelta) -> tuple[date, date]:
    """Return the first and last date whose windows decide which lessons start in `within`.

    The first is the Sunday before the Monday of the week before, by any zone's clock.
    """
    earliest, latest = within.start.date() - ONE_DAY, (within.end + length).date() + ONE_DAY
    return earliest - timedelta(days=earliest.weekday() + 8), latest


class _TimesOfDay:
    """The times of day at which each date is open."""

    def __init__(self, hours: Iterable[Hours], overrides: Iterable[Override]) -> None:
        self._weekly: dict[int, list[tuple[time, time]]] = defaultdict(list)
        self._dated: dict[date, list[tuple[time, time]]] = defaultdict(list)
        self._closed: set[date] = set()
        for weekly in hours:
            self._weekly[weekly.weekday].append((weekly.starts, weekly.ends))
        for override in overrides:
            if override.starts is None or override.ends is None:
                self._closed.add(override.date)
            else:
                self._dated[override.date].append((override.starts, override.ends))

    def is_closed(self, day: date) -> bool:
        return day in self._closed

    def on(self, day: date) -> list[tuple[time, time]]:
        if day in self._closed:
            return []
        return self._dated.get(day) or self._weekly.get(day.weekday(), [])


def _check_times(starts: time, ends: time) -> None:
    if starts.tzinfo is not None or ends.tzinfo is not None:
        raise ValueError("Hours are by the tutor's clock: give times without a zone.")
    if ends != time.min and ends <= starts:
        raise ValueError("Hours must end after they start.")


def _opens(day: date, starts: time) -> datetime:
    return datetime.combine(day, starts, UTC)


def _closes(day: date, ends: time) -> datetime:
    return datetime.combine(day, ends, UTC) if ends > time.min else midnight(day) + ONE_DAY
