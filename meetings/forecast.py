"""How many pool links the coming weeks need, hour by hour, against how many there are.

Needed at an hour is the largest number of sessions at once in it, the rest after each included: that many links are
enough, and fewer are not (the sessions are intervals on one line). Sessions that sit on a link which is given to nobody
any more need no other. Counted are paid sessions, and times that somebody holds or asked for: they may be paid yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from bookings import times
from bookings.models import Booking
from meetings.chain import POOL
from meetings.models import MeetingLink
from meetings.pool import link_rest
from meetings.providers import is_offered

DAYS, MOST_DAYS = 60, 366
HOUR = timedelta(hours=1)
NEARLY_FULL = 0.8  # of the links: beyond that an unlucky hour is near
WARN_DAYS = 14
CHANGES = (-5, -3, -2, -1, 0, 1, 2, 3, 5, 10)

_NEEDED = """
WITH uses AS (
    SELECT lower(m.during) AS begins, COALESCE(upper(m.reserved), upper(m.during) + %(rest)s) AS ends
    FROM meetings_meeting m LEFT JOIN meetings_meetinglink l ON l.id = m.link_id
    WHERE m.provider = 'pool' AND m.status IN ('waiting', 'ready') AND (l.id IS NULL OR l.status = 'available')
      AND lower(m.during) < %(end)s
  UNION ALL
    SELECT lower(b.during), upper(b.during) + %(rest)s
    FROM bookings_booking b JOIN bookings_tutor t ON t.id = b.tutor_id
    WHERE (b.status = ANY(%(wanted)s) OR (b.status = 'held' AND b.held_until > %(now)s))
      AND upper(b.during) > %(start)s - %(rest)s AND lower(b.during) < %(end)s
      AND NOT t.meeting_provider = ANY(%(elsewhere)s)
      AND NOT EXISTS (SELECT FROM meetings_meeting m WHERE m.booking_id = b.id AND m.status <> 'cancelled')
), steps AS (
    SELECT begins AS at, 1 AS more FROM uses WHERE ends > %(start)s
  UNION ALL SELECT ends, -1 FROM uses WHERE ends > %(start)s
  UNION ALL SELECT generate_series(%(start)s, %(end)s, interval '1 hour'), 0
), levels AS (  -- what ends at the very moment at which another begins has made room for it
    SELECT at, sum(sum(more)) OVER (ORDER BY at) AS level FROM steps GROUP BY at
)
SELECT date_bin('1 hour', at, %(start)s) AS hour, max(level)::int FROM levels
WHERE at >= %(start)s AND at < %(end)s GROUP BY hour ORDER BY hour
"""


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
    facts: dict[str, Any] = {
        "now": now,
        "start": start,
        "end": start + timedelta(days=days),
        "rest": link_rest(),
        "wanted": [Booking.Status.REQUESTED.value, Booking.Status.ACCEPTED.value, Booking.Status.PAID.value],
        "elsewhere": [name for name in settings.MEETING_PROVIDERS if name != POOL and is_offered(name)],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEEDED, facts)
        hours = [Hour(at, needed) for at, needed in cursor.fetchall()]
    return Forecast(MeetingLink.objects.available().count(), hours)


def _full_at(hours: Sequence[Hour], links: int) -> datetime | None:
    return next((hour.starts_at for hour in hours if hour.needed and hour.needed >= links), None)
