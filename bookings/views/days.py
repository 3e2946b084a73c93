"""Open times as a reader sees them: by day, in the reader's zone, a fortnight at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.forms import DayForm
from bookings.models import Tutor
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


def read_fortnight(raw: str, tutor: Tutor, *, first: date | None = None) -> tuple[Fortnight, str]:
    """Return the days asked for, brought within what can be booked with this tutor, and a sentence where that differs.

    Days are the reader's. Nothing asked for: the page begins with `first`, or with today.
    """
    today = timezone.localdate()
    last_of_tutor = timezone.localdate(timezone=ZoneInfo(tutor.time_zone)) + timedelta(days=tutor.horizon_days)
    end = max(today, last_of_tutor + timedelta(days=1))  # the tutor's evening may be the reader's next day
    if not raw:
        return Fortnight(min(max(first or today, today), end), today, end), ""
    asked = DayForm.read(raw)
    if asked is None:
        return Fortnight(today, today, end), _("This is not a date. Here are the coming days.")
    if asked < today:
        return Fortnight(today, today, end), _("That day is over. Here are the coming days.")
    if asked > end:
        last_page = max(today, end - timedelta(days=6))
        return Fortnight(last_page, today, end), _("That day is too far away. These are the last days that can be booked.")
    return Fortnight(asked, today, end), ""


def reader_zone() -> ZoneInfo:
    """Return the zone in which the reader's times are shown (set by the middleware)."""
    return ZoneInfo(timezone.get_current_timezone_name())


def by_day(slots: Iterable[During], zone: ZoneInfo) -> list[Day]:
    """Return the days of `zone` on which these slots start, each with its slots; days without one are left out."""
    days: dict[date, list[datetime]] = {}
    for slot in slots:
        days.setdefault(local(slot.start, zone).date(), []).append(slot.start)
    return [Day(day, _told_apart(starts, zone)) for day, starts in sorted(days.items())]


def _told_apart(starts: list[datetime], zone: ZoneInfo) -> list[Slot]:
    shown = [local(start, zone) for start in starts]
    times_told = Counter((one.hour, one.minute) for one in shown)
    return [
        Slot(start, offset=one.strftime("UTC%z") if times_told[one.hour, one.minute] > 1 else "")
        for start, one in zip(starts, shown, strict=True)
    ]
