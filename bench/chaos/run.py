"""One run: build the site, let people pay while the monkey is loose, calm down, and look at the books."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from bench.chaos import bank, calm, records
from bench.chaos.desks import DESKS, Taken
from bench.chaos.monkey import Monkey, watch
from bench.chaos.payers import Town, live
from bench.chaos.plan import Case, draw_plan
from bench.chaos.stage import Stage
from bench.chaos.verdict import find_violations
from bench.chaos.world import build_world
from bench.programs import Running, await_answer
from config import serving

WEBS, WORKERS = 2, 2
USEFUL_LIFE = 1.5  # seconds that a program is let work, once it has started, until it may be killed


@dataclass(frozen=True)
class Asked:
    """How much chaos."""

    orders: int
    seed: int
    seconds_limit: float
    restarts: int
    pause: float
    port: int

    @property
    def tutors(self) -> int:
        return max(3, min(20, self.orders // 8))


@dataclass(frozen=True)
class Result:
    """What was done, and what came of it."""

    asked: Asked
    plan: Sequence[Case]
    seconds: Mapping[str, float]
    seen: Counter[str]
    broken: Counter[str]
    messages: Mapping[str, Mapping[str, int]]
    ledgers: Mapping[str, Sequence[Taken]]
    rounds: int
    violations: Sequence[str]
    load_before: float
    load_after: float


def make_chaos(asked: Asked, folder: Path) -> Result:
    """Run it in the prepared site."""
    ports = {vendor: asked.port + 1 + number for number, vendor in enumerate(DESKS)}
    addresses = [f"http://127.0.0.1:{asked.port + 5 + number}" for number in range(WEBS)]
    seconds: dict[str, float] = {}
    load = os.getloadavg()[0]
    plan = draw_plan(orders=asked.orders, tutors=asked.tutors, seed=asked.seed)
    server = connection.server  # type: ignore[attr-defined]
    # This process must not start the server again by itself as soon as a payer of the run asks it something.
    del connection.settings_dict["EMBEDDED_DATA"]
    connection.close()  # a forked connection would be used by two
    with ExitStack() as running:
        banks = running.enter_context(bank.open_banks(ports=ports, addresses=addresses, seed=asked.seed))
        began = time.monotonic()
        town = Town(build_world(plan, tutors=asked.tutors), addresses, banks)
        programs = _programs(asked, folder, running)
        monkey = Monkey(programs, server, pause=asked.pause, seed=asked.seed)
        _start(monkey, addresses, folder / "site.log")
        seconds["to build the site"] = time.monotonic() - began
        began = time.monotonic()
        troubles = _let_live(asked, town, plan, monkey)
        seconds["of chaos"] = time.monotonic() - began
        began = time.monotonic()
        for one in banks.values():
            one.calm_down()
        _change_workers(programs)
        rounds = calm.reconcile(list(banks.values()), seconds=max(60, asked.seconds_limit / 2))
        seconds["to reconcile"] = time.monotonic() - began
        ledgers = {vendor: one.ledger() for vendor, one in banks.items()}
        messages = {vendor: one.counts() for vendor, one in banks.items()}
        violations = [*troubles, *find_violations(ledgers)]
        return Result(
            asked, plan, seconds, town.seen, monkey.counts, messages, ledgers, rounds, violations, load, os.getloadavg()[0]
        )


def _start(monkey: Monkey, addresses: Sequence[str], log: Path) -> None:
    """Start all programs; how long that takes on this machine tells how long each must live to be of use."""
    began = time.monotonic()
    monkey.tend()
    monkey.counts.clear()
    for address in addresses:
        await_answer(f"{address}/health/live/", log)
    monkey.spared = USEFUL_LIFE + time.monotonic() - began


def _programs(asked: Asked, folder: Path, running: ExitStack) -> list[Running]:
    commands = [("web", serving.web("127.0.0.1", asked.port + 5 + number).command) for number in range(WEBS)]
    commands += [("worker", serving.worker().command)] * WORKERS
    programs = [
        Running(name, command, settings="bench.chaos.settings", log=folder / "site.log") for name, command in commands
    ]
    for program in programs:
        running.callback(program.stop)
    return programs


def _change_workers(programs: Sequence[Running]) -> None:
    """Let the workers go and come again: whoever is written down in between is one that was killed."""
    workers = [program for program in programs if program.name == "worker"]
    for worker in workers:
        worker.stop()
    calm.bury_workers()
    for worker in workers:
        worker.start()


def _let_live(asked: Asked, town: Town, plan: Sequence[Case], monkey: Monkey) -> list[str]:
    """Let everybody order and pay while things break. Returns surprises, each a failure of the run."""
    for one in town.banks.values():
        one.break_down()
    stage = Stage([live(case, town) for case in plan], jobs_waiting=records.jobs_due)
    is_over = threading.Event()
    began = time.monotonic()
    deadline = began + asked.seconds_limit

    def progress() -> float:
        return max(stage.done / len(plan), (time.monotonic() - began) / asked.seconds_limit)

    falls = watch(asked.restarts, progress=progress, monkey=monkey, is_over=is_over)
    monkey.start()
    stage.open()
    while not stage.is_empty and time.monotonic() < deadline:
        time.sleep(0.1)
    is_over.set()
    falls.join()
    monkey.stop()
    town.seen["payers sent home by the time limit"] += 0 if stage.is_empty else len(plan) - stage.done - stage.gave_up
    town.seen["payers who gave up"] += stage.gave_up
    stage.close()
    return stage.troubles


def paid_to_booked(ledgers: Mapping[str, Sequence[Taken]]) -> list[float]:
    """Return the seconds from each first payment of an order that is paid to the moment it was booked."""
    paid_at = {one.reference: one.paid_at for ledger in ledgers.values() for one in ledger}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM o.paid_at), array_agg(p.reference) FROM bookings_order o"
            "  JOIN payments_payment p ON p.order_id = o.id WHERE o.status = 'paid' GROUP BY o.id"
        )
        rows: list[tuple[Any, list[str]]] = cursor.fetchall()
    waits = []
    for booked, references in rows:
        firsts = [paid_at[reference] for reference in references if reference in paid_at]
        if firsts:
            waits.append(max(0.0, float(booked) - min(firsts)))
    return waits
