"""The whole run: each part in its turn, and what is written of it."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from bench import aims, assigning, forecasting, full_pool, provisioning, rush, slot_list, webhooks
from bench.assigning import Cell
from bench.crew import hired
from bench.forecasting import Forecasting
from bench.full_pool import FullPool
from bench.provisioning import Provisioning
from bench.rush import Rush

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
AIMS = "Aims"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def take(folder: Path, *, port: int, quick: bool, only: str | None) -> list[str]:
    """Measure the parts that were asked for, and return sections of Markdown."""
    cells, rushes = _measure_with_clients(folder, quick=quick, only=only)
    measured = slot_list.measure_slot_list(folder, rounds=5 if quick else 30) if only in (None, "slots") else None
    pools = _measure_full_pools(folder, quick=quick) if only in (None, "full") else []
    made = _measure_provisioning(folder, port=port, quick=quick) if only in (None, "provisioning") else []
    foreseen = _measure_forecast(quick=quick) if only in (None, "forecast") else None
    sections = [_about(quick=quick)]
    if only != "webhooks":
        more = aims.of_full_pools(pools) + aims.of_meetings(made, foreseen)
        sections.append(_section(AIMS, aims.report(cells, rushes, measured, more=more)))
    if cells:
        sections.append(_section("Links per second", assigning.report(cells)))
        sections.append(_section("The earlier system on the same lessons", assigning.report_earlier(cells)))
    if rushes:
        sections.append(_section("Rushes", rush.report(rushes)))
    if pools:
        sections.append(_section("A pool that is nearly full", full_pool.report(pools)))
    if only in (None, "webhooks"):
        told = webhooks.measure_webhooks(folder, port=port, count=60 if quick else 400, workers=[1] if quick else [1, 2])
        sections.append(_section("From webhook to link", webhooks.report(told)))
    if measured:
        sections.append(_section("The slot list of a busy tutor", slot_list.report(measured)))
    if made:
        sections.append(_section("Meetings at a vendor that takes 200 ms", provisioning.report(made)))
    if foreseen:
        sections.append(_section("The forecast of 60 days", forecasting.report(foreseen)))
    return sections


def _section(heading: str, body: str) -> str:
    return f"### {heading}\n\nMeasured {datetime.now(UTC):%Y-%m-%d}.\n\n{body}"


def _measure_with_clients(folder: Path, *, quick: bool, only: str | None) -> tuple[list[Cell], list[Rush]]:
    cells: list[Cell] = []
    rushes: list[Rush] = []
    if only not in (None, "assigning", "rush"):
        return cells, rushes
    with hired(rush.CLIENTS, log=folder / "clients.log") as crew:
        if only != "rush":
            cells = assigning.measure_assigning(crew, assigning.QUICK if quick else assigning.FULL)
        if only != "assigning":
            rushes = rush.measure_rushes(crew, sizes=[64] if quick else [64, 512])
    return cells, rushes


def _measure_full_pools(folder: Path, *, quick: bool) -> list[FullPool]:
    clients = [1, 4]
    with hired(max(clients), log=folder / "clients.log") as crew:
        return full_pool.measure_full_pools(crew, sizes=[10] if quick else [10, 50], clients=clients)


def _measure_provisioning(folder: Path, *, port: int, quick: bool) -> list[Provisioning]:
    return provisioning.measure_provisioning(
        folder, port=port, count=60 if quick else 500, workers=[1] if quick else [1, 2, 4]
    )


def _measure_forecast(*, quick: bool) -> Forecasting:
    return forecasting.measure_forecast(meetings=10_000 if quick else 100_000, rounds=5 if quick else 20)


def write(sections: list[str], *, only: str | None) -> None:
    """Put the sections between the marks of docs/benchmarks.md, each in the place of the one with its heading.

    What was not measured stays, so each has the date of its own run. The aims are those of a whole run.
    """
    if only is not None:
        sections = [section for section in sections if heading_of(section) not in ("", f"### {AIMS}")]
    page = PAGE.read_text(encoding="utf-8")
    kept = page.partition(BEGIN)[2].partition(END)[0].strip()
    told = "\n\n".join([BEGIN, *merge(kept, sections), END])
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: told, page, flags=re.DOTALL), encoding="utf-8")


def merge(kept: str, sections: list[str]) -> list[str]:
    """Return the kept sections with the new ones in their places, and those that are there for the first time after them."""
    by_heading = {heading_of(section): section for section in re.split(r"\n\n(?=### )", kept) if section}
    by_heading |= {heading_of(section): section for section in sections}
    return list(by_heading.values())


def heading_of(section: str) -> str:
    """Return the heading of a section; that of the machine, the first one, has none."""
    return section.partition("\n")[0] if section.startswith("### ") else ""


def _about(*, quick: bool) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('shared_buffers')")
        version, buffers = cursor.fetchone()
    command = "make bench ARGS=--quick" if quick else "make bench"
    return (
        f"`{command}`: {os.cpu_count()} cores ({platform.machine()}), Python"
        f" {platform.python_version()}, PostgreSQL {version} with shared_buffers {buffers}, fsync and synchronous_commit on."
        f" Clients, site and server share these cores."
    )
