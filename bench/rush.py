"""Rushes: everybody wants the same hour, or one day of a small pool. Who is refused, and is it true?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench import history, rivals, truth
from bench.crew import Crew
from bench.figures import Sample, shown, table
from bench.history import History
from bench.work import BEFORE, VERB

CLIENTS = 64


@dataclass(frozen=True)
class Rush:
    """So many requests for so many places, and what came of them; the same at the earlier system."""

    name: str
    places: int
    clients: int
    ours: Sample
    doubles: int
    false_refusals: int
    trouble: truth.Trouble
    before: Sample
    doubles_before: int


def measure_rushes(crew: Crew, *, sizes: Sequence[int]) -> list[Rush]:
    """As many requests for one hour as there are links; then 10 links, 16 clients and one day, with too many requests."""
    rushes = [
        _rush(
            crew,
            f"{links} links, one hour",
            History(links, 0, history.coming_midnight()),
            requests=links,
            hours=1,
            clients=CLIENTS,
        )
        for links in sizes
    ]
    small = History(10, 0, history.coming_midnight())
    rushes.append(_rush(crew, "10 links, one day", small, requests=320, hours=24, clients=16))
    return rushes


def _rush(crew: Crew, name: str, past: History, *, requests: int, hours: int, clients: int) -> Rush:
    history.load_history(past)
    keys = history.add_requests(past, count=requests, hours=hours)
    rivals.set_up_rivals()
    random.Random(2).shuffle(keys)
    at_first = truth.trouble_so_far()
    ours = crew.run(VERB, keys, clients=clients, seconds=60)
    trouble = truth.trouble_so_far() - at_first
    before = crew.run(BEFORE, keys, clients=clients, seconds=60)
    return Rush(
        name, past.links * hours, clients, ours, truth.double_assignments(), truth.false_refusals(ours.refusals), trouble,
        before, truth.double_assignments_as_before(),
    )  # fmt: skip


def report(rushes: Sequence[Rush]) -> str:
    """Return the table of rushes."""
    heads = ["rush", "places", "requests", "clients", "got a link", "refused", "falsely", "double", "deadlocks",
             "rolled back", "errors", "links /s", "p95 ms", "double in (b)"]  # fmt: skip
    rows = []
    for rush in rushes:
        outcomes = rush.ours.outcomes
        errors = sum(count for outcome, count in outcomes.items() if outcome.startswith("error"))
        rows.append([
            rush.name, str(rush.places), str(rush.ours.count), str(rush.clients), str(outcomes["assigned"]),
            str(outcomes["refused"]), str(rush.false_refusals), str(rush.doubles), str(rush.trouble.deadlocks),
            str(rush.trouble.rollbacks), str(errors), shown(rush.ours.per_second), shown(rush.ours.p95 * 1000),
            f"{rush.doubles_before} of {rush.before.count}",
        ])  # fmt: skip
    return table(heads, rows)
