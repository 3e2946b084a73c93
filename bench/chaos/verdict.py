"""The verdict: the vendors' own books against the site's database, row by row, without the site's own code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection
from procrastinate.contrib.django import app

from bench import truth
from bench.chaos import calm
from bench.chaos.desks import Taken

Row = dict[str, Any]
PAYMENTS = """
SELECT p.reference, p.gateway, p.status, p.note, p.received_amount AS received, o.reference AS "order",
       (SELECT coalesce(sum(d.amount), 0) FROM payments_dispute d WHERE d.payment_id = p.id)::bigint AS disputed,
       coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0)::bigint AS returned,
       coalesce(sum(r.amount) FILTER (WHERE r.status = 'manual'), 0)::bigint AS by_hand,
       coalesce(sum(r.amount) FILTER (WHERE r.status = 'failed'), 0)::bigint AS failed
  FROM payments_payment p JOIN bookings_order o ON o.id = p.order_id LEFT JOIN payments_refund r ON r.payment_id = p.id
 GROUP BY p.id, o.id ORDER BY p.id
"""
# What the site may keep of an order: the sessions that stand, and of those called off what was not to come back.
ORDERS = """
SELECT o.reference, o.status, o.total,
       coalesce(sum(b.price - b.discount)
         FILTER (WHERE b.status IN ('paid', 'completed', 'no_show_student', 'no_show_tutor')), 0)::bigint AS standing,
       coalesce(sum(b.price - b.discount - b.refund) FILTER (WHERE b.status = 'cancelled' AND b.refund IS NOT NULL), 0)
         ::bigint AS kept_of_cancelled
  FROM bookings_order o JOIN bookings_booking b ON b.order_id = o.id WHERE o.status <> 'cart' GROUP BY o.id ORDER BY o.id
"""
OVERLAPS = """
SELECT reference FROM (
    SELECT reference, lower({taken}) < max(upper({taken})) OVER (
               PARTITION BY {whose} ORDER BY lower({taken}), upper({taken}) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS twice
      FROM bookings_booking WHERE status IN ('held', 'requested', 'accepted', 'paid')) checked WHERE twice
"""
FAILED_JOBS = "SELECT task_name AS task, left(args::text, 100) AS args FROM procrastinate_jobs WHERE status = 'failed'"


def find_violations(ledgers: Mapping[str, Sequence[Taken]]) -> list[str]:
    """Return everything that is not as it must be, a sentence each, with its reference."""
    return [*look_at_money(ledgers), *look_at_sessions(), *look_for_leftovers(), *_look_at_books()]


def look_at_money(ledgers: Mapping[str, Sequence[Taken]]) -> Iterator[str]:
    """Compare the vendors' ledgers with our payments and orders, both ways."""
    payments = {row["reference"]: row for row in _rows(PAYMENTS)}
    taken = [one for ledger in ledgers.values() for one in ledger]
    for vendor, ledger in ledgers.items():
        for one in ledger:
            yield from _look_at_payment(vendor, one, payments.get(one.reference))
    known = {one.reference for one in taken}
    for reference, row in payments.items():
        if row["received"] and reference not in known:
            yield f"{reference}: {row['status']}, but no vendor took money for it"
    yield from _look_at_orders(payments, taken)


def _look_at_payment(vendor: str, one: Taken, row: Row | None) -> Iterator[str]:
    """Compare a payment that the vendor took with our record of it."""
    if row is None or row["gateway"] != vendor:
        yield f"{one.reference}: {vendor} took {one.amount}, and nobody here knows"
        return
    if row["status"] != "succeeded" or row["received"] != one.amount:
        here = f"{row['status']} with {row['received']} ({row['note']})"
        yield f"{one.reference}: {vendor} took {one.amount}, here it is {here}"
    if row["returned"] != one.returned:
        yield f"{one.reference}: {vendor} sent back {one.returned}, here it is {row['returned']}"
    if one.returned > one.amount:
        yield f"{one.reference}: {vendor} sent back {one.returned} of {one.amount}"
    if row["disputed"] != one.disputed:
        yield f"{one.reference}: the payer's bank disputes {one.disputed} at {vendor}, here it is {row['disputed']}"
    if one.most_by_key > 1:
        yield f"{one.reference}: {vendor} carried out one refund {one.most_by_key} times"
    if row["failed"]:
        yield f"{one.reference}: a refund of {row['failed']} has failed"
    if row["by_hand"] and one.can_be_returned:
        yield f"{one.reference}: {row['by_hand']} is left to be sent back by hand, though {vendor} could do it"


def _look_at_orders(payments: Mapping[str, Row], taken: Iterable[Taken]) -> Iterator[str]:
    """What vendors took less what went back must be what the sessions cost that stand."""
    of_order: dict[str, list[Taken]] = defaultdict(list)
    for one in taken:
        if one.reference in payments:
            of_order[payments[one.reference]["order"]].append(one)
    for row in _rows(ORDERS):
        mine = of_order[row["reference"]]
        if row["status"] == "paid" and row["total"] and not mine:
            yield f"{row['reference']}: paid, but no vendor took money for it"
        by_hand = sum(payments[one.reference]["by_hand"] for one in mine)
        left = sum(one.amount - one.returned for one in mine) - by_hand
        gone_there = sum(one.returned_there for one in mine)
        due = row["standing"] + row["kept_of_cancelled"]
        if left != max(0, due - gone_there):
            yield (
                f"{row['reference']}: {row['status']}, {left} of the payer's money is left, and sessions for {due} stand"
                + (f" ({gone_there} was sent back at the vendor)" if gone_there else "")
            )


def look_at_sessions() -> Iterator[str]:
    """Find sessions at the same time of one tutor, one student or one link."""
    for whose, taken in (("tutor_id", "blocks"), ("student_id", "during")):
        for row in _rows(OVERLAPS.format(whose=whose, taken=taken)):
            yield f"{row['reference']}: overlaps another session of the same {whose.removesuffix('_id')}"
    if doubles := truth.double_assignments():
        yield f"{doubles} sessions share their link with another at the same time"


def look_for_leftovers() -> Iterator[str]:
    """Find what is still to be done, and jobs that were given up."""
    for what, which in calm.unfinished().items():
        yield from (f"{one}: among the {what}" for one in which)
    of_a_clock = {periodic.task.name for periodic in app.periodic_registry.periodic_tasks.values()}  # the next one has come
    for row in _rows(FAILED_JOBS):
        if row["task"] not in of_a_clock:
            yield f"{row['task']} {row['args']}: this job has failed"


def _look_at_books() -> Iterator[str]:
    """Ask the site's own proofs, up to this moment, and its comparison with the vendors: they must find nothing."""
    for command, options in (("check_books", {"grace": 0}), ("reconcile_payments", {"dry_run": True, "per_second": 100.0})):
        said = StringIO()
        try:
            call_command(command, stdout=said, stderr=said, **options)
        except CommandError as error:
            yield f"manage.py {command}: {error}\n{said.getvalue()}"


def _rows(sql: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
