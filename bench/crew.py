"""Clients: processes of their own, each with its own connection, that begin together and report what they saw."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

from django.db import connection

from bench.figures import Sample
from bench.work import WORK, Refused

PATIENCE = 120  # seconds until a client that says nothing counts as lost


@dataclass
class Report:
    """What one client did: how long each piece of work took (seconds), and what came of it."""

    began: float = 0.0
    ended: float = 0.0
    latencies: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, datetime]] = field(default_factory=list)


class Crew:
    """Up to `size` clients, made without an open connection: one that is forked would be used by two."""

    def __init__(self, size: int, *, log: Path) -> None:
        connection.close()
        context = multiprocessing.get_context("fork")
        self._gates = {number: context.Barrier(number) for number in range(1, size + 1)}
        self._lines: list[Connection] = []
        self._people = []
        for _ in range(size):
            ours, theirs = context.Pipe()
            person = context.Process(target=_client, args=(theirs, self._gates, log), daemon=True)
            person.start()
            theirs.close()
            self._lines.append(ours)
            self._people.append(person)

    def run(self, kind: str, items: Sequence[int], *, clients: int, seconds: float) -> Sample:
        """Let `clients` work through the items, dealt out evenly, until the time is over or nothing is left."""
        for number, line in enumerate(self._lines[:clients]):
            line.send((kind, list(items[number::clients]), clients, seconds))
        reports = []
        for line in self._lines[:clients]:
            if not line.poll(seconds + PATIENCE):
                raise RuntimeError(f"A client was lost while measuring: {kind}")
            reports.append(line.recv())
        return gather(reports)

    def dismiss(self) -> None:
        """Send everybody home; whoever does not go is ended."""
        for line in self._lines:
            line.send(None)
        for person in self._people:
            person.join(timeout=5)
            if person.is_alive():
                person.terminate()


@contextmanager
def hired(size: int, *, log: Path) -> Iterator[Crew]:
    crew = Crew(size, log=log)
    try:
        yield crew
    finally:
        crew.dismiss()


def gather(reports: Sequence[Report]) -> Sample:
    """Make one sample of what the clients report; the clock runs from the first start to the last end."""
    outcomes: Counter[str] = Counter()
    for report in reports:
        outcomes += report.outcomes
    return Sample(
        seconds=max(report.ended for report in reports) - min(report.began for report in reports),
        latencies=[latency for report in reports for latency in report.latencies],
        outcomes=outcomes,
        refusals=[refusal for report in reports for refusal in report.refusals],
    )


def _client(line: Connection, gates: dict[int, Any], log: Path) -> None:
    # The site's log lines are written as they are in production, but not to the terminal.
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    while (order := line.recv()) is not None:
        kind, items, clients, seconds = order
        try:
            line.send(_work(kind, items, gates[clients], seconds))
        except BrokenBarrierError:
            return


def _work(kind: str, items: Sequence[int], gate: Any, seconds: float) -> Report:
    work, report = WORK[kind], Report()
    prepared = work.prepare(items)
    gate.wait(timeout=PATIENCE)
    report.began = report.ended = time.monotonic()
    for key, item in prepared:
        started = time.monotonic()
        if started - report.began > seconds:
            break
        try:
            outcome = work.once(item)
        except Refused:
            outcome = "refused"
            report.refusals.append((key, datetime.now(UTC)))
        except Exception as error:  # counted and shown: a bench that stops at the first deadlock tells nothing
            outcome = f"error {getattr(error.__cause__, 'sqlstate', None) or type(error).__name__}"
        report.ended = time.monotonic()
        report.latencies.append(report.ended - started)
        report.outcomes[outcome] += 1
    return report
