"""Gateways that tell only how much has gone back, all in all: what we owed is done, anything else is shown to a person."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Sum

from bookings.kept import Kept
from bookings.money import Money
from payments.gateways.base import PaymentReport
from payments.models import Payment, Refund
from payments.refund_steps import SENT, finish_refund
from payments.refunds import lock_payment
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")
SENT_UNASKED = Kept("The gateway sent back %(money)s (%(status)s) without being asked here.")


@transaction.atomic
def record_payment_returned(payment: Payment, report: PaymentReport) -> bool:
    """Record that the gateway sent money back, or that the payer's bank took it.

    If it is what we owed, the refund is done. If not, a person must look: a session may still stand for it.
    """
    payment = lock_payment(payment.pk)
    back = report.returned or report.money or payment.money_held
    if _is_accounted_for(payment, back):
        return False
    if _finish_owed(payment, back):
        return True
    note = SENT_UNASKED(money=back, status=report.status)
    if payment.status == Payment.Status.NEEDS_REVIEW and payment.note == note:
        return False
    payment.mark_needs_review(note=note, received=report.money)
    payment.save(update_fields=["status", "note", "received_amount", "received_currency", "next_check_at"])
    log.warning("payment needs a look", extra={"payment": payment.reference, "reason": note})
    tell_staff(payment, what=note)
    return True


def _is_accounted_for(payment: Payment, back: Money) -> bool:
    sent = payment.refunds.filter(status=Refund.Status.SUCCEEDED).aggregate(total=Sum("amount"))["total"] or 0
    return back == Money(sent, payment.money_held.currency)


def _finish_owed(payment: Payment, back: Money) -> bool:
    """Close the open refunds of the payment if, with what was sent before, they are what has gone back."""
    refunds = [one for one in payment.refunds.select_for_update() if not one.is_given_up]
    if not refunds or back != Money(sum(refund.amount for refund in refunds), payment.money_held.currency):
        return False
    for refund in refunds:
        if refund.is_open:
            refund.payment = payment
            finish_refund(refund, note=SENT())
    return True
