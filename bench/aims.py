"""What we set out to reach, and whether this run did. Figures that the run does not hold are left out."""

from __future__ import annotations

from collections.abc import Sequence

from bench.assigning import Cell
from bench.figures import ratio, shown, table
from bench.forecasting import Forecasting
from bench.full_pool import FullPool
from bench.provisioning import Provisioning
from bench.rush import Rush
from bench.slot_list import OURS, PACKAGE, STATEMENT, SlotList
from bench.work import BEFORE, VERB

MANY = 1_000_000


Rows = list[list[str]]


def report(cells: Sequence[Cell], rushes: Sequence[Rush], slots: SlotList | None, *, more: Rows | None = None) -> str:
    """Return the table of aims: those of links and slots, and `more`."""
    rows = [*_of_one_client(cells), *_of_history(cells), *_of_the_pool(cells), *_of_the_truth(cells, rushes)]
    rows += _of_the_slots(slots) if slots else []
    return table(["aim", "reached", ""], [*rows, *(more or [])])


def of_full_pools(pools: Sequence[FullPool]) -> Rows:
    """Return the aim of pools that are nearly full."""
    if not pools:
        return []
    lost, lessons = sum(pool.lost for pool in pools), sum(pool.lessons for pool in pools)
    wrong = sum(pool.doubles + pool.trouble.deadlocks for pool in pools)
    return [_row("95 % of the pool sold: no booking without a link", f"{lost} of {lessons:,}", met=lost == wrong == 0)]


def of_meetings(made: Sequence[Provisioning], foreseen: Forecasting | None) -> Rows:
    """Return the aims of meetings at vendors and of the forecast."""
    rows = []
    if made:
        shares, wrong = [one.share for one in made], sum(one.rooms - one.count + one.without_address for one in made)
        rows.append(
            _row("sessions made at a slow vendor: half of bare callers or better", _span(shares), met=min(shares) >= 0.5)
        )
        rows.append(_row("each session has one room, and its address", f"{wrong} wrong", met=wrong == 0))
    if foreseen:
        peak = f"{foreseen.peak} and {foreseen.peak_by_hand}"
        rows.append(_row("the forecast's peak is the one counted by hand", peak, met=foreseen.is_right))
        times = shown(foreseen.times_counting)
        rows.append(_row("forecast: at most 20 times counting the sessions", times, met=foreseen.times_counting <= 20))
    return rows


def _row(aim: str, figure: str, *, met: bool) -> list[str]:
    return [aim, figure, "yes" if met else "**no**"]


def _of_one_client(cells: Sequence[Cell]) -> list[list[str]]:
    shares = [cell.share(VERB) for cell in cells if (cell.links, cell.clients) == (1_000, 1)]
    against = [ratio(cell.rate(VERB), cell.rate(BEFORE)) for cell in cells if cell.meetings == MANY]
    rows = []
    if shares:
        rows.append(_row("half of (a) or better: 1 client, 1,000 links", _span(shares), met=min(shares) >= 0.5))
    if against:
        rows.append(_row("1,000 times (b) or better: 1,000,000 meetings", _span(against), met=min(against) >= 1_000))
    return rows


def _of_history(cells: Sequence[Cell]) -> list[list[str]]:
    """Shares of (a) are compared, not rates: the machine may be slower when the second one is measured."""
    few = {(cell.links, cell.clients): cell.share(VERB) for cell in cells if cell.meetings == 10_000}
    many = {(cell.links, cell.clients): cell.share(VERB) for cell in cells if cell.meetings == MANY}
    slower = [ratio(few[key], many[key]) for key in few if key in many]
    return (
        [_row("less than 1.3 times slower with 100 times the history", _span(slower), met=max(slower) < 1.3)]
        if slower
        else []
    )


def _of_the_pool(cells: Sequence[Cell]) -> list[list[str]]:
    small = {(cell.meetings, cell.clients): cell.share(VERB) for cell in cells if cell.links == 10}
    large = {(cell.meetings, cell.clients): cell.share(VERB) for cell in cells if cell.links == 10_000}
    slower = [ratio(small[key], large[key]) for key in small if key in large]
    return (
        [_row("less than 1.5 times slower with 1,000 times the links", _span(slower), met=max(slower) < 1.5)]
        if slower
        else []
    )


def _of_the_truth(cells: Sequence[Cell], rushes: Sequence[Rush]) -> list[list[str]]:
    every: list[Cell | Rush] = [*cells, *rushes]
    if not every:
        return []
    doubles, false = sum(one.doubles for one in every), sum(one.false_refusals for one in every)
    deadlocks, undone = sum(one.trouble.deadlocks for one in every), sum(one.trouble.rollbacks for one in every)
    rows = [
        _row("no link given twice, none refused falsely", f"{doubles}, {false}", met=doubles == false == 0),
        _row("no deadlock, no retry", f"{deadlocks}, {undone}", met=deadlocks == undone == 0),
    ]
    full = [rush for rush in rushes if rush.places == rush.ours.count]
    if full:
        short = sum(rush.places - rush.ours.outcomes["assigned"] for rush in full)
        rows.append(_row("as many requests for one hour as links: all get one", f"{short} without", met=short == 0))
    return rows


def _of_the_slots(slots: SlotList) -> list[list[str]]:
    times, queries = slots.times(OURS, of=STATEMENT), slots.queries[OURS]
    rows = [
        _row("open slots: at most twice one SQL statement", shown(times), met=times <= 2),
        _row("open slots: at most 6 queries", str(queries), met=queries <= 6),
    ]
    if PACKAGE in slots.seconds:
        faster = slots.times(PACKAGE, of=OURS)
        rows.append(_row("open slots: 300 times as fast as django-appointment", shown(faster), met=faster >= 300))
    return rows


def _span(figures: Sequence[float]) -> str:
    return shown(figures[0]) if len(figures) == 1 else f"{shown(min(figures))} to {shown(max(figures))}"
