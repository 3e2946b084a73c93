"""The whole run: each part in its turn, and what is written of it."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from bench import assigning, rush, slot_list, webhooks
from bench.crew import hired

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def take(folder: Path, *, port: int, quick: bool, only: str | None) -> list[str]:
    """Measure the parts that were asked for, and return a section of Markdown for each."""
    sections = [_about(quick=quick)]
    if only in (None, "assigning", "rush"):
        with hired(rush.CLIENTS, log=folder / "clients.log") as crew:
            if only != "rush":
                plan = assigning.QUICK if quick else assigning.FULL
                sections.append("### Links per second\n\n" + assigning.report(assigning.measure_assigning(crew, plan)))
            if only != "assigning":
                rushes = rush.measure_rushes(crew, sizes=[64] if quick else [64, 512])
                sections.append("### Rushes\n\n" + rush.report(rushes))
    if only in (None, "webhooks"):
        told = webhooks.measure_webhooks(folder, port=port, count=60 if quick else 400, workers=[1] if quick else [1, 2])
        sections.append("### From webhook to link\n\n" + webhooks.report(told))
    if only in (None, "slots"):
        measured = slot_list.measure_slot_list(times=10 if quick else 100)
        sections.append("### The slot list of a busy tutor\n\n" + slot_list.report(measured))
    return sections


def write(sections: list[str]) -> None:
    """Put the sections between the marks of docs/benchmarks.md."""
    page = PAGE.read_text(encoding="utf-8")
    told = "\n\n".join([BEGIN, *sections, END])
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: told, page, flags=re.DOTALL), encoding="utf-8")


def _about(*, quick: bool) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('shared_buffers')")
        version, buffers = cursor.fetchone()
    command = "make bench ARGS=--quick" if quick else "make bench"
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}. {os.cpu_count()} cores ({platform.machine()}), Python"
        f" {platform.python_version()}, PostgreSQL {version} with shared_buffers {buffers}, fsync and synchronous_commit on."
        f" Clients, site and server share these cores."
    )
