"""Half-open ranges of time, and what the clocks of a zone read: values only, no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import attrgetter
from zoneinfo import ZoneInfo, available_timezones

from bookings.spans import Span

# The first and last year of the calendar are left out: every zone's offset, and every
# look around that the slots need, then stays within what a datetime can hold.
EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)

# In microseconds, as spans are
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

# fmt: off
AREAS = frozenset([
    "Africa", "America", "Antarctica", "Arctic", "Asia",
    "Atlantic", "Australia", "Europe", "Indian", "Pacific",
])
# fmt: on
NOT_A_PLACE = frozenset(["Factory", "localtime"])


def as_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC.

    Raises ValueError if it has no zone, or lies outside the years 2 to 9998.
    """
    if instant.utcoffset() is None:
        raise ValueError("A time needs a zone.")
    if not EARLIEST <= instant <= LATEST:
        raise ValueError("A time must lie in the years 2 to 9998.")
    return instant.astimezone(UTC)


def micros(instant: datetime) -> int:
    """Return the microseconds since 1970 began in UTC."""
    passed = instant - EPOCH
    return passed.days * DAY + passed.seconds * SECOND + passed.microseconds


def time_of_day(number: int) -> time:
    """Return the time so many microseconds after 00:00."""
    minutes, rest = divmod(number, MINUTE)
    return time(*divmod(minutes, 60), *divmod(rest, SECOND))


def from_micros(number: int) -> datetime:
    """Return the instant so many microseconds after 1970 began, in UTC."""
    seconds, rest = divmod(number, SECOND)
    instant = datetime.fromtimestamp(seconds, UTC)
    return instant.replace(microsecond=rest) if rest else instant


@dataclass(frozen=True, slots=True, order=True)
class During:
    """The time from `start` up to, and without, `end`; both are kept in UTC.

    Raises ValueError if a time has no zone, or if nothing lies between the two.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        # Two times of one zone compare by their clocks, wrongly in a repeated hour: UTC has none.
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.start >= self.end:
            raise ValueError("A range of time must end after it starts.")

    @classmethod
    def of_span(cls, span: Span) -> During:
        """Return a span of microseconds since 1970."""
        return cls(from_micros(span[0]), from_micros(span[1]))

    @classmethod
    def starting_at(cls, starts: Iterable[int], length: timedelta) -> list[During]:
        """Return a range of that length from each of these microseconds since 1970.

        They are known to be right, and lists are long: nothing is checked again.
        """
        new, put, found = object.__new__, object.__setattr__, []
        for start in map(from_micros, starts):
            during = new(cls)
            put(during, "start", start)
            put(during, "end", start + length)
            found.append(during)
        return found

    @property
    def span(self) -> Span:
        """The same in microseconds since 1970."""
        return micros(self.start), micros(self.end)

    @property
    def minutes(self) -> int:
        """The length in whole minutes, rounded down."""
        return (self.end - self.start) // timedelta(minutes=1)

    def overlaps(self, other: During) -> bool:
        """Say whether some instant lies in both; touching is not overlapping."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: During) -> bool:
        """Say whether the whole of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def padded(self, before: timedelta, after: timedelta) -> During:
        """Return the range made longer at both ends. Raises ValueError if that leaves the calendar."""
        try:
            return During(self.start - before, self.end + after)
        except OverflowError as error:
            raise ValueError("A time must lie in the years 2 to 9998.") from error


def merge(ranges: Iterable[During]) -> list[During]:
    """Return the same time in as few ranges as it takes, sorted; ranges that touch become one."""
    merged: list[During] = []
    for during in sorted(ranges, key=attrgetter("start")):
        if not merged or merged[-1].end < during.start:
            merged.append(during)
        elif merged[-1].end < during.end:
            merged[-1] = During(merged[-1].start, during.end)
    return merged


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant as the clocks of `zone` show it. Raises ValueError as `as_utc` does."""
    return as_utc(instant).astimezone(zone)


@dataclass(frozen=True, slots=True)
class WallClock:
    """What the clocks of a zone read around some dates: stretches of time with one offset each, in microseconds."""

    stretches: tuple[tuple[int, int, int], ...]

    @classmethod
    def covering(cls, first: date, last: date, zone: ZoneInfo) -> WallClock:
        """Return the clock that knows every instant whose date in `zone` is `first` to `last`."""
        return _clock_covering(first, last, zone)

    def spans(self, starts: datetime, ends: datetime) -> list[During]:
        """Return all the time in which the clock reads at least `starts` and less than `ends`, sorted.

        `starts` and `ends` are what the clock reads, written as if in UTC. A time that the clock
        jumps over is in no span; a time that it reads twice is in the spans twice.
        """
        return [During.of_span(span) for span in self.spans_of(micros(starts), micros(ends))]

    def spans_of(self, starts: int, ends: int) -> list[Span]:
        """Return what `spans` does, in microseconds."""
        found = []
        for begin, change, offset in self.stretches:
            start = begin if begin > starts - offset else starts - offset
            end = change if change < ends - offset else ends - offset
            if start < end:
                found.append((start, end))
        return found

    def first_at(self, reading: datetime) -> datetime:
        """Return the first instant at which the clock reads at least `reading` (written as in UTC)."""
        wanted = micros(reading)
        for begin, change, offset in self.stretches:
            if wanted - offset < change:
                return from_micros(max(begin, wanted - offset))
        return from_micros(self.stretches[-1][1])

    def reading(self, instant: int) -> int | None:
        """Return what the clock reads at an instant, None where it is not known."""
        for begin, change, offset in self.stretches:
            if begin <= instant < change:
                return instant + offset
        return None


def midnight(day: date) -> datetime:
    """Return 00:00 of the day as a clock reading for `WallClock.spans`."""
    return datetime.combine(day, time.min, UTC)


def day_bounds(first: date, last: date, zone: ZoneInfo) -> During:
    """Return the whole days `first` to `last` of the zone, both included.

    Where the clock is put back over midnight a day comes in two parts: all of it is in the range.
    Raises ValueError if `last` is before `first`, if the zone skipped these days, or outside the
    years 2 to 9998.
    """
    if last < first:
        raise ValueError("The last day must not be before the first.")
    if first < EARLIEST.date() or last >= LATEST.date():
        raise ValueError("A day must lie in the years 2 to 9998.")
    starts, ends = midnight(first), midnight(last) + ONE_DAY
    opening = WallClock.covering(first, first, zone).spans(starts, ends)
    closing = WallClock.covering(last, last, zone).spans(starts, ends)
    if not opening or not closing:
        raise ValueError("This day does not exist in this time zone.")
    return During(opening[0].start, closing[-1].end)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return every name that `parse_zone` accepts, old names too."""
    return frozenset(available_timezones()) - NOT_A_PLACE


@lru_cache(maxsize=1)
def zone_choices() -> tuple[tuple[str, str], ...]:
    """Return the zones that a person may pick, as (name, label): Area/City names and UTC, sorted."""
    names = sorted(name for name in zone_names() if name.partition("/")[0] in AREAS)
    return tuple((name, name.replace("_", " ")) for name in [*names, "UTC"])


def parse_zone(name: str) -> ZoneInfo:
    """Return the zone of that name, also of an old one such as Asia/Calcutta (browsers send them).

    Raises ValueError. The name is looked up in a list: a stranger's words never become a path.
    """
    if name not in zone_names():
        raise ValueError("This is not the name of a time zone. Use one such as Asia/Jakarta.")
    return ZoneInfo(name)


@lru_cache(maxsize=512)
def _clock_covering(first: date, last: date, zone: ZoneInfo) -> WallClock:
    # An offset is less than a day, so these instants lie within a day of the same dates in UTC.
    start = max(EARLIEST, midnight(first) - ONE_DAY)
    end = min(LATEST, midnight(last) + 2 * ONE_DAY)
    stretches = []
    while start < end:
        change = _next_change(start, end, zone)
        stretches.append((micros(start), micros(change), _offset(start, zone) // ONE_SECOND * SECOND))
        start = change
    return WallClock(tuple(stretches))


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).replace(tzinfo=UTC) - instant


def _next_change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after `start` with another offset, or `end`. Exact to the second.

    Asking once a day misses nothing: no zone has ever changed twice within three days.
    """
    offset, same, other = _offset(start, zone), start, start
    while _offset(other, zone) == offset:
        if other == end:
            return end
        same, other = other, min(other + ONE_DAY, end)
    while other - same > ONE_SECOND:
        middle = (same + (other - same) / 2).replace(microsecond=0)
        if _offset(middle, zone) == offset:
            same = middle
        else:
            other = middle
    return other
