"""What really happened, asked of all rows afterwards, without the site's own code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# A lesson is doubly assigned if it starts on its link before all earlier ones have ended there.
OURS = """SELECT link_id AS link, reserved AS taken FROM meetings_meeting
   WHERE link_id IS NOT NULL AND status IN ('ready', 'ended')"""
BEFORE = """SELECT b.meeting_link_id AS link, tstzrange(starts, starts + t.duration * interval '1 minute') AS taken
    FROM earlier.bookings b JOIN earlier.session_types t ON t.id = b.session_type_id,
         LATERAL (SELECT (b.booking_date || ' ' || b.booking_time)::timestamptz AS starts) s
   WHERE b.meeting_link_id IS NOT NULL"""
DOUBLE = """
SELECT count(*) FROM (
    SELECT lower(taken) < max(upper(taken)) OVER (
               PARTITION BY link ORDER BY lower(taken), upper(taken) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS double
      FROM ({uses}) uses) checked WHERE double
"""
# Links are never freed during a measurement: one that is free among the rows written until the refusal was free then.
FREE_FOR = """
SELECT EXISTS (
    SELECT FROM meetings_meetinglink l WHERE l.status = 'available' AND NOT EXISTS (
        SELECT FROM meetings_meeting m WHERE m.link_id = l.id AND m.status IN ('ready', 'ended') AND m.ready_at <= %(by)s
           AND m.reserved && (SELECT tstzrange(lower(during), upper(during) + interval '10 minutes')
                                FROM meetings_meeting WHERE id = %(meeting)s)))
"""


def double_assignments() -> int:
    """Count the lessons that share their link with an earlier one at the same time, over the whole table."""
    return _count(OURS)


def double_assignments_as_before() -> int:
    """The same of the earlier system's copy, where a link need not rest."""
    return _count(BEFORE)


def false_refusals(refusals: Iterable[tuple[int, datetime]]) -> int:
    """Count the refusals (meeting, when) at which some link was free for the whole time, its rest included."""
    false = 0
    with connection.cursor() as cursor:
        for meeting, when in refusals:
            cursor.execute(FREE_FOR, {"meeting": meeting, "by": when})
            false += cursor.fetchone()[0]
    return false


@dataclass(frozen=True)
class Trouble:
    """What the server counted in this database: deadlocks, and transactions rolled back (each retry is one)."""

    deadlocks: int
    rollbacks: int

    def __sub__(self, earlier: Trouble) -> Trouble:
        return Trouble(self.deadlocks - earlier.deadlocks, self.rollbacks - earlier.rollbacks)


def trouble_so_far() -> Trouble:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks, xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        return Trouble(*cursor.fetchone())


def _count(uses: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DOUBLE.format(uses=uses))
        return int(cursor.fetchone()[0])
