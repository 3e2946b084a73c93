"""Who needs a link of the pool, told to the database once: for refusing times, and for foreseeing how many are needed.

What needs a link is counted, whether it has one yet or not: every booking that keeps its time (holds and requests
too) of a tutor who meets in the pool, its rest included. Sessions held elsewhere count nothing, nor do those that stay
on a link which is given to nobody any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from bookings.models import Booking, Tutor
from bookings.times import During
from meetings.chain import POOL
from meetings.models import Meeting, MeetingLink
from meetings.pool import link_rest
from meetings.providers import is_offered


def meets_in_pool(tutor: Tutor) -> bool:
    """Say whether new sessions of the tutor need a link of the pool."""
    return tutor.meeting_provider not in _elsewhere()


def ask_of_needs(
    statement: str, within: During, *, now: datetime, leaving_out: Booking | None = None, **more: Any
) -> list[Any]:
    """Return the rows of a statement that is made of HELD and NEEDED, for that time (UTC)."""
    values = {
        "start": within.start,
        "end": within.end,
        "now": now,
        "rest": link_rest(),
        "left_out": leaving_out and leaving_out.pk,
        "elsewhere": _elsewhere(),
        "doors": now + timedelta(minutes=settings.JOIN_OPENS_MINUTES),
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
    return rows


def _elsewhere() -> list[str]:
    return [name for name in settings.MEETING_PROVIDERS if name != POOL and is_offered(name)]


def _quoted(statuses: Iterable[str]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


_MEETINGS, LINKS = Meeting._meta.db_table, MeetingLink._meta.db_table
_BOOKINGS, TUTORS = Booking._meta.db_table, Tutor._meta.db_table
_STANDS = (Booking.Status.PAID, *Booking.OVER)
# Who has a link that others could have
HELD = f"""
SELECT m.reserved AS span
  FROM {_MEETINGS} m JOIN {LINKS} l ON l.id = m.link_id JOIN {_BOOKINGS} b ON b.id = m.booking_id
 WHERE l.status = 'available' AND m.status IN ({_quoted(Meeting.HOLDING)}) AND b.status IN ({_quoted(_STANDS)})
   AND m.reserved && tstzrange(%(start)s, %(end)s) AND b.id IS DISTINCT FROM %(left_out)s
"""  # noqa: S608 - the names are those of our own tables and columns
# Who has none yet, or must leave the one it has: the rule of Booking.objects.blocking, and where the session is held
NEEDED = f"""
SELECT tstzrange(lower(b.during), upper(b.during) + %(rest)s) AS span
  FROM {_BOOKINGS} b JOIN {TUTORS} t ON t.id = b.tutor_id
  LEFT JOIN {_MEETINGS} m ON m.booking_id = b.id LEFT JOIN {LINKS} l ON l.id = m.link_id
 WHERE b.during && tstzrange(%(start)s - %(rest)s, %(end)s) AND b.id IS DISTINCT FROM %(left_out)s
   AND b.status IN ({_quoted(Booking.ACTIVE)})
   AND (b.status NOT IN ({_quoted(Booking.KEPT)}) OR b.held_until IS NULL OR b.held_until > %(now)s)
   AND CASE WHEN m.id IS NULL OR m.status = 'cancelled' THEN t.meeting_provider <> ALL(%(elsewhere)s)
            WHEN m.status = 'waiting' THEN m.provider = '{POOL}'
            WHEN m.status = 'ready' AND m.provider = '{POOL}'
            THEN m.during <> b.during OR (l.status = 'retired' AND lower(m.during) > %(doors)s)
            ELSE false END
"""  # noqa: S608
