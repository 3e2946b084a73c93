"""The slot list of a busy tutor: ours beside one SQL statement, a check of each booking, and another package.

Everybody lists the same slots of the same tutor, in turns within one run, so that a noisy machine is noisy for all.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import slot_requests
from bench.busy_tutor import DAYS, LESSONS, load_rows, make_busy_tutor
from bench.figures import percentile, ratio, shown, table
from bench.slot_package import PackageMissing, running_package
from bench.slot_requests import Asked, measure_requests
from bench.slot_statement import slots_by_statement
from bookings import availability, slots
from bookings.models import Booking, SessionType, WeeklyHours
from bookings.slots import Taken
from bookings.times import During
from bookings.windows import Hours

OURS, STATEMENT, PLAIN, PACKAGE = "open_slots", "one SQL statement", "check of each booking", "django-appointment"
CALLS = {OURS: 5, STATEMENT: 5, PLAIN: 1, PACKAGE: 1}  # in each round; the last two take long

Answer = tuple[float, list[datetime]]  # seconds, and the starts, sorted


@dataclass(frozen=True)
class SlotList:
    """The seconds of each call and the queries of one, by contestant; how many slots all of them found; whole requests."""

    seconds: dict[str, list[float]]
    queries: dict[str, int]
    slots: int
    requests: list[Asked]

    def median(self, contestant: str) -> float:
        return percentile(self.seconds[contestant], 50)

    def times(self, contestant: str, *, of: str) -> float:
        """Return how many times as long as `of` a contestant takes."""
        return ratio(self.median(contestant), self.median(of))


def measure_slot_list(folder: Path, *, rounds: int) -> SlotList:
    """List the open slots of 30 days in so many rounds. Raises RuntimeError if two lists differ."""
    busy = make_busy_tutor()
    lesson, within = load_rows(busy), busy.within
    contestants = {
        OURS: _timed(lambda: [slot.start for slot in availability.open_slots(lesson, within=within)]),
        STATEMENT: _timed(lambda: slots_by_statement(lesson, within=within, now=datetime.now(UTC))),
        PLAIN: _timed(lambda: _plain_slots(lesson, within)),
    }
    queries = {name: _queries(list_slots) for name, list_slots in contestants.items()}
    with ExitStack() as running:
        try:
            package = running.enter_context(running_package(busy, folder=folder))
        except PackageMissing as missing:
            print(missing, flush=True)
        else:
            contestants[PACKAGE], queries[PACKAGE] = package.list_slots, package.count_queries()
        found = require_same_slots(contestants)
        seconds = take_turns(contestants, rounds)
    asked = measure_requests(lesson, first=busy.first, rounds=rounds)
    return SlotList(seconds, queries, len(found), asked)


def report(measured: SlotList) -> str:
    """Return the table."""
    heads = ["slots of 30 days", "median ms", "p95 ms", "times open_slots", "queries"]
    rows = [
        [
            name,
            shown(measured.median(name) * 1000),
            shown(percentile(seconds, 95) * 1000),
            shown(measured.times(name, of=OURS)),
            str(measured.queries[name]),
        ]
        for name, seconds in measured.seconds.items()
    ]
    return (
        f"{table(heads, rows)}\n\n{LESSONS} bookings in {DAYS} days, 20 windows a week: every list has the same"
        f" {measured.slots} slots.\n\n{slot_requests.report(measured.requests)}"
    )


def take_turns(contestants: dict[str, Callable[[], Answer]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each call. The first round is for warming up; every other goes the other way round."""
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        names = list(contestants) if number % 2 else list(reversed(contestants))
        for call in range(max(CALLS.values())):
            for name in names:
                if call < CALLS[name]:
                    seconds, _found = contestants[name]()
                    taken[name] += [seconds] if number else []
    return {name: taken[name] for name in contestants}


def require_same_slots(contestants: dict[str, Callable[[], Answer]]) -> list[datetime]:
    answers = {name: list_slots()[1] for name, list_slots in contestants.items()}
    differing = [name for name, answer in answers.items() if answer != answers[OURS]]
    if differing:
        raise RuntimeError(f"These find other slots than open_slots: {', '.join(differing)}.")
    return answers[OURS]


def _plain_slots(lesson: SessionType, within: During) -> list[datetime]:
    """Ask each start of the grid about each booking, one after the other."""
    rules, now = availability.rules_of(lesson), datetime.now(UTC)
    rows = WeeklyHours.objects.filter(tutor=lesson.tutor_id).values_list("weekday", "starts", "ends")
    candidates = slots.open_slots(rules, [Hours(*row) for row in rows], [], Taken(), within=within, now=now)
    taken = Booking.objects.blocking(now).filter(tutor=lesson.tutor_id).values_list("blocks", flat=True)
    blocks = [During(block.lower, block.upper) for block in taken]
    found = []
    for slot in candidates:
        padded = slot.padded(rules.before, rules.after)
        if not any(padded.overlaps(block) for block in blocks):
            found.append(slot.start)
    return found


def _timed(list_slots: Callable[[], list[datetime]]) -> Callable[[], Answer]:
    def answer() -> Answer:
        began = time.perf_counter()
        found = list_slots()
        return time.perf_counter() - began, found

    return answer


def _queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as asked:
        work()
    return len(asked)
