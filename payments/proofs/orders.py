"""Orders and payments: what was paid for was paid, and what was paid is for something."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from payments.proofs.base import Proof

# The money that came, and what of it is here: it neither went nor goes back, and no payer's bank took it. A payment that
# goes back as a whole never paid for its order, whatever becomes of its refund.
_CAME = """
    SELECT p.id, p.order_id, p.amount,
        COALESCE(p.received_amount, p.amount) - p.refunded_amount - COALESCE((
            SELECT sum(d.amount) FROM payments_dispute d WHERE d.payment_id = p.id AND d.status = 'lost'
            AND d.currency = COALESCE(NULLIF(p.received_currency, ''), p.currency)), 0) AS here,
        EXISTS (SELECT FROM payments_refund r
            WHERE r.payment_id = p.id AND r.booking_id IS NULL AND r.reason = ANY(%(whole)s)) AS is_returned
    FROM payments_payment p WHERE p.succeeded_at IS NOT NULL
"""
# What paid an order, as it was asked for: what came otherwise was accepted by a person (`payment_accepted_unseen` sees to
# that).
_PAID_WITH = f"""
    SELECT order_id, sum(amount)::bigint AS amount, COALESCE(sum(amount) FILTER (WHERE here > 0), 0)::bigint AS here
    FROM ({_CAME}) came WHERE NOT is_returned GROUP BY order_id
"""  # noqa: S608 - nothing in it comes from outside
# A refund that failed waits for a person, who sees it elsewhere; one that a person dropped is that person's decision.
_LEFT_TO_PERSON = """
    SELECT COALESCE(sum(r.amount), 0) FROM payments_refund r
    WHERE r.payment_id = came.id AND r.status = 'failed' AND r.reason <> 'vendor' AND (r.finished_at IS NULL OR EXISTS (
        SELECT FROM bookings_change c WHERE c.order_id = came.order_id AND c.what = 'refund' AND c.became = 'failed'
        AND c.who_id IS NOT NULL AND c.why = r.note))
"""

PAID_WITHOUT_MONEY = Proof(
    "order_paid_without_money",
    _(
        "Order %(order)s is paid and costs %(total)s, but %(paid)s came for it. Look at its payments; ask the gateway, or"
        " cancel its sessions."
    ),
    f"""
    SELECT o.reference AS order, o.currency, o.total, COALESCE(paid.amount, 0) AS paid
    FROM bookings_order o LEFT JOIN ({_PAID_WITH}) paid ON paid.order_id = o.id
    WHERE o.status = 'paid' AND o.total > COALESCE(paid.amount, 0) AND o.id <> ALL(%(busy)s) ORDER BY o.id
    """,  # noqa: S608 - nothing in it comes from outside
)
PAID_TOO_MUCH = Proof(
    "order_paid_twice",
    _("Order %(order)s costs %(total)s, but %(paid)s came for it and is not owed back. Send the surplus back."),
    f"""
    SELECT o.reference AS order, o.currency, o.total, paid.here AS paid
    FROM bookings_order o JOIN ({_PAID_WITH}) paid ON paid.order_id = o.id
    WHERE o.paid_at IS NOT NULL AND o.total < paid.here AND o.disputed_at IS NULL AND o.id <> ALL(%(busy)s) ORDER BY o.id
    """,  # noqa: S608
)
MONEY_FOR_NOTHING = Proof(
    "payment_for_nothing",
    _(
        "Payment %(payment)s brought %(money)s, which does not pay for order %(order)s, and %(kept)s of it is not owed back."
        " Send it back."
    ),
    f"""
    SELECT p.reference AS payment, o.reference AS order, COALESCE(NULLIF(p.received_currency, ''), p.currency) AS currency,
           COALESCE(p.received_amount, p.amount) AS money, (here - ({_LEFT_TO_PERSON}))::bigint AS kept
    FROM ({_CAME}) came JOIN payments_payment p ON p.id = came.id JOIN bookings_order o ON o.id = p.order_id
    WHERE p.status = 'succeeded' AND (o.paid_at IS NULL OR is_returned) AND here > ({_LEFT_TO_PERSON})
      AND o.disputed_at IS NULL AND o.id <> ALL(%(busy)s) ORDER BY p.id
    """,  # noqa: S608
)
ACCEPTED_UNSEEN = Proof(
    "payment_accepted_unseen",
    _("Payment %(payment)s asked for %(asked)s and brought %(money)s, but nobody has accepted that. Look at it."),
    """
    SELECT p.reference AS payment, p.currency, p.amount AS asked, p.received_amount AS money
    FROM payments_payment p
    WHERE p.status = 'succeeded' AND (p.received_amount <> p.amount OR p.received_currency NOT IN ('', p.currency))
      AND p.order_id <> ALL(%(busy)s) AND NOT EXISTS (SELECT FROM bookings_change c
          WHERE c.order_id = p.order_id AND c.what = 'payment' AND c.who_id IS NOT NULL)
    ORDER BY p.id
    """,
)
PAID_ORDER_UNPAID_SESSION = Proof(
    "order_paid_session_not",
    _(
        "Order %(order)s is paid, but its session %(booking)s is “%(status)s”. Look at its history; book it again or send"
        " its price back."
    ),
    """
    SELECT o.reference AS order, b.reference AS booking, b.status AS status
    FROM bookings_order o JOIN bookings_booking b ON b.order_id = o.id
    WHERE o.status = 'paid' AND b.status IN ('held', 'requested', 'accepted', 'expired', 'declined')
      AND b.refund IS NULL AND o.id <> ALL(%(busy)s) ORDER BY b.id
    """,
)
PAID_SESSION_UNPAID_ORDER = Proof(
    "session_paid_order_not",
    _(
        "Session %(booking)s counts as paid, but its order %(order)s does not. Look at its history; cancel it, or give it"
        " as a gift."
    ),
    """
    SELECT o.reference AS order, b.reference AS booking
    FROM bookings_booking b JOIN bookings_order o ON o.id = b.order_id
    WHERE b.status = ANY(%(stands)s) AND o.paid_at IS NULL AND o.id <> ALL(%(busy)s) ORDER BY b.id
    """,
)
TOTAL_OF_SESSIONS = Proof(
    "order_total_of_sessions",
    _("Order %(order)s costs %(total)s, but its sessions come to %(sessions)s. Ask for help: prices were changed by hand."),
    """
    SELECT o.reference AS order, o.currency, o.total, sums.sessions
    FROM bookings_order o JOIN (
        SELECT order_id, sum(price - discount)::bigint AS sessions FROM bookings_booking
        WHERE status <> 'cancelled' OR cancelled_at IS NOT NULL GROUP BY order_id) sums ON sums.order_id = o.id
    WHERE o.paid_at IS NOT NULL AND o.total <> sums.sessions AND o.id <> ALL(%(busy)s) ORDER BY o.id
    """,
)
CURRENCIES = Proof(
    "currencies_match",
    _("%(what)s is in %(one)s, but its order %(order)s is in %(other)s. Ask for help: currencies were changed by hand."),
    """
    SELECT b.reference AS what, b.currency AS one, o.reference AS order, o.currency AS other
    FROM bookings_booking b JOIN bookings_order o ON o.id = b.order_id
    WHERE b.currency <> o.currency AND o.paid_at IS NOT NULL
    UNION ALL
    SELECT p.reference, p.currency, o.reference, o.currency
    FROM payments_payment p JOIN bookings_order o ON o.id = p.order_id WHERE p.currency <> o.currency
    UNION ALL
    SELECT b.reference, e.currency, o.reference, o.currency FROM payments_earning e
    JOIN bookings_booking b ON b.id = e.booking_id JOIN bookings_order o ON o.id = b.order_id WHERE e.currency <> o.currency
    """,
)
PROOFS = (
    PAID_WITHOUT_MONEY,
    PAID_TOO_MUCH,
    MONEY_FOR_NOTHING,
    ACCEPTED_UNSEEN,
    PAID_ORDER_UNPAID_SESSION,
    PAID_SESSION_UNPAID_ORDER,
    TOTAL_OF_SESSIONS,
    CURRENCIES,
)
