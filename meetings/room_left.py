"""POOL_FULL = refuse: a time at which every pool link would be taken is neither offered nor held.

What needs a link is counted, whether it has one yet or not: every booking that keeps its time (holds and requests
too) of a tutor who meets in the pool, its rest included. Sessions held elsewhere count nothing. As links can be
changed (repacking.py), so many sessions at once as there are links always fit, but for those that must stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bookings.errors import NoRoomLeft
from bookings.models import Booking, Tutor
from bookings.spans import Span
from bookings.times import MINUTE, During
from meetings import pool, repacking
from meetings.models import Meeting, MeetingLink
from meetings.packing import No, Use, find_places
from meetings.providers import is_offered

POOL, REFUSE = "pool", "refuse"
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
    rows = _ask(_FULL + _OF_TUTORS, within=within, now=now, leaving_out=leaving_out, tutors=list(tutors))
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
    if _ask(_FULL, within=wanted, now=now, leaving_out=leaving_out) or _is_stuck(wanted, now=now, leaving_out=leaving_out):
        raise NoRoomLeft


def meets_in_pool(tutor: Tutor) -> bool:
    """Say whether new sessions of the tutor need a link of the pool."""
    return tutor.meeting_provider not in _elsewhere()


def _is_stuck(wanted: During, *, now: datetime, leaving_out: Booking | None) -> bool:
    """Say whether sessions that must stay on their links leave no way to place this one and all that have no link yet."""
    reach = repacking.REACHES[0]
    seen = repacking.whole_days(During(wanted.start - reach, wanted.end + reach))
    view = repacking.look(seen, leaving_out=leaving_out)
    if not any(use.is_pinned for use in view.uses):
        return False
    without = _ask(_WITHOUT_LINK, within=seen, now=now, leaving_out=leaving_out)
    if len(without) > MOST_WITHOUT_LINK:
        return False
    asked = [Use(span, -number) for number, span in enumerate([wanted.span, *without], 1)]
    return find_places(list(view.links), view.uses, asked) is No.STUCK


def _elsewhere() -> list[str]:
    return [name for name in settings.MEETING_PROVIDERS if name != POOL and is_offered(name)]


def _ask(statement: str, *, within: During, now: datetime, leaving_out: Booking | None, **more: Any) -> list[Any]:
    values = {
        "start": within.start,
        "end": within.end,
        "now": now,
        "rest": pool.link_rest(),
        "left_out": leaving_out and leaving_out.pk,
        "elsewhere": _elsewhere(),
        "doors": now + timedelta(minutes=settings.JOIN_OPENS_MINUTES),
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
    return rows


def _quoted(statuses: Iterable[str]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


def _micros(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


_MEETINGS, _LINKS = Meeting._meta.db_table, MeetingLink._meta.db_table
_BOOKINGS, _PEOPLE = Booking._meta.db_table, Tutor._meta.db_table
_STANDS = (Booking.Status.PAID, Booking.Status.COMPLETED, Booking.Status.NO_SHOW_STUDENT, Booking.Status.NO_SHOW_TUTOR)
# Who has a link that others could have
_HELD = f"""
SELECT m.reserved AS span
  FROM {_MEETINGS} m JOIN {_LINKS} l ON l.id = m.link_id JOIN {_BOOKINGS} b ON b.id = m.booking_id
 WHERE l.status = 'available' AND m.status IN ({_quoted(Meeting.HOLDING)}) AND b.status IN ({_quoted(_STANDS)})
   AND m.reserved && tstzrange(%(start)s, %(end)s) AND b.id IS DISTINCT FROM %(left_out)s
"""  # noqa: S608 - the names are those of our own tables and columns
# Who has none yet, or must leave the one it has: the rule of Booking.objects.blocking, and where the session is held
_NEEDED = f"""
SELECT tstzrange(lower(b.during), upper(b.during) + %(rest)s) AS span
  FROM {_BOOKINGS} b JOIN {_PEOPLE} t ON t.id = b.tutor_id
  LEFT JOIN {_MEETINGS} m ON m.booking_id = b.id LEFT JOIN {_LINKS} l ON l.id = m.link_id
 WHERE b.during && tstzrange(%(start)s - %(rest)s, %(end)s) AND b.id IS DISTINCT FROM %(left_out)s
   AND b.status IN ({_quoted(Booking.ACTIVE)})
   AND (b.status NOT IN ({_quoted(Booking.KEPT)}) OR b.held_until IS NULL OR b.held_until > %(now)s)
   AND CASE WHEN m.id IS NULL OR m.status = 'cancelled' THEN t.meeting_provider <> ALL(%(elsewhere)s)
            WHEN m.status = 'waiting' THEN m.provider = '{POOL}'
            WHEN m.status = 'ready' AND m.provider = '{POOL}'
            THEN m.during <> b.during OR (l.status = 'retired' AND lower(m.during) > %(doors)s)
            ELSE false END
"""  # noqa: S608
_WITHOUT_LINK = f"SELECT {_micros('lower(span)')}, {_micros('upper(span)')} FROM ({_NEEDED}) needed"  # noqa: S608
# How many there are between each edge of a span and the next; with no link at all it is full all the time.
_FULL = f"""
WITH uses AS ({_HELD} UNION ALL {_NEEDED}),
     links AS (SELECT count(*) AS number FROM {_LINKS} WHERE status = 'available'),
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
SELECT id, NULL, NULL FROM {_PEOPLE} WHERE id = ANY(%(tutors)s) AND meeting_provider <> ALL(%(elsewhere)s)
"""  # noqa: S608
