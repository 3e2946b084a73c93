"""A tutor's open slots: open time, less what is taken, within the tutor's rules. Values only, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from bookings import spans, windows
from bookings.spans import Span
from bookings.times import DAY, EARLIEST, LATEST, MINUTE, ONE_DAY, During, as_utc, local, micros, midnight
from bookings.windows import Hours, OpenTime, Override

LONGEST_DEFAULT_STEP = 30  # minutes
MOST = 100_000  # minutes or days in the rules: beyond all use, and every sum still has a date


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
    NO_ROOM = "no_room"


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
        buffers = (self.buffer_before_minutes, self.buffer_after_minutes)
        if not all(0 <= number <= MOST for number in (*buffers, self.notice_minutes, self.horizon_days)):
            raise ValueError(f"Buffers, notice and horizon are numbers from 0 to {MOST}.")
        if self.daily_limit is not None and self.daily_limit < 0:
            raise ValueError("A daily limit is a number from 0.")

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


@dataclass(frozen=True, slots=True)
class Taken:
    """The time that active bookings take; an expired hold is not active, swept or not."""

    blocks: Sequence[During] = ()  # the tutor's bookings, each with the buffers kept around it
    starts: Sequence[datetime] = ()  # when the tutor's bookings start, for the daily limit
    student: Sequence[During] = ()  # the student's own bookings, with any tutor

    def in_micros(self) -> TakenMicros:
        """Return the same in microseconds."""
        return TakenMicros(
            [one.span for one in self.blocks], [micros(start) for start in self.starts], [one.span for one in self.student]
        )


@dataclass(frozen=True, slots=True)
class TakenMicros:
    """`Taken` in microseconds since 1970: what hundreds of rows are read into."""

    blocks: Sequence[Span] = ()
    starts: Sequence[int] = ()
    student: Sequence[Span] = ()
    no_room: Sequence[Span] = ()  # when there is nowhere to meet

    def in_micros(self) -> TakenMicros:
        """Return this."""
        return self


def open_slots(
    rules: Rules,
    hours: Iterable[Hours],
    overrides: Iterable[Override],
    taken: Taken | TakenMicros,
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
    return During.starting_at(diary.starts(), rules.length)


def why_not(
    rules: Rules,
    hours: Iterable[Hours],
    overrides: Iterable[Override],
    taken: Taken | TakenMicros,
    *,
    starts_at: datetime,
    now: datetime,
) -> Reason | None:
    """Return the first rule that hides a lesson at `starts_at`, None if `open_slots` offers it.

    Needs the same rows as `open_slots`. Raises ValueError if a time has no zone.
    """
    out_of_reach = why_out_of_reach(rules, starts_at=starts_at, now=now)
    if out_of_reach is not None:
        return out_of_reach
    start = as_utc(starts_at)
    asked = During(start, start + datetime.resolution)
    diary = _Diary(rules, hours, overrides, taken, asked=asked, now=now)
    return diary.why_not(start)


def why_out_of_reach(rules: Rules, *, starts_at: datetime, now: datetime) -> Reason | None:
    """Return PAST, NOTICE or HORIZON, the reasons that need no rows, or None.

    Answers for any year, so ask it first. Raises ValueError if a time has no zone.
    """
    if starts_at.utcoffset() is None:
        raise ValueError("A time needs a zone.")
    return _Reach(rules, now).why_not(starts_at)


def bookable(rules: Rules, *, within: During, now: datetime) -> During | None:
    """Return the part of `within` that notice and horizon leave, at most a day too long; None if none."""
    reach = _Reach(rules, now)
    start = max(within.start, reach.soonest)
    # The end of the last date as in UTC, and a day more for the zone's offset.
    end = min(within.end, midnight(reach.last_date) + 2 * ONE_DAY)
    return During(start, end) if start < end else None


def dates_read(rules: Rules, within: During) -> tuple[date, date]:
    """Return the first and last date whose overrides decide which slots start in `within`."""
    return windows.dates_read(within, rules.length)


def time_read(rules: Rules, within: During) -> During:
    """Return the time whose bookings decide which slots start in `within`: buffers and whole days too."""
    start = within.start - rules.before - 2 * ONE_DAY
    end = within.end + rules.length + rules.after + 2 * ONE_DAY
    return During(max(EARLIEST, start), min(LATEST, end))


class _Reach:
    """How soon and how far ahead a lesson may start, seen from `now`."""

    def __init__(self, rules: Rules, now: datetime) -> None:
        self._zone, self._now = rules.zone, as_utc(now)
        self.soonest = self._now + rules.notice
        today, last_of_all = local(now, rules.zone).date(), LATEST.date()
        self.last_date = today + timedelta(days=min(rules.horizon_days, (last_of_all - today).days))

    def why_not(self, start: datetime) -> Reason | None:
        if start < self._now:
            return Reason.PAST
        if start < self.soonest:
            return Reason.NOTICE
        # No zone shows what is later than LATEST.
        is_too_far = start >= LATEST or start.astimezone(self._zone).date() > self.last_date
        return Reason.HORIZON if is_too_far else None


class _Diary:
    """All that decides about the starts in `asked`: the list of slots and the reasons both come from here.

    Each rule hides spans of time in which no lesson may start; the slots are the starts on the grid that are left.
    """

    def __init__(
        self,
        rules: Rules,
        hours: Iterable[Hours],
        overrides: Iterable[Override],
        taken: Taken | TakenMicros,
        *,
        asked: During,
        now: datetime,
    ) -> None:
        self._rules, self._taken, self._asked = rules, taken.in_micros(), asked
        self._step = rules.step // timedelta(minutes=1) * MINUTE
        self._last_date = _Reach(rules, now).last_date
        self._open = OpenTime(rules.zone, hours, overrides, within=asked, length=rules.length)

    def starts(self) -> list[int]:
        """Return the starts that nothing hides, in order, in microseconds."""
        hidden = [*self._too_near_bookings(), *self._too_far(), *self._full_days(), *self._busy_student(), *self._no_room()]
        return self._open.starts(self._step, spans.merge(hidden))

    def why_not(self, start: datetime) -> Reason | None:
        """Return the first reason but those of `why_out_of_reach`."""
        if not self._open.starts(self._step):
            return self._why_not_open(start)
        hidden = {
            Reason.BOOKED: self._booked(),
            Reason.BUFFER: self._too_near_bookings(),
            Reason.DAILY_LIMIT: self._full_days(),
            Reason.STUDENT_BUSY: self._busy_student(),
            Reason.NO_ROOM: self._no_room(),
        }
        moment = micros(start)
        return next((reason for reason in hidden if spans.holds(spans.merge(hidden[reason]), moment)), None)

    def _why_not_open(self, start: datetime) -> Reason:
        if self._open.is_closed(start.astimezone(self._rules.zone).date()):
            return Reason.CLOSED
        return Reason.OFF_GRID if self._open.holds(start) else Reason.OUTSIDE_HOURS

    def _booked(self) -> list[Span]:
        return _starts_that_overlap(self._taken.blocks, self._rules.minutes)

    def _too_near_bookings(self) -> list[Span]:
        rules = self._rules
        return _starts_that_overlap(
            self._taken.blocks,
            rules.minutes,
            before=rules.buffer_before_minutes,
            after=rules.buffer_after_minutes,
        )

    def _busy_student(self) -> list[Span]:
        return _starts_that_overlap(self._taken.student, self._rules.minutes)

    def _no_room(self) -> list[Span]:
        return _starts_that_overlap(self._taken.no_room, self._rules.minutes)

    def _too_far(self) -> list[Span]:
        end = micros(midnight(self._last_date)) + DAY
        return self._open.clock.spans_of(end, micros(LATEST) + DAY)

    def _full_days(self) -> list[Span]:
        """Return the days of the tutor's, around those asked for, that have as many lessons as the tutor takes."""
        if self._rules.daily_limit is None:
            return []
        clock, (start, end) = self._open.clock, self._asked.span
        readings = (clock.reading(lesson) for lesson in self._taken.starts)
        lessons = Counter(reading // DAY for reading in readings if reading is not None)
        days = range(start // DAY - 1, end // DAY + 2)  # an offset from UTC is less than a day
        full = [day for day in days if lessons[day] >= self._rules.daily_limit]
        return [span for day in full for span in clock.spans_of(day * DAY, day * DAY + DAY)]


def _starts_that_overlap(taken: Sequence[Span], minutes: int, *, before: int = 0, after: int = 0) -> list[Span]:
    """Return when no lesson of so many minutes, padded by the buffers, can start, as it would overlap what is taken."""
    earlier, later = (minutes + after) * MINUTE - 1, before * MINUTE  # touching is not overlapping
    return [(start - earlier, end + later) for start, end in taken]
