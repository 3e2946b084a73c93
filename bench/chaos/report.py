"""The figures of a run, as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from bench.chaos.plan import Kind, counted
from bench.chaos.run import Result, paid_to_booked
from bench.figures import percentile, shown

SHOWN_VIOLATIONS = 50
REVIVED = "SELECT count(*) FROM bookings_order WHERE status = 'paid' AND paid_at > expires_at"
REFUNDS = "SELECT reason, status, count(*) FROM payments_refund GROUP BY 1, 2 ORDER BY 1, 2"
ORDERS = "SELECT status, count(*) FROM bookings_order GROUP BY 1 ORDER BY 1"


def tell(result: Result) -> str:
    """Return the whole report."""
    asked, waits = result.asked, paid_to_booked(result.ledgers)
    taken = [one for ledger in result.ledgers.values() for one in ledger]
    kinds = counted(list(result.plan))
    lines = [
        f"{asked.orders} orders, seed {asked.seed}",
        _line("what payers do", {kind.value: kinds[kind] for kind in Kind}),
        _line("what came of it", result.seen),
        _line("orders", dict(_rows(ORDERS))) + f", {_rows(REVIVED)[0][0]} of the paid ones revived",
        f"payments taken: {len(taken)}, sent back all or in part by the vendors: {sum(1 for one in taken if one.returned)}",
        _line("refunds", {f"{reason}, {status}": count for reason, status, count in _rows(REFUNDS)}),
        *[_line(f"messages of {vendor}", counts) for vendor, counts in result.messages.items()],
        _line("killed with -9, and database", result.broken),
        f"from paid to booked: median {shown(percentile(waits, 50))} s, p95 {shown(percentile(waits, 95))} s,"
        f" longest {shown(max(waits, default=0))} s",
        _line("seconds", {what: round(seconds) for what, seconds in result.seconds.items()}) + f" in {result.rounds} rounds",
    ]
    if not result.violations:
        return "\n".join([*lines, "Every payment is a paid order or went back, once; nothing is left open."])
    lines += ["", f"{len(result.violations)} VIOLATIONS:", *result.violations[:SHOWN_VIOLATIONS]]
    return "\n".join(lines)


def _line(what: str, figures: Mapping[str, object]) -> str:
    return f"{what}: " + ", ".join(f"{name} {figure}" for name, figure in figures.items())


def _rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
