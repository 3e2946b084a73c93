"""Links per second: the site's verb, the bare function behind it, and what they are compared with.

In each round the kinds take turns for a moment, so that whatever else the machine does troubles all of them alike.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import history, rivals, truth
from bench.crew import Crew
from bench.figures import Sample, ratio, shown, table
from bench.history import History
from bench.work import BEFORE, FUNCTION, PLAIN, VERB

INDEXED = "before, with an index"


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long: seconds of one turn, turns, and seconds of the earlier system's one turn."""

    links: Sequence[int] = (10, 1_000, 10_000)
    meetings: Sequence[int] = (10_000, 1_000_000)
    clients: Sequence[int] = (1, 4, 16)
    turn: float = 0.25
    turns: int = 8
    before_turn: float = 3.0


FULL = Plan()
AXES = ["links", "meetings", "clients"]
QUICK = Plan(links=(10, 1_000), meetings=(10_000,), clients=(1, 4), turn=0.15, turns=5, before_turn=1.0)


@dataclass(frozen=True)
class Cell:
    """One pool, one history, so many clients: what each kind did, and what was wrong afterwards."""

    links: int
    meetings: int
    clients: int
    samples: dict[str, Sample]
    doubles: int
    doubles_before: int
    false_refusals: int
    trouble: truth.Trouble

    def rate(self, kind: str) -> float:
        return self.samples[kind].per_second

    def share(self, kind: str) -> float:
        """The rate as a share of (a), measured in the same moments."""
        return ratio(self.rate(kind), self.rate(PLAIN))


def measure_assigning(crew: Crew, plan: Plan) -> list[Cell]:
    """Measure every combination of the plan."""
    cells = []
    for links, meetings in itertools.product(plan.links, plan.meetings):
        told = time.monotonic()
        past = History(links, meetings, history.coming_midnight())
        history.load_history(past)
        rivals.set_up_rivals()
        _warm_up(crew, past, clients=max(plan.clients))
        print(f"{links:,} links, {meetings:,} meetings: loaded in {time.monotonic() - told:.0f} s", flush=True)
        cells += [_measure_cell(crew, plan, past, clients) for clients in plan.clients]
    return cells


def _warm_up(crew: Crew, past: History, *, clients: int) -> None:
    """Give links once before anything is measured: the first change of a page after a checkpoint writes the whole page."""
    keys = _add_requests(past)
    crew.run(FUNCTION, keys, clients=clients, seconds=10)
    history.drop_requests(keys)


def _add_requests(past: History) -> list[int]:
    """Ask for less than what is free in any hour, so that nobody is refused."""
    return history.add_requests(past, count=max(1, min(8, past.lanes - 1)) * history.HOURS_AHEAD)


def _measure_cell(crew: Crew, plan: Plan, past: History, clients: int) -> Cell:
    keys = _add_requests(past)
    rivals.copy_requests(keys)
    random.Random(1).shuffle(keys)
    before = truth.trouble_so_far()
    samples = _take_turns(crew, plan, keys, clients)
    refusals = samples[VERB].refusals + samples[FUNCTION].refusals
    trouble = truth.trouble_so_far() - before
    doubles, false = truth.double_assignments(), truth.false_refusals(refusals)
    samples[BEFORE] = crew.run(BEFORE, keys, clients=clients, seconds=plan.before_turn)
    doubles_before = truth.double_assignments_as_before()
    rivals.drop_requests(keys)
    rivals.copy_requests(keys)
    with rivals.indexed_dates():
        samples[INDEXED] = crew.run(BEFORE, keys, clients=clients, seconds=plan.before_turn / 4)
    cell = Cell(past.links, past.meetings, clients, samples, doubles, doubles_before, false, trouble)
    print(f"  {clients} clients: {cell.rate(VERB):,.0f}/s", flush=True)
    history.drop_requests(keys)
    rivals.drop_requests(keys)
    return cell


def _take_turns(crew: Crew, plan: Plan, keys: list[int], clients: int) -> dict[str, Sample]:
    samples = {kind: Sample() for kind in (PLAIN, VERB, FUNCTION)}
    share = len(keys) // (2 * plan.turns)
    shares = [keys[start : start + share] for start in range(0, 2 * plan.turns * share, share)]
    rows = [1 + number % rivals.PLAIN_ROWS for number in range(int(plan.turn * 40_000))]
    for turn in range(plan.turns):
        todo = [(PLAIN, rows), (VERB, shares[2 * turn]), (FUNCTION, shares[2 * turn + 1])]
        for kind, items in todo if turn % 2 == 0 else reversed(todo):
            samples[kind] += crew.run(kind, items, clients=clients, seconds=plan.turn)
    return samples


def report(cells: Sequence[Cell]) -> str:
    """Return the table of rates and of their ratios to (a), one line for each combination."""
    heads = [*AXES, "verb /s", "p95 ms", "function /s", "p95 ms", "(a) /s", "p95 ms", "verb : (a)", "function : (a)",
             "double", "falsely refused", "deadlocks", "rolled back"]  # fmt: skip
    rows = []
    for cell in cells:
        kinds = [cell.samples[kind] for kind in (VERB, FUNCTION, PLAIN)]
        rows.append([
            *_axes(cell), *(text for kind in kinds for text in (shown(kind.per_second), shown(kind.p95 * 1000))),
            shown(cell.share(VERB)), shown(cell.share(FUNCTION)), str(cell.doubles), str(cell.false_refusals),
            str(cell.trouble.deadlocks), str(cell.trouble.rollbacks),
        ])  # fmt: skip
    return table(heads, rows)


def report_earlier(cells: Sequence[Cell]) -> str:
    """Return the table of the earlier system: as it was, and with the index that it had not."""
    heads = [*AXES, "(b) /s", "p95 ms", "verb : (b)", "double in (b)", "indexed (b) /s", "verb : indexed (b)"]
    rows = []
    for cell in cells:
        before, indexed = cell.samples[BEFORE], cell.samples[INDEXED]
        rows.append([
            *_axes(cell), shown(before.per_second), shown(before.p95 * 1000),
            shown(ratio(cell.rate(VERB), before.per_second)),
            f"{cell.doubles_before} of {before.outcomes['assigned']}", shown(indexed.per_second),
            shown(ratio(cell.rate(VERB), indexed.per_second)),
        ])  # fmt: skip
    return table(heads, rows)


def _axes(cell: Cell) -> list[str]:
    return [f"{cell.links:,}", f"{cell.meetings:,}", str(cell.clients)]
