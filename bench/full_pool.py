"""A pool that is nearly full: how many bookings get no link, although as many as there are links would fit.

Lessons of 20 to 110 minutes are asked for in random order on a grid of a quarter of an hour, over two days; with the
rest of 10 minutes each is taken as long as fewer overlap than links are there, until 95 % of all the links' time is
sold. So the optimum is known: all of them fit. Who assigns knows nothing of those that come later.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from bench import history, truth
from bench.crew import Crew
from bench.figures import Sample, percentile, shown, table
from bench.history import History, insert_rows, load_people
from bench.work import FUNCTION, VERB
from bookings.models import Booking, Change
from meetings.models import Meeting
from meetings.repacking import WHY

LOAD = 0.95
MOST_ASKED = 200_000
QUARTERS = 2 * 24 * 4  # quarters of an hour that are sold
LENGTHS = (2, 3, 4, 6, 8)  # quarters, the rest of 10 minutes included
REST = timedelta(minutes=10)


@dataclass(frozen=True)
class FullPool:
    """What became of the lessons: by first fit and by best fit with nobody moved, and as the site does it."""

    links: int
    clients: int
    lessons: int
    load: float
    lost_by_first_fit: int
    lost_without_moves: int
    ours: Sample
    moves: int
    doubles: int
    trouble: truth.Trouble

    @property
    def lost(self) -> int:
        return self.lessons - self.ours.outcomes["assigned"]


def measure_full_pools(crew: Crew, *, sizes: Sequence[int], clients: Sequence[int]) -> list[FullPool]:
    """Sell each pool nearly out and give its lessons links, with nobody moved and then as the site does."""
    found = []
    for links in sizes:
        history.load_history(History(links, 0, history.coming_midnight()))
        lessons = sell(links, chance=random.Random(links))
        keys = _insert(lessons, history.coming_midnight())
        history.settle()
        load = sum(length for _start, length in lessons) / (links * QUARTERS)
        for number in clients:
            without = crew.run(FUNCTION, keys, clients=number, seconds=300)
            _take_links_back()
            before, moved_before = truth.trouble_so_far(), _moves()
            ours = crew.run(VERB, keys, clients=number, seconds=300)
            found.append(FullPool(
                links, number, len(lessons), load, lost_by_first_fit(links, lessons), without.outcomes["refused"], ours,
                _moves() - moved_before, truth.double_assignments(), truth.trouble_so_far() - before,
            ))  # fmt: skip
            _take_links_back()
    return found


def sell(links: int, *, chance: random.Random) -> list[tuple[int, int]]:
    """Return lessons (first quarter, quarters with rest) in the order in which they are asked for.

    Of very few links the last gaps may be too short for any lesson: it ends all the same.
    """
    used, sold = [0] * QUARTERS, list[tuple[int, int]]()
    for _asked in range(MOST_ASKED):
        if sum(used) >= LOAD * links * QUARTERS:
            break
        start, length = chance.randrange(QUARTERS - 1), chance.choice(LENGTHS)
        asked = used[start : start + length]
        if len(asked) == length and max(asked) < links:
            sold.append((start, length))
            used[start : start + length] = [number + 1 for number in asked]
    return sold


def lost_by_first_fit(links: int, lessons: Sequence[tuple[int, int]]) -> int:
    """Count the lessons that find no link if each takes the first that is free, and keeps it."""
    used = [[False] * QUARTERS for _ in range(links)]
    lost = 0
    for start, length in lessons:
        free = next((row for row in used if not any(row[start : start + length])), None)
        if free is None:
            lost += 1
        else:
            free[start : start + length] = [True] * length
    return lost


def report(pools: Sequence[FullPool]) -> str:
    """Return the table of pools that are nearly full."""
    heads = ["links", "clients", "lessons", "load", "lost: first fit", "lost: nobody moves", "lost", "of the optimum",
             "moves", "moves a lesson", "links /s", "median ms", "p95 ms", "double", "deadlocks"]  # fmt: skip
    rows = []
    for pool in pools:
        rows.append([
            str(pool.links), str(pool.clients), str(pool.lessons), f"{pool.load:.0%}", str(pool.lost_by_first_fit),
            str(pool.lost_without_moves), str(pool.lost), f"{pool.lost / pool.lessons:.1%}", str(pool.moves),
            shown(pool.moves / pool.lessons), shown(pool.ours.per_second),
            shown(percentile(pool.ours.latencies, 50) * 1000), shown(pool.ours.p95 * 1000), str(pool.doubles),
            str(pool.trouble.deadlocks),
        ])  # fmt: skip
    return table(heads, rows)


def _insert(lessons: Sequence[tuple[int, int]], midnight: datetime) -> list[int]:
    """Add paid lessons, each of a tutor and a student of its own, that wait for links. Returns the meetings' keys."""
    starts = [midnight + timedelta(minutes=15 * start) for start, _length in lessons]
    ends = [start + timedelta(minutes=15 * length) - REST for start, (_at, length) in zip(starts, lessons, strict=True)]
    with transaction.atomic(), connection.cursor() as cursor:
        load_people(len(lessons))
        cursor.execute(
            "CREATE TEMP TABLE sold ON COMMIT DROP AS SELECT number AS id, tstzrange(starts, ends) AS during"
            " FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY sold (starts, ends, number)",
            [starts, ends],
        )
        insert_rows(Booking, {
            "id": "id", "reference": "'BK-F' || id", "order_id": "id", "student_id": "id", "tutor_id": "id",
            "session_type_id": "id", "name": "'Lesson'", "minutes": "50", "price": "150000", "currency": "'IDR'",
            "during": "during", "blocks": "during", "created_at": "now()", "status": "'paid'",
        }, "FROM sold")  # fmt: skip
        insert_rows(Meeting, {
            "id": "id", "booking_id": "id", "provider": "'pool'", "during": "during", "status": "'waiting'",
            "requested_at": "now()", "next_attempt_at": "now()",
        }, "FROM sold")  # fmt: skip
    return list(range(1, len(lessons) + 1))


def _take_links_back() -> None:
    Meeting.objects.update(status=Meeting.Status.WAITING, link=None, reserved=None, ready_at=None)


def _moves() -> int:
    return Change.objects.filter(why=WHY).count()
