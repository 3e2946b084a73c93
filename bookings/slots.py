"""A tutor's open slots: open time, less what is taken, within the tutor's rules. Values only, no database."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from bookings import windows
from bookings.times import EARLIEST, LATEST, ONE_DAY, During, as_utc, local, merge, midnight
from bookings.windows import Hours, OpenTime, Override

LONGEST_DEFAULT_STEP = 30  # minutes
MOST = 100_000  # of any number in the rules: beyond all use, and every sum still has a date


class Reason(Enum):
    """Why a start is not offered. The order is that in which the rules are asked."""

    PAST = "past"
    NOTICE = "notice"
    HORIZON = "horizon"
    CLOSED = "closed"
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    BOOKED = "booked"
    BUFFER = "buffer"
    DAILY_LIMIT = "daily_limit"
    STUDENT_BUSY = "student_busy"


@dataclass(frozen=True, slots=True)
class Rules:
    """A tutor's rules for lessons of `minutes`. `step_minutes` None is the default step.

    Dates are those of `zone`. Raises ValueError for a number that makes no sense.
    """

    zone: ZoneInfo
    minutes: int
    step_minutes: int | None = None
    notice_minutes: int = 0
    horizon_days: int = 60
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    daily_limit: int | None = None

    def __post_init__(self) -> None:
        step = self.minutes if self.step_minutes is None else self.step_minutes
        if not (1 <= self.minutes <= MOST and 1 <= step <= MOST):
            raise ValueError(f"A lesson and its step take 1 to {MOST} minutes.")
        waits = (self.notice_minutes, self.buffer_before_minutes, self.buffer_after_minutes)
        if not all(0 <= number <= MOST for number in (*waits, self.horizon_days, self.daily_limit or 0)):
            raise ValueError(f"Notice, buffers, horizon and daily limit are numbers from 0 to {MOST}.")

    @property
    def length(self) -> timedelta:
        """How long a lesson takes."""
        return timedelta(minutes=self.minutes)

    @property
    def step(self) -> timedelta:
        """The time from one start to the next, the default filled in."""
        default = min(self.minutes, LONGEST_DEFAULT_STEP)
        return timedelta(minutes=default if self.step_minutes is None else self.step_minutes)

    @property
    def notice(self) -> timedelta:
        """How long before a lesson it can still be booked."""
        return timedelta(minutes=self.notice_minutes)

    @property
    def before(self) -> timedelta:
        """The buffer before a lesson."""
        return timedelta(minutes=self.buffer_before_minutes)

    @property
    def after(self) -> timedelta:
        """The buffer after a lesson."""
        return timedelta(minutes=self.buffer_after_minutes)

    def last_date(self, now: datetime) -> date:
        """Return the tutor's last date that the horizon allows, or the last of the calendar."""
        today, last = local(now, self.zone).date(), LATEST.date()
        return today + timedelta(days=min(self.horizon_days, (last - today).days))


@dataclass(frozen=True, slots=True)
class Taken:
    """The time that active bookings take; an expired hold is not active, swept or not."""

    blocks: Sequence[During] = ()  # the tutor's bookings, each with the buffers kept around it
    starts: Sequence[datetime] = ()  # when the tutor's bookings start, for the daily limit
    student: Sequence[During] = ()  # the student's own bookings, with any tutor


def open_slots(
    rules: Rules,
    hours: Iterable[Hours],
    overrides: Iterable[Override],
    taken: Taken,
    *,
    within: During,
    now: datetime,
) -> list[During]:
    """Return the slots that start in `within` and can be booked at `now`, sorted.

    `overrides` must hold those of `dates_read`, `taken` the bookings that touch `time_read`.
    Raises ValueError if `now` has no zone.
    """
    asked = bookable(rules, within=within, now=now)
    if asked is None:
        return []
    diary = _Diary(rules, hours, overrides, taken, asked=asked, now=now)
    return [During(start, start + rules.length) for start in diary.starts()]


def why_not(
    rules: Rules,
    hours: Iterable[Hours],
    overrides: Iterable[Override],
    taken: Taken,
    *,
    starts_at: datetime,
    now: datetime,
) -> Reason | None:
    """Return the first rule that hides a lesson at `starts_at`, None if `open_slots` offers it.

    Needs the same rows as `open_slots`. Raises ValueError if a time has no zone.
    """
    if starts_at.utcoffset() is None:
        raise ValueError("A time needs a zone.")
    if starts_at < as_utc(now):
        return Reason.PAST
    if starts_at >= LATEST:  # no zone shows such a time: ask no further
        return Reason.HORIZON
    start = as_utc(starts_at)
    asked = During(start, start + datetime.resolution)
    diary = _Diary(rules, hours, overrides, taken, asked=asked, now=now)
    return diary.too_early_or_late(start) or diary.not_open(start) or diary.not_free(start)


def bookable(rules: Rules, *, within: During, now: datetime) -> During | None:
    """Return the part of `within` that notice and horizon leave, at most a day too long; None if none."""
    start = max(within.start, as_utc(now) + rules.notice)
    # The end of the last date as in UTC, and a day more for the zone's offset.
    end = min(within.end, midnight(rules.last_date(now)) + 2 * ONE_DAY)
    return During(start, end) if start < end else None


def dates_read(rules: Rules, within: During) -> tuple[date, date]:
    """Return the first and last date whose overrides decide which slots start in `within`."""
    return windows.dates_read(within, rules.length)


def time_read(rules: Rules, within: During) -> During:
    """Return the time whose bookings decide which slots start in `within`: buffers and whole days too."""
    start = within.start - rules.before - 2 * ONE_DAY
    end = within.end + rules.length + rules.after + 2 * ONE_DAY
    return During(max(EARLIEST, start), min(LATEST, end))


class _Busy:
    """Ranges sorted and merged once, so that each question is one bisection."""

    def __init__(self, ranges: Iterable[During]) -> None:
        merged = merge(ranges)
        self._starts = [during.start for during in merged]
        self._ends = [during.end for during in merged]

    def overlaps(self, start: datetime, end: datetime) -> bool:
        index = bisect_left(self._starts, end)
        return index > 0 and self._ends[index - 1] > start


class _Diary:
    """All that decides about the starts in `asked`: the list of slots and the reasons both come from here."""

    def __init__(
        self,
        rules: Rules,
        hours: Iterable[Hours],
        overrides: Iterable[Override],
        taken: Taken,
        *,
        asked: During,
        now: datetime,
    ) -> None:
        self._zone, self._length, self._step = rules.zone, rules.length, rules.step
        self._before, self._end_padded = rules.before, rules.length + rules.after
        self._now, self._soonest = as_utc(now), as_utc(now) + rules.notice
        self._last_date, self._daily_limit = rules.last_date(now), rules.daily_limit
        self._open = OpenTime(rules.zone, hours, overrides, within=asked, length=rules.length)
        self._blocks, self._student = _Busy(taken.blocks), _Busy(taken.student)
        self._lessons = Counter(local(start, rules.zone).date() for start in taken.starts)

    def starts(self) -> Iterator[datetime]:
        """Yield the starts that nothing hides, in order."""
        for start in self._open.grid(self._step):
            if self.too_early_or_late(start) is None and self.not_free(start) is None:
                yield start

    def too_early_or_late(self, start: datetime) -> Reason | None:
        if start < self._now:
            return Reason.PAST
        if start < self._soonest:
            return Reason.NOTICE
        return Reason.HORIZON if self._date(start) > self._last_date else None

    def not_open(self, start: datetime) -> Reason | None:
        if start in self._open.grid(self._step):
            return None
        if self._open.is_closed(self._date(start)):
            return Reason.CLOSED
        return Reason.OFF_GRID if self._open.holds(start) else Reason.OUTSIDE_HOURS

    def not_free(self, start: datetime) -> Reason | None:
        end = start + self._length
        if self._blocks.overlaps(start - self._before, start + self._end_padded):
            return Reason.BOOKED if self._blocks.overlaps(start, end) else Reason.BUFFER
        if self._daily_limit is not None and self._lessons[self._date(start)] >= self._daily_limit:
            return Reason.DAILY_LIMIT
        return Reason.STUDENT_BUSY if self._student.overlaps(start, end) else None

    def _date(self, start: datetime) -> date:
        return start.astimezone(self._zone).date()
