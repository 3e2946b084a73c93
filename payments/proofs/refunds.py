"""Refunds: what goes back is what was decided, and never more than came."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from payments.proofs.base import Proof

REFUNDS_COUNTED = Proof(
    "refunds_counted",
    _(
        "Payment %(payment)s says that %(said)s goes back, but its refunds come to %(refunds)s. Ask for help: refunds were"
        " changed by hand."
    ),
    """
    SELECT p.reference AS payment, p.currency, p.refunded_amount AS said, COALESCE(sums.amount, 0) AS refunds
    FROM payments_payment p LEFT JOIN (
        SELECT payment_id, sum(amount)::bigint AS amount FROM payments_refund WHERE status <> 'failed' GROUP BY payment_id
    ) sums ON sums.payment_id = p.id
    WHERE p.refunded_amount <> COALESCE(sums.amount, 0) ORDER BY p.id
    """,
)
REFUNDS_WITHIN_RECEIVED = Proof(
    "refunds_within_received",
    _("Of payment %(payment)s %(back)s goes back, but only %(money)s came. Look at its refunds at the gateway."),
    """
    SELECT p.reference AS payment, COALESCE(NULLIF(p.received_currency, ''), p.currency) AS currency,
           COALESCE(p.received_amount, p.amount) AS money, sums.amount AS back
    FROM payments_payment p JOIN (
        SELECT payment_id, sum(amount)::bigint AS amount FROM payments_refund WHERE status <> 'failed' GROUP BY payment_id
    ) sums ON sums.payment_id = p.id
    WHERE sums.amount > CASE WHEN p.succeeded_at IS NULL AND p.received_amount IS NULL THEN 0
                        ELSE COALESCE(p.received_amount, p.amount) END
    ORDER BY p.id
    """,
)
# While a payer's bank asks for the money back, and once it has it, nothing more is sent. Where less was left than a session
# was owed the staff were told: the rest may have gone back since without naming it, and of what was given up no rest is
# owed.
REFUND_OF_SESSION = Proof(
    "refund_of_session",
    _(
        "For session %(booking)s %(owed)s is to go back, but %(refund)s is on its way. Look at the payments of order"
        " %(order)s and send the rest back."
    ),
    """
    SELECT b.reference AS booking, o.reference AS order, b.currency, COALESCE(b.refund, 0) AS owed,
           COALESCE(r.amount, 0) AS refund
    FROM bookings_booking b JOIN bookings_order o ON o.id = b.order_id
    LEFT JOIN payments_refund r ON r.booking_id = b.id
    WHERE (b.refund > 0 OR r.id IS NOT NULL) AND COALESCE(b.refund, 0) <> COALESCE(r.amount, 0)
      AND o.disputed_at IS NULL AND o.id <> ALL(%(busy)s)
      AND NOT EXISTS (SELECT FROM payments_payment p JOIN payments_dispute d ON d.payment_id = p.id
                      WHERE p.order_id = o.id AND d.status = 'lost')
      AND (r.id IS NULL OR r.amount > COALESCE(b.refund, 0) OR (
          (r.status <> 'failed' OR r.finished_at IS NULL) AND b.refund - r.amount > COALESCE((
              SELECT sum(u.amount) FROM payments_refund u JOIN payments_payment p ON p.id = u.payment_id
              WHERE p.order_id = o.id AND u.booking_id IS NULL AND u.status <> 'failed' AND u.reason <> ALL(%(whole)s)), 0)))
      AND EXISTS (SELECT FROM payments_payment p WHERE p.order_id = o.id AND p.status = 'succeeded'
                  AND COALESCE(p.received_amount, p.amount) > p.refunded_amount)
    ORDER BY b.id
    """,
)
PROOFS = (REFUNDS_COUNTED, REFUNDS_WITHIN_RECEIVED, REFUND_OF_SESSION)
