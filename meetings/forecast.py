"""How many pool links the coming weeks need, hour by hour, against how many there are.

Needed at an hour is the largest number of sessions at once in it, the rest after each included: that many links are
enough, and fewer are not (the sessions are intervals on one line). Who needs a link is told in needs.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from bookings import times
from bookings.times import During
from meetings.models import MeetingLink
from meetings.needs import HELD, NEEDED, ask_of_needs

DAYS, MOST_DAYS = 60, 366
NEARLY_FULL = 0.8  # of the links: beyond that an unlucky hour is near
WARN_DAYS = 14
CHANGES = (-5, -3, -2, -1, 0, 1, 2, 3, 5, 10)

# As many as stand between each step and the next; what ends when another begins has made room for it.
_LEVELS = f"""
WITH uses AS ({HELD} UNION ALL {NEEDED}), steps AS (
    SELECT lower(span) AS at, 1 AS more FROM uses WHERE upper(span) > %(start)s
  UNION ALL SELECT upper(span), -1 FROM uses WHERE upper(span) > %(start)s
  UNION ALL SELECT generate_series(%(start)s, %(end)s, interval '1 hour'), 0
), levels AS (
    SELECT at, sum(sum(more)) OVER (ORDER BY at) AS level FROM steps GROUP BY at
)
SELECT date_bin('1 hour', at, %(start)s) AS hour, max(level)::int FROM levels
WHERE at >= %(start)s AND at < %(end)s GROUP BY hour ORDER BY hour
"""  # noqa: S608 - the names are those of our own tables and columns


@dataclass(frozen=True)
class Hour:
    """An hour that begins then, and the links it needs."""

    starts_at: datetime
    needed: int


@dataclass(frozen=True)
class Change:
    """What so many links more (or fewer) would mean."""

    more: int
    links: int
    hours_short: int  # in which a session would find none
    missing: int  # links in the worst of them
    full_at: datetime | None  # the first hour in which none is left over


@dataclass(frozen=True)
class Forecast:
    """The coming hours, without a gap, and the links that can be given to them."""

    links: int
    hours: Sequence[Hour]

    @property
    def peak(self) -> Hour | None:
        """The first of the hours that need most; None where nothing is needed."""
        peak = max(self.hours, key=lambda hour: hour.needed, default=None)
        return peak if peak is not None and peak.needed else None

    @property
    def full_at(self) -> datetime | None:
        """The first hour in which no link is left over."""
        return _full_at(self.hours, self.links)

    @property
    def hours_short(self) -> list[Hour]:
        """Hours in which a session finds no link."""
        return [hour for hour in self.hours if hour.needed > self.links]

    @property
    def nearly_full(self) -> list[Hour]:
        """Hours that need more than `NEARLY_FULL` of the links."""
        return [hour for hour in self.hours if hour.needed > self.links * NEARLY_FULL]

    def changed_by(self, more: int) -> Change:
        """Return what adding (or, below zero, removing) links would do."""
        links = max(0, self.links + more)
        short = [hour.needed - links for hour in self.hours if hour.needed > links]
        return Change(more, links, len(short), max(short, default=0), _full_at(self.hours, links))

    def changes(self) -> list[Change]:
        """Return what several changes would do; those that leave less than no link are left out."""
        return [self.changed_by(more) for more in CHANGES if self.links + more >= 0]


def foresee(*, now: datetime, days: int = DAYS) -> Forecast:
    """Return the forecast from this hour on, `days` long. Two queries, however many sessions are to come.

    Hours begin as those of the site's zone do. Raises ValueError for less than one day or more than a year.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"a forecast is 1 to {MOST_DAYS} days long")
    zone = times.parse_zone(settings.DEFAULT_TIME_ZONE)
    start = times.local(now, zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    rows = ask_of_needs(_LEVELS, During(start, start + timedelta(days=days)), now=now)
    hours = [Hour(at, needed) for at, needed in rows]
    return Forecast(MeetingLink.objects.available().count(), hours)


def _full_at(hours: Sequence[Hour], links: int) -> datetime | None:
    return next((hour.starts_at for hour in hours if hour.needed and hour.needed >= links), None)
