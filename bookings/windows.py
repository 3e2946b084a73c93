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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.spans import Span, merge, what_is_left
from bookings.times import DAY, MINUTE, ONE_DAY, SECOND, During, WallClock, from_micros, micros, midnight


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


_EPOCH_DAY = date(1970, 1, 1).toordinal()


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
        self.clock = clock = WallClock.covering(first, last, zone)
        self._within, self._length = within.span, length // timedelta(microseconds=1)
        self._times = times = TimesOfDay(hours, overrides)
        self._runs = merge(
            span
            for day in range(first.toordinal(), last.toordinal() + 1)
            for opens, closes in times.on(day)
            for span in clock.spans_of((day - _EPOCH_DAY) * DAY + opens, (day - _EPOCH_DAY) * DAY + closes)
        )
        # One Monday more: the clock, not knowing it, answers with the end of what it knows.
        mondays = range(1, (last - first).days + 8, 7)
        self._mondays = [micros(clock.first_at(midnight(first) + number * ONE_DAY)) for number in mondays]

    def is_closed(self, day: date) -> bool:
        """Say whether an override closes that date of the tutor's."""
        return self._times.is_closed(day.toordinal())

    def holds(self, start: datetime) -> bool:
        """Say whether a lesson that starts then fits wholly inside a run."""
        begins = micros(start)
        index = bisect_right(self._runs, begins, key=lambda run: run[0])
        return index > 0 and begins + self._length <= self._runs[index - 1][1]

    def grid(self, step: timedelta) -> Iterator[datetime]:
        """Yield, in order, every start in `within` on the grid of a run that the lesson fits into."""
        return map(from_micros, self.starts(step // timedelta(microseconds=1)))

    def starts(self, step: int, hidden: Sequence[Span] = ()) -> list[int]:
        """Return what `grid` does, in microseconds, without the starts in `hidden`, which is merged."""
        found: list[int] = []
        for origin, stretch in self._stretches():
            for start, end in what_is_left(stretch, hidden):
                found += range(start + (origin - start) % step, end, step)
        return found

    def _stretches(self) -> Iterator[tuple[int, Span]]:
        """Yield the stretches of time in which a lesson can start, each with the instant its grid counts from."""
        for run_start, run_end in self._runs:
            start = max(run_start, self._within[0])
            end = min(run_end - self._length + 1, self._within[1])
            while start < end:
                week = bisect_right(self._mondays, start)
                next_monday = self._mondays[week]
                yield max(run_start, self._mondays[week - 2]), (start, min(end, next_monday))
                start = next_monday


def dates_read(within: During, length: timedelta) -> tuple[date, date]:
    """Return the first and last date whose windows decide which lessons start in `within`.

    The first is the Sunday before the Monday of the week before, by any zone's clock.
    """
    earliest, latest = within.start.date() - ONE_DAY, (within.end + length).date() + ONE_DAY
    return earliest - timedelta(days=earliest.weekday() + 8), latest


class TimesOfDay:
    """The times of day, in microseconds, at which each date is open. Dates are their ordinals."""

    def __init__(self, hours: Iterable[Hours], overrides: Iterable[Override]) -> None:
        self._weekly: dict[int, list[Span]] = defaultdict(list)
        self._dated: dict[int, list[Span]] = defaultdict(list)
        self._closed: set[int] = set()
        for weekly in hours:
            self._weekly[weekly.weekday].append((_opens(weekly.starts), _closes(weekly.ends)))
        for override in overrides:
            if override.starts is None or override.ends is None:
                self._closed.add(override.date.toordinal())
            else:
                self._dated[override.date.toordinal()].append((_opens(override.starts), _closes(override.ends)))

    def is_closed(self, day: int) -> bool:
        return day in self._closed

    def on(self, day: int) -> list[Span]:
        if day in self._closed:
            return []
        return self._dated.get(day) or self._weekly.get((day - 1) % 7, [])


def _check_times(starts: time, ends: time) -> None:
    if starts.tzinfo is not None or ends.tzinfo is not None:
        raise ValueError("Hours are by the tutor's clock: give times without a zone.")
    if ends != time.min and ends <= starts:
        raise ValueError("Hours must end after they start.")


def _opens(starts: time) -> int:
    return (starts.hour * 60 + starts.minute) * MINUTE + starts.second * SECOND + starts.microsecond


def _closes(ends: time) -> int:
    return _opens(ends) or DAY
