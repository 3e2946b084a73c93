"""Open times as a reader sees them: by day, in the reader's zone, a fortnight at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bookings.times import During, day_bounds, local

DAYS_SHOWN = 14


@dataclass(frozen=True)
class Slot:
    """One start that can be pressed; `offset` is said only where a clock put back shows the same time twice."""

    starts_at: datetime
    offset: str = ""


@dataclass(frozen=True)
class Day:
    date: date
    slots: list[Slot] = field(default_factory=list)


@dataclass(frozen=True)
class Fortnight:
    """The days on one page, `first` to `last`, out of those that can be booked at all: `today` to `end`."""

    first: date
    today: date
    end: date

    @property
    def last(self) -> date:
        return min(self.first + timedelta(days=DAYS_SHOWN - 1), self.end)

    @property
    def earlier(self) -> date | None:
        """The first day of the page before, None on the first page."""
        return max(self.today, self.first - timedelta(days=DAYS_SHOWN)) if self.first > self.today else None

    @property
    def later(self) -> date | None:
        """The first day of the page after, None on the last page."""
        return self.last + timedelta(days=1) if self.last < self.end else None

    def during(self, zone: ZoneInfo) -> During:
        return day_bounds(self.first, self.last, zone)

    def rest(self, zone: ZoneInfo) -> During | None:
        """Return the time after this page that can still be booked."""
        return day_bounds(self.later, self.end, zone) if self.later else None


def by_day(slots: Iterable[During], zone: ZoneInfo) -> list[Day]:
    """Return the days of `zone` on which these slots start, each with its slots; days without one are left out."""
    days: dict[date, list[datetime]] = {}
    for slot in slots:
        days.setdefault(local(slot.start, zone).date(), []).append(slot.start)
    return [Day(day, _told_apart(starts, zone)) for day, starts in sorted(days.items())]


def _told_apart(starts: list[datetime], zone: ZoneInfo) -> list[Slot]:
    shown = [local(start, zone) for start in starts]
    clocks = [one.strftime("%H:%M") for one in shown]
    return [
        Slot(start, offset=one.strftime("UTC%z") if clocks.count(clock) > 1 else "")
        for start, one, clock in zip(starts, shown, clocks, strict=True)
    ]
