"""After the chaos: everything runs, nothing fails, and the rounds of every minute come one after the other.

Nothing is mended here. `manage.py reconcile_payments` is run once, as its owner would; what would be due in minutes or
hours is made due now, and the periodic jobs are queued without waiting for the minute; the site's workers do the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from bench.chaos.records import patiently

# What waits for its time. Deadlines first: whoever has not paid by now never will.
DUE_NOW = (
    "UPDATE bookings_order SET expires_at = now() - interval '1 second'"
    " WHERE status = 'awaiting_payment' AND expires_at > now()",
    "UPDATE bookings_booking SET held_until = now() - interval '1 second' WHERE status = 'held' AND held_until > now()",
    "UPDATE payments_payment SET expires_at = now() - interval '3 minutes' WHERE expires_at > now() - interval '3 minutes'"
    " AND status = 'pending'",
    "UPDATE payments_payment SET next_check_at = now() WHERE next_check_at > now()",
    "UPDATE payments_webhookevent SET next_attempt_at = now() WHERE state IN ('new', 'failed') AND next_attempt_at > now()",
    "UPDATE payments_refund SET next_attempt_at = now() WHERE next_attempt_at > now()",
    "UPDATE meetings_meeting SET next_attempt_at = now() WHERE status = 'waiting' AND next_attempt_at > now()",
    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()",
)
DEAD = "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '31 seconds'"
WAIT = 5.0  # seconds that a round is given to empty the queue before the next one is made
UNFINISHED = {
    "orders that wait for money": "SELECT reference FROM bookings_order WHERE status = 'awaiting_payment'",
    "attempts that nobody has closed": "SELECT reference FROM payments_payment WHERE status = 'pending'",
    "messages not applied": "SELECT gateway || ' ' || kind || ' ' || reference FROM payments_webhookevent"
    " WHERE state IN ('new', 'failed')",
    "refunds under way": "SELECT reference FROM payments_refund WHERE status IN ('pending', 'submitted')",
    "sessions without a link": "SELECT b.reference FROM bookings_booking b"
    " LEFT JOIN meetings_meeting m ON m.booking_id = b.id WHERE b.status = 'paid' AND m.status IS DISTINCT FROM 'ready'",
    "jobs": "SELECT task_name || ' ' || status FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
}


def reconcile(banks: Sequence[Any], *, seconds: float) -> int:
    """Make round after round until nothing is left to do, or the time is over. Returns how many rounds it took."""
    deadline = time.monotonic() + seconds
    _await(lambda: all(bank.is_idle() for bank in banks), deadline)
    rounds = quiet = 0
    with suppress(CommandError):  # what is left is for the rounds, or for the verdict
        call_command("reconcile_payments", stdout=StringIO(), stderr=StringIO(), per_second=100.0)
    before = _standing()
    while time.monotonic() < deadline and quiet < 2:
        patiently(_make_due)
        patiently(_queue_rounds)
        rounds += 1
        _await(_no_jobs, min(deadline, time.monotonic() + WAIT))
        _await(lambda: all(bank.is_idle() for bank in banks), deadline)
        now = _standing()
        quiet = quiet + 1 if now == before and not any(unfinished().values()) else 0
        before = now
    return rounds


def bury_workers() -> None:
    """Let time pass for the workers that are still written down: call it while none runs."""
    connection.close()  # it may be one to the database before it fell over
    with connection.cursor() as cursor:
        cursor.execute(DEAD)


def unfinished() -> dict[str, list[str]]:
    """Return what is left to do, by kind."""
    return {what: [row[0] for row in _rows(sql)] for what, sql in UNFINISHED.items()}


def _make_due() -> None:
    for sql in DUE_NOW:
        with connection.cursor() as cursor:
            cursor.execute(sql)


def _queue_rounds() -> None:
    """Queue every periodic job of the site, as its clock does."""
    for periodic in app.periodic_registry.periodic_tasks.values():
        task = periodic.task
        try:
            with transaction.atomic():
                task.configure(queueing_lock=task.queueing_lock).defer(timestamp=int(time.time()))
        except AlreadyEnqueued:
            continue
        except ConnectorException as error:
            raise ConnectionError(str(error)) from error


def _no_jobs() -> bool:
    """True when no job is left but those of rounds that are to come."""
    return patiently(lambda: not _rows(UNFINISHED["jobs"]))


def _standing() -> list[tuple[Any, ...]]:
    """Return how the books stand, to see whether a round has changed them."""
    return _rows(
        "SELECT (SELECT md5(string_agg(reference || status || refunded_amount, ',' ORDER BY id)) FROM payments_payment),"
        "       (SELECT md5(string_agg(reference || status || amount, ',' ORDER BY id)) FROM payments_refund),"
        "       (SELECT md5(string_agg(reference || status, ',' ORDER BY id)) FROM bookings_booking),"
        "       (SELECT md5(string_agg(id || status, ',' ORDER BY id)) FROM meetings_meeting)"
    )


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _await(is_true: Callable[[], bool], deadline: float) -> None:
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.1)
