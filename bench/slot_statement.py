"""The same list by one SQL statement: windows, less the bookings, both as multiranges.

It does what our rule says for this tutor: overrides in the place of weekly hours, windows that touch made one, the grid
from each window's start, buffers on both sides, expired holds, notice, horizon and the daily limit. It leaves out what
would make it longer and slower: the student's own bookings, an hour that the clocks repeat, and the Mondays from which
the grid of a tutor counts who is open around the clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from bookings.models import Booking, SessionType
from bookings.times import During

STATEMENT = """
WITH days AS (
    SELECT day::date AS day
      FROM generate_series((%(start)s AT TIME ZONE %(zone)s)::date - 1, (%(end)s AT TIME ZONE %(zone)s)::date, '1 day') day
), hours AS (
    SELECT day, o.starts, o.ends
      FROM days JOIN bookings_dateoverride o ON o.tutor_id = %(tutor)s AND o.date = day AND o.starts IS NOT NULL
    UNION ALL
    SELECT day, w.starts, w.ends
      FROM days JOIN bookings_weeklyhours w ON w.tutor_id = %(tutor)s AND w.weekday = extract(isodow FROM day) - 1
     WHERE NOT EXISTS (SELECT FROM bookings_dateoverride o WHERE o.tutor_id = %(tutor)s AND o.date = day)
), windows AS (
    SELECT unnest(range_agg(tstzrange(
             (day + starts) AT TIME ZONE %(zone)s,
             CASE ends WHEN '00:00' THEN (day + 1)::timestamp ELSE day + ends END AT TIME ZONE %(zone)s))) AS run
      FROM hours
), booked AS MATERIALIZED (
    SELECT blocks, lower(during) AS starts
      FROM bookings_booking
     WHERE tutor_id = %(tutor)s AND status = ANY(%(active)s) AND NOT (status = 'held' AND held_until <= %(now)s)
       AND blocks && tstzrange(%(start)s - interval '2 days', %(end)s + interval '2 days')
), full_days AS (
    SELECT (starts AT TIME ZONE %(zone)s)::date AS day
      FROM booked WHERE %(limit)s::integer IS NOT NULL GROUP BY 1 HAVING count(*) >= %(limit)s
), free AS MATERIALIZED (
    SELECT (SELECT range_agg(tstzrange(lower(run), upper(run) - %(length)s, '[]'))
              FROM windows WHERE upper(run) - lower(run) >= %(length)s)
         - coalesce((SELECT range_agg(tstzrange(
                       lower(blocks) - %(length)s - %(after)s, upper(blocks) + %(before)s, '()')) FROM booked), '{}')
         - tstzmultirange(tstzrange(NULL, greatest(%(start)s, %(now)s + %(notice)s)), tstzrange(%(end)s, NULL)) AS starts
)
SELECT start
  FROM free, windows, generate_series(lower(run), upper(run) - %(length)s, %(step)s) start
 WHERE start <@ free.starts
   AND (start AT TIME ZONE %(zone)s)::date <= (%(now)s AT TIME ZONE %(zone)s)::date + %(horizon)s
   AND NOT EXISTS (SELECT FROM full_days WHERE day = (start AT TIME ZONE %(zone)s)::date)
 ORDER BY start
"""


def slots_by_statement(lesson: SessionType, *, within: During, now: datetime) -> list[datetime]:
    """Return the starts of the open slots, sorted, in UTC."""
    tutor = lesson.tutor
    step = tutor.slot_step_minutes or min(lesson.minutes, 30)
    values: dict[str, Any] = {
        "tutor": tutor.pk, "zone": tutor.time_zone, "start": within.start, "end": within.end, "now": now,
        "active": [str(status) for status in Booking.ACTIVE], "limit": tutor.daily_limit, "horizon": tutor.horizon_days,
        "length": timedelta(minutes=lesson.minutes), "step": timedelta(minutes=step),
        "before": timedelta(minutes=tutor.buffer_before_minutes), "after": timedelta(minutes=tutor.buffer_after_minutes),
        "notice": timedelta(minutes=tutor.notice_minutes),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, values)
        return [start for (start,) in cursor]
