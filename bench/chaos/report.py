"""The figures of a run, as people read them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection

from bench.chaos.plan import Kind, counted
from bench.chaos.run import Result, paid_to_booked
from bench.figures import percentile, shown
from bench.place import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
SHOWN_VIOLATIONS = 50
REVIVED = "SELECT count(*) FROM bookings_order WHERE status = 'paid' AND paid_at > expires_at"
REFUNDS = "SELECT reason, status, count(*) FROM payments_refund GROUP BY 1, 2 ORDER BY 1, 2"
ORDERS = "SELECT status, count(*) FROM bookings_order GROUP BY 1 ORDER BY 1"


def tell(result: Result) -> str:
    """Return the whole report, as Markdown: a list of figures, then the verdict."""
    asked, found = result.asked, result.violations
    begun = f"{asked.orders} orders, seed {asked.seed}, {datetime.now(UTC):%Y-%m-%d}. {os.cpu_count()} cores"
    load = f"a load of {result.load_before:.1f} before and {result.load_after:.1f} at the end of the run"
    lines = [f"* **{what}**: {figures}" for what, figures in _figures(result).items()]
    verdict = "Every payment is a paid order or went back, once; nothing is left open."
    if found:
        verdict = "\n".join([f"{len(found)} VIOLATIONS:", *found[:SHOWN_VIOLATIONS]])
    return "\n".join([f"{begun} ({platform.machine()}) with {load}.", "", *lines, "", verdict])


def write(told: str) -> None:
    """Put the report between its marks in docs/benchmarks.md."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{told}\n\n{END}", page, flags=re.DOTALL), encoding="utf-8"
    )


def _figures(result: Result) -> dict[str, str]:
    waits, kinds = paid_to_booked(result.ledgers), counted(list(result.plan))
    taken = [one for ledger in result.ledgers.values() for one in ledger]
    back = sum(1 for one in taken if one.returned)
    return {
        "what payers do": _listed({kind.value: kinds[kind] for kind in Kind}),
        "what came of it": _listed(result.seen),
        "orders": _listed(dict(_rows(ORDERS))) + f"; revived: {_rows(REVIVED)[0][0]}",
        "payments": f"taken: {len(taken)}; sent back by the vendors, all or in part: {back}",
        "refunds": _listed({f"{reason}, {status}": count for reason, status, count in _rows(REFUNDS)}),
        **{f"messages of {vendor}": _listed(counts) for vendor, counts in result.messages.items()},
        "killed and stopped": _listed(result.broken),
        "from paid to booked": f"median {_seconds(waits, 50)}, p95 {_seconds(waits, 95)}, longest {_seconds(waits, 100)}",
        "seconds": _listed({what: round(seconds) for what, seconds in result.seconds.items()}),
        "rounds to reconcile": str(result.rounds),
    }


def _listed(figures: Mapping[str, object]) -> str:
    return "; ".join(f"{name}: {figure}" for name, figure in figures.items() if figure)


def _seconds(waits: Sequence[float], percent: float) -> str:
    return f"{shown(percentile(waits, percent))} s"


def _rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
