"""POOL_FULL = refuse: a time at which every pool link would be taken is neither offered nor held.

Who needs a link is told in needs.py. As links can be changed (repacking.py), so many sessions at once as there are
links always fit, but for those that must stay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from bookings.errors import NoRoomLeft
from bookings.models import Booking, Tutor
from bookings.spans import Span
from bookings.times import MINUTE, During
from meetings import pool, repacking
from meetings.needs import HELD, LINKS, NEEDED, TUTORS, ask_of_needs, meets_in_pool
from meetings.packing import No, Use, find_places

REFUSE = "refuse"
MOST_WITHOUT_LINK = 30  # beyond that, whether links that must stay leave room is not looked into


def is_asked() -> bool:
    """Say whether this site refuses times without a link."""
    return settings.POOL_FULL == REFUSE


def full_times(
    tutors: Collection[int], *, within: During, now: datetime, leaving_out: Booking | None = None
) -> dict[int, list[Span]]:
    """Return when no session of these tutors may take place, in microseconds, as no link would be left.

    By the key of the tutor; those who meet elsewhere are missing. One query.
    """
    rows = ask_of_needs(_FULL + _OF_TUTORS, within, now=now, leaving_out=leaving_out, tutors=list(tutors))
    rest = settings.LINK_BUFFER_MINUTES * MINUTE
    spans = [(first - rest, last) for tutor, first, last in rows if tutor is None]
    return {tutor: spans for tutor, _first, _last in rows if tutor is not None}


def require_room(tutor: Tutor, during: During, *, leaving_out: Booking | None = None) -> None:
    """Lock the days of that time (UTC), and see whether one more session of the tutor then finds a link.

    In the transaction that writes the session: of two that want the last link the second sees the first. Raises
    NoRoomLeft, and only where no change of links could make room.
    """
    if not meets_in_pool(tutor):
        return
    wanted = pool.time_with_rest(during)
    repacking.lock_days(wanted)
    now = timezone.now()
    is_full = bool(ask_of_needs(_FULL, wanted, now=now, leaving_out=leaving_out))
    if is_full or _is_stuck(wanted, now=now, leaving_out=leaving_out):
        raise NoRoomLeft


def _is_stuck(wanted: During, *, now: datetime, leaving_out: Booking | None) -> bool:
    """Say whether sessions that must stay on their links leave no way to place this one and all that have no link yet."""
    reach = repacking.REACHES[0]
    seen = repacking.whole_days(During(wanted.start - reach, wanted.end + reach))
    view = repacking.look(seen, leaving_out=leaving_out)
    if not any(use.is_pinned for use in view.uses):
        return False
    without = ask_of_needs(_WITHOUT_LINK, seen, now=now, leaving_out=leaving_out)
    if len(without) > MOST_WITHOUT_LINK:
        return False
    asked = [Use(span, -number) for number, span in enumerate([wanted.span, *without], 1)]
    return find_places(list(view.links), view.uses, asked) is No.STUCK


def _micros(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


_WITHOUT_LINK = f"SELECT {_micros('lower(span)')}, {_micros('upper(span)')} FROM ({NEEDED}) needed"  # noqa: S608
# How many there are between each edge of a span and the next; with no link at all it is full all the time.
_FULL = f"""
WITH uses AS ({HELD} UNION ALL {NEEDED}),
     links AS (SELECT count(*) AS number FROM {LINKS} WHERE status = 'available'),
     edges AS (SELECT lower(span) AS at, 1 AS change FROM uses UNION ALL SELECT upper(span), -1 FROM uses),
     levels AS (SELECT at, lead(at) OVER (ORDER BY at) AS until, sum(sum(change)) OVER (ORDER BY at) AS level
                  FROM edges GROUP BY at),
     found AS (SELECT at, until FROM levels, links WHERE level >= links.number AND links.number > 0
               UNION ALL SELECT %(start)s, %(end)s FROM links WHERE links.number = 0)
SELECT NULL::bigint AS tutor, {_micros("at")} AS first, {_micros("until")} AS last FROM found
 WHERE at < %(end)s AND until > %(start)s
"""  # noqa: S608
_OF_TUTORS = f"""
UNION ALL
SELECT id, NULL, NULL FROM {TUTORS} WHERE id = ANY(%(tutors)s) AND meeting_provider <> ALL(%(elsewhere)s)
"""  # noqa: S608
