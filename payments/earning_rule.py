"""What every session should earn, as one question to the database: the rule that the ledger follows and is checked by.

Of a session's price, its share of the discount taken off, what went or goes back for the session itself is taken away,
and its share of what went back of the payment without naming a session (at the gateway itself, as the staff saw fit, or
because the payer's bank took it for good), in proportion to what is left of each session, to the last unit. The same
money may go back and be taken by the bank as well: all sessions together never earn more than what is left, nor does a
payment give less than nothing. Payments that went back whole, because they came twice, too late, for an order given up or
otherwise than asked for, never counted. The fee is the percent of the session's first line, else the tutor's, else the
site's; half a unit is rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from bookings.models import Booking
from payments.models import Refund

# Shared by the checks of the books. `order` narrows it to one order; without it, all sessions are asked for.
RULE = """
taken AS (  -- by payers' banks; a sum in another currency cannot be compared, so it counts as all of the payment
    SELECT p.id, sum(CASE WHEN d.currency = COALESCE(NULLIF(p.received_currency, ''), p.currency)
        THEN d.amount ELSE COALESCE(p.received_amount, p.amount) END) AS amount
    FROM payments_dispute d JOIN payments_payment p ON p.id = d.payment_id
    WHERE d.status = 'lost' AND (%(order)s::bigint IS NULL OR p.order_id = %(order)s) GROUP BY p.id
), counted AS (  -- payments that came, without those that went back whole
    SELECT p.id, p.order_id, COALESCE(taken.amount, 0) AS taken, GREATEST(0,
        COALESCE(p.received_amount, p.amount) - p.refunded_amount - COALESCE(taken.amount, 0)) AS kept
    FROM payments_payment p LEFT JOIN taken ON taken.id = p.id
    WHERE p.succeeded_at IS NOT NULL AND (%(order)s::bigint IS NULL OR p.order_id = %(order)s)
      AND NOT EXISTS (SELECT FROM payments_refund whole WHERE whole.payment_id = p.id
                      AND whole.booking_id IS NULL AND whole.reason = ANY(%(whole)s))
), unnamed AS (  -- what went back without naming a session
    SELECT order_id, sum(amount) AS amount FROM (
        SELECT p.order_id, r.amount FROM payments_refund r JOIN counted p ON p.id = r.payment_id
        WHERE r.booking_id IS NULL AND r.status <> 'failed'
        UNION ALL SELECT order_id, taken FROM counted WHERE taken > 0
    ) gone GROUP BY order_id
), named AS (  -- what goes back for each session, also if it is stuck; not what the staff wished and dropped again
    SELECT b.id, b.order_id, CASE WHEN r.reason = 'other' AND r.status = 'failed' AND r.finished_at IS NOT NULL
                                   AND r.amount = b.refund THEN 0 ELSE GREATEST(r.amount, b.refund) END AS amount
    FROM bookings_booking b LEFT JOIN payments_refund r ON r.booking_id = b.id
    WHERE (r.id IS NOT NULL OR b.refund > 0) AND (%(order)s::bigint IS NULL OR b.order_id = %(order)s)
), money AS (
    SELECT order_id, sum(kept) AS kept FROM counted GROUP BY order_id
), backs AS (
    SELECT order_id, sum(amount) AS amount FROM named GROUP BY order_id
), shared AS (  -- what sessions share: never more than is missing of the order's money
    SELECT o.id AS order_id, CASE WHEN money.kept = 0 THEN o.total ELSE LEAST(
        unnamed.amount, GREATEST(0, o.total - COALESCE(backs.amount, 0) - money.kept)) END AS amount
    FROM unnamed JOIN bookings_order o ON o.id = unnamed.order_id JOIN money ON money.order_id = o.id
    LEFT JOIN backs ON backs.order_id = o.id
), lost AS (
    SELECT DISTINCT order_id FROM counted WHERE taken > 0
), lines AS (
    SELECT e.booking_id, sum(e.gross)::bigint AS gross, sum(e.fee)::bigint AS fee, max(e.fee_percent) AS percent,
           bool_or(e.due_at IS NULL) AS waits
    FROM payments_earning e JOIN bookings_booking b ON b.id = e.booking_id
    WHERE %(order)s::bigint IS NULL OR b.order_id = %(order)s GROUP BY e.booking_id
), sessions AS (
    SELECT b.id, b.reference, b.order_id, b.tutor_id, b.currency, upper(b.during) AS ends_at,
           b.status = ANY(%(over)s) AS is_over, lines.booking_id IS NOT NULL AS has_lines,
           COALESCE(lines.waits, FALSE) AS waits, lost.order_id IS NOT NULL AS is_lost,
           COALESCE(lines.gross, 0) AS had_gross, COALESCE(lines.fee, 0) AS had_fee,
           COALESCE(lines.percent, tutor.fee_percent, %(percent)s) AS percent,
           CASE WHEN o.paid_at IS NULL THEN 0
                WHEN b.status = ANY(%(stands)s) OR (b.status = 'cancelled' AND b.refund IS NOT NULL)
                THEN GREATEST(0, b.price - b.discount - COALESCE(named.amount, 0)) ELSE 0 END AS rest,
           COALESCE(shared.amount, 0) AS shared
    FROM bookings_booking b
    JOIN bookings_order o ON o.id = b.order_id
    JOIN bookings_tutor tutor ON tutor.id = b.tutor_id
    LEFT JOIN lines ON lines.booking_id = b.id
    LEFT JOIN named ON named.id = b.id
    LEFT JOIN shared ON shared.order_id = b.order_id
    LEFT JOIN lost ON lost.order_id = b.order_id
    WHERE (%(order)s::bigint IS NULL OR b.order_id = %(order)s)
      AND (lines.booking_id IS NOT NULL OR (o.paid_at IS NOT NULL AND b.price > b.discount))
), whole AS (
    SELECT s.*, sum(rest) OVER of_order AS rest_of_order FROM sessions s WINDOW of_order AS (PARTITION BY order_id)
), cut AS (
    SELECT w.*, CASE WHEN shared = 0 OR rest_of_order = 0 THEN 0
        ELSE div(LEAST(shared, rest_of_order) * rest, rest_of_order) END AS floor,
        CASE WHEN shared = 0 OR rest_of_order = 0 THEN 0
        ELSE mod(LEAST(shared, rest_of_order) * rest, rest_of_order) END AS remainder
    FROM whole w
), ranked AS (
    SELECT c.*, CASE WHEN shared = 0 THEN 0 ELSE
        floor + (row_number() OVER largest <= LEAST(shared, rest_of_order) - sum(floor) OVER of_order)::int END AS share
    FROM cut c WINDOW of_order AS (PARTITION BY order_id), largest AS (PARTITION BY order_id ORDER BY remainder DESC, id)
), should AS (
    SELECT r.*, (rest - share)::bigint AS gross FROM ranked r
), rule AS (
    SELECT s.*, (gross * percent + 50) / 100 AS fee FROM should s
)
"""
_DIFFERS = "(gross <> had_gross OR fee <> had_fee OR (waits AND is_over))"
_OF_ORDER = f"""
WITH {RULE} SELECT id, reference, tutor_id, currency, percent, gross, fee, had_gross, had_fee, has_lines, is_lost,
    CASE WHEN is_over THEN ends_at END AS over_at
FROM rule WHERE {_DIFFERS} ORDER BY id
"""  # noqa: S608 - nothing in it comes from outside
_ORDERS = f"WITH {RULE} SELECT DISTINCT order_id FROM rule WHERE {_DIFFERS} ORDER BY order_id LIMIT %(limit)s"  # noqa: S608


@dataclass(frozen=True)
class Difference:
    """A session whose lines do not say what they should; amounts in minor units."""

    booking_id: int
    reference: str
    tutor_id: int
    currency: str
    percent: int
    gross: int
    fee: int
    had_gross: int
    had_fee: int
    has_lines: bool
    is_lost: bool
    over_at: datetime | None  # its end, once it is over or called off


def rule_facts(*, order: int | None = None) -> dict[str, Any]:
    """Return what the rule asks of the settings and of the models."""
    return {
        "order": order,
        "percent": settings.PLATFORM_FEE_PERCENT,
        "whole": [str(reason) for reason in Refund.WHOLE],
        "stands": [str(status) for status in (Booking.Status.PAID, *Booking.OVER)],
        "over": [str(status) for status in (Booking.Status.CANCELLED, *Booking.OVER)],
    }


def differences_of(order: int) -> list[Difference]:
    """Return the sessions of an order whose lines do not say what they should. One query."""
    return [Difference(*row) for row in _ask(_OF_ORDER, rule_facts(order=order))]


def orders_that_differ(*, limit: int) -> list[int]:
    """Return the orders with such sessions, the oldest first. One query, however many there are."""
    return [key for (key,) in _ask(_ORDERS, {**rule_facts(), "limit": limit})]


def _ask(sql: str, facts: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
