"""How far the pool is used: now, and at the fullest moment of some time. Questions only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from bookings.times import During
from meetings.pool import Capacity, capacity

LONGEST = timedelta(days=2)  # no session, its rest included, is longer
AHEAD = timedelta(hours=24)

# Touching is no overlap: whoever leaves at a moment is counted before whoever comes then.
PEAK = """
WITH held AS MATERIALIZED (
    SELECT greatest(lower(m.reserved), %(start)s) AS begins, upper(m.reserved) AS ends
      FROM meetings_meetinglink l
      JOIN meetings_meeting m ON m.link_id = l.id
     WHERE l.status = 'available' AND m.link_id IS NOT NULL AND m.status IN ('ready', 'ended')
       AND lower(m.reserved) >= %(earliest)s AND lower(m.reserved) < %(end)s AND upper(m.reserved) > %(start)s
), steps AS (
    SELECT begins AS at, 1 AS step FROM held UNION ALL SELECT ends, -1 FROM held
)
SELECT coalesce(max(used), 0) FROM (SELECT sum(step) OVER (ORDER BY at, step) AS used FROM steps) AS counted
"""


@dataclass(frozen=True)
class PoolUse:
    """The links as they stand, and the most of the available ones in use at once today and in the 24 hours to come."""

    now: Capacity
    peak_today: int
    peak_ahead: int

    @property
    def others_in_use(self) -> int:
        """Links in use now that are cordoned or retired: sessions that had them keep them."""
        return self.now.in_use - self.now.available_in_use

    @property
    def is_nearly_full(self) -> bool:
        """True when ALERT_POOL_PERCENT of the available links, or more, will be in use at once."""
        return self.now.available > 0 and 100 * self.peak_ahead >= settings.ALERT_POOL_PERCENT * self.now.available


def pool_use(now: datetime, *, today: During) -> PoolUse:
    """Return how far the pool is used. Three statements."""
    return PoolUse(capacity(now), peak_during(today), peak_during(During(now, now + AHEAD)))


def peak_during(during: During) -> int:
    """Return how many available links are in use, or rest, at the fullest moment of that time (UTC)."""
    asked = {"start": during.start, "end": during.end, "earliest": during.start - LONGEST}
    with connection.cursor() as cursor:
        cursor.execute(PEAK, asked)
        (peak,) = cursor.fetchone()
    return int(peak)
