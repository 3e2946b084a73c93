"""The forecast of the pool with a great many sessions to come, beside counting the same sessions once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from bench import history
from bench.figures import percentile, ratio, shown, table
from meetings.forecast import DAYS, foresee

COUNT = "SELECT count(*) FROM meetings_meeting WHERE status IN ('waiting', 'ready') AND lower(during) < %s"
READ = (
    "SELECT lower(reserved), upper(reserved) FROM meetings_meeting"
    " WHERE provider = 'pool' AND status IN ('waiting', 'ready') AND lower(during) < %s ORDER BY 1"
)
GIVE_LINKS = """
UPDATE meetings_meeting m
   SET link_id = b.tutor_id - %s, reserved = tstzrange(lower(m.during), upper(m.during) + interval '10 minutes'),
       status = 'ready', ready_at = now(), next_attempt_at = NULL
  FROM bookings_booking b WHERE b.id = m.booking_id AND m.status = 'waiting'
"""


@dataclass(frozen=True)
class Forecasting:
    """The forecast of 60 days: seconds, those of counting the same rows, and whether a sweep in Python agrees."""

    meetings: int
    seconds: float
    counting: float
    peak: int
    peak_by_hand: int

    @property
    def times_counting(self) -> float:
        return ratio(self.seconds, self.counting)

    @property
    def is_right(self) -> bool:
        return self.peak == self.peak_by_hand


def measure_forecast(*, meetings: int, rounds: int) -> Forecasting:
    """Foresee 60 days in which so many sessions with links are to come."""
    hours = 24 * (DAYS - 1)
    past = history.History(2 * (-(-meetings // hours)), 1, history.coming_midnight())
    history.load_history(past)
    history.add_requests(past, count=meetings, hours=hours)
    with connection.cursor() as cursor:
        cursor.execute(GIVE_LINKS, [past.lanes])
    history.settle()
    now = datetime.now(UTC)
    end = now + timedelta(days=DAYS)
    took, counted = [], []
    for _ in range(rounds):
        took.append(_timed(lambda: foresee(now=now)))
        counted.append(_timed(lambda: _ask(COUNT, end)))
    peak = foresee(now=now).peak
    by_hand = _most_at_once(_ask(READ, end))
    return Forecasting(meetings, percentile(took, 50), percentile(counted, 50), peak.needed if peak else 0, by_hand)


def _ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _timed(ask: Callable[[], object]) -> float:
    began = time.monotonic()
    ask()
    return time.monotonic() - began


def _most_at_once(uses: list[tuple[Any, ...]]) -> int:
    """Sweep over the uses: who leaves at a moment goes before who comes then."""
    steps = sorted([(begins, 1) for begins, _ends in uses] + [(ends, -1) for _begins, ends in uses])
    most = now = 0
    for _at, step in steps:
        now += step
        most = max(most, now)
    return most


def report(measured: Forecasting) -> str:
    """Return the table."""
    heads = ["sessions to come", "forecast ms", "counting them ms", "forecast : counting", "peak", "peak by hand"]
    row = [
        f"{measured.meetings:,}", shown(measured.seconds * 1000), shown(measured.counting * 1000),
        shown(measured.times_counting), str(measured.peak), str(measured.peak_by_hand),
    ]  # fmt: skip
    return table(heads, [row])
