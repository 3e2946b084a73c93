"""Receipts: whatever came or went has its number, and no number is left out."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from payments.proofs.base import Proof

_NUMBERS = r"""
    SELECT 'payment' AS kind, receipt_number AS number FROM payments_payment WHERE receipt_number ~ '^R-\d{4}-\d{6,}$'
    UNION ALL
    SELECT 'refund', receipt_number FROM payments_refund WHERE receipt_number ~ '^C-\d{4}-\d{6,}$'
"""

RECEIPT_PRESENT = Proof(
    "receipt_present",
    _("%(what)s has no receipt number. It gets one within minutes; if it stays without one, look whether the worker runs."),
    """
    SELECT reference AS what FROM payments_payment
    WHERE status = 'succeeded' AND receipt_number IS NULL AND succeeded_at < %(before)s AND order_id <> ALL(%(busy)s)
    UNION ALL
    SELECT reference FROM payments_refund
    WHERE status = 'succeeded' AND receipt_number IS NULL AND finished_at < %(before)s
    """,
)
RECEIPT_GAPLESS = Proof(
    "receipt_gapless",
    _(
        "Of the receipts %(series)s %(counted)s were counted, but %(found)s exist, up to number %(highest)s. Ask for help:"
        " rows were deleted or numbers changed by hand."
    ),
    f"""
    SELECT CASE COALESCE(numbers.kind, counter.kind) WHEN 'payment' THEN 'R-' ELSE 'C-' END
           || COALESCE(numbers.year, counter.year) AS series,
           COALESCE(counter.last, 0)::text AS counted,
           COALESCE(numbers.found, 0)::text AS found,
           COALESCE(numbers.highest, 0)::text AS highest
    FROM payments_receiptcounter counter FULL JOIN (
        SELECT kind, split_part(number, '-', 2)::int AS year, count(*) AS found,
               max(split_part(number, '-', 3)::int) AS highest
        FROM ({_NUMBERS}) every GROUP BY 1, 2) numbers ON numbers.kind = counter.kind AND numbers.year = counter.year
    WHERE (counter.last, counter.last::bigint) IS DISTINCT FROM (numbers.highest, numbers.found) ORDER BY 1
    """,  # noqa: S608 - nothing in it comes from outside
)
PROOFS = (RECEIPT_PRESENT, RECEIPT_GAPLESS)
