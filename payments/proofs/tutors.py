"""Tutors' accounts: every session earns what the rule says, and what is paid out is what was earned."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from payments.earning_rule import RULE
from payments.proofs.base import Proof

EARNED_BY_THE_RULE = Proof(
    "earned_by_the_rule",
    _(
        "Session %(booking)s should earn %(gross)s with a fee of %(fee)s, but its lines come to %(had_gross)s with a fee of"
        " %(had_fee)s. The next round adds what is missing; if it stays, look whether the worker runs."
    ),
    f"""
    WITH {RULE}
    SELECT reference AS booking, currency, gross, fee, had_gross, had_fee FROM rule
    WHERE (gross <> had_gross OR fee <> had_fee) AND order_id <> ALL(%(busy)s) ORDER BY id
    """,  # noqa: S608 - nothing in it comes from outside
)
EARNED_WITHIN_MONEY = Proof(
    "earned_within_money",
    _("The sessions of order %(order)s earn %(earned)s, but only %(kept)s of its money is left. Look at its refunds."),
    """
    SELECT o.reference AS order, o.currency, earned.gross AS earned, COALESCE(money.kept, 0) AS kept
    FROM (SELECT b.order_id, sum(e.gross)::bigint AS gross FROM payments_earning e
          JOIN bookings_booking b ON b.id = e.booking_id GROUP BY b.order_id) earned
    JOIN bookings_order o ON o.id = earned.order_id
    LEFT JOIN (SELECT p.order_id, sum(GREATEST(0, GREATEST(p.amount, p.received_amount) - p.refunded_amount - COALESCE((
                   SELECT sum(d.amount) FROM payments_dispute d WHERE d.payment_id = p.id AND d.status = 'lost'
                   AND d.currency = COALESCE(NULLIF(p.received_currency, ''), p.currency)), 0)))::bigint AS kept
               FROM payments_payment p WHERE p.succeeded_at IS NOT NULL AND NOT EXISTS (
                   SELECT FROM payments_refund r
                   WHERE r.payment_id = p.id AND r.booking_id IS NULL AND r.reason = ANY(%(whole)s))
               GROUP BY p.order_id) money ON money.order_id = o.id
    WHERE earned.gross > COALESCE(money.kept, 0) AND o.id <> ALL(%(busy)s) ORDER BY o.id
    """,
)
DUE_WHEN_OVER = Proof(
    "due_when_over",
    _(
        "Session %(booking)s is over, but its earning is not due on any day. The next round says when; if it stays, look"
        " whether the worker runs."
    ),
    """
    SELECT DISTINCT b.reference AS booking FROM payments_earning e JOIN bookings_booking b ON b.id = e.booking_id
    WHERE e.due_at IS NULL AND b.status = ANY(%(over)s) AND upper(b.during) < %(before)s AND b.order_id <> ALL(%(busy)s)
    ORDER BY 1
    """,
)
PAYOUT_OF_ITS_LINES = Proof(
    "payout_of_its_lines",
    _("Payout %(payout)s is of %(amount)s, but its lines come to %(lines)s. Ask for help before you pay it."),
    """
    SELECT p.reference AS payout, p.currency, p.amount, COALESCE(sums.net, 0) AS lines
    FROM payments_payout p LEFT JOIN (
        SELECT payout_id, sum(net)::bigint AS net FROM payments_earning GROUP BY payout_id) sums ON sums.payout_id = p.id
    WHERE p.amount <> COALESCE(sums.net, 0) ORDER BY p.id
    """,
)
PAYOUT_OF_ITS_TUTOR = Proof(
    "payout_of_its_tutor",
    _(
        "Payout %(payout)s holds the earning of session %(booking)s, which is another tutor's, in another currency or was"
        " not due by then. Ask for help before you pay it."
    ),
    """
    SELECT p.reference AS payout, b.reference AS booking
    FROM payments_earning e JOIN payments_payout p ON p.id = e.payout_id JOIN bookings_booking b ON b.id = e.booking_id
    WHERE e.tutor_id <> p.tutor_id OR e.currency <> p.currency OR e.due_at IS NULL OR e.due_at >= p.until ORDER BY e.id
    """,
)
EARNED_BY_ITS_TUTOR = Proof(
    "earned_by_its_tutor",
    _("A line of session %(booking)s stands in the account of a tutor who does not teach it. Ask for help."),
    """
    SELECT b.reference AS booking FROM payments_earning e JOIN bookings_booking b ON b.id = e.booking_id
    WHERE e.tutor_id <> b.tutor_id ORDER BY e.id
    """,
)
PROOFS = (
    EARNED_BY_THE_RULE,
    EARNED_WITHIN_MONEY,
    DUE_WHEN_OVER,
    PAYOUT_OF_ITS_LINES,
    PAYOUT_OF_ITS_TUTOR,
    EARNED_BY_ITS_TUTOR,
)
