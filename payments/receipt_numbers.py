"""Numbers of receipts: for each year one row of whole numbers without a gap, for payments and for refunds apart.

The number is taken from the counter's row, whose lock is kept until the end of the transaction: what is rolled back
gives its number back, and whoever comes next waits for that. So it is the last lock that a transaction asks for.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.rounds import for_each
from payments.models import Payment, Refund

PAYMENT, REFUND = "payment", "refund"
_FORMS = {PAYMENT: "R-{year}-{number:06d}", REFUND: "C-{year}-{number:06d}"}
_BATCH = 500
_TAKE_NEXT = """
    INSERT INTO payments_receiptcounter AS counter (kind, year, last) VALUES (%s, %s, 1)
    ON CONFLICT (kind, year) DO UPDATE SET last = counter.last + 1
    RETURNING last
"""


@transaction.atomic
def number_payment(payment: Payment) -> str:
    """Give a payment that arrived its receipt's number, once, and mail it to the payer; empty for one that did not arrive.

    The year is that of the day on which the money came, by the site's clock. Call it last in the transaction that
    records the money: the counter is locked until its end.
    """
    kept = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    payment.receipt_number = number_locked_payment(kept) or None
    return payment.receipt_number or ""


def number_locked_payment(payment: Payment) -> str:
    """Do as `number_payment` for a payment that this transaction has locked and read."""
    if payment.receipt_number is None and payment.status == Payment.Status.SUCCEEDED and payment.succeeded_at is not None:
        enqueue("payments.mail_payer_of_receipt", payment_id=payment.pk)
        payment.receipt_number = _take_number(PAYMENT, payment.succeeded_at)
        payment.save(update_fields=["receipt_number"])
    return payment.receipt_number or ""


@transaction.atomic
def number_refund(refund: Refund) -> str:
    """Give a refund that was sent back the number of its credit note, as `number_payment` does for a payment.

    Its payment is to be locked before it, as everywhere.
    """
    kept = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
    if kept.receipt_number is None and kept.status == Refund.Status.SUCCEEDED and kept.finished_at is not None:
        kept.receipt_number = _take_number(REFUND, kept.finished_at)
        kept.save(update_fields=["receipt_number"])
    refund.receipt_number = kept.receipt_number
    return kept.receipt_number or ""


def number_receipts() -> int:
    """Number what arrived without getting its number, in the order in which it came. Returns how many were numbered."""
    payments = Payment.objects.filter(status=Payment.Status.SUCCEEDED, receipt_number=None).order_by("succeeded_at", "pk")
    refunds = Refund.objects.filter(status=Refund.Status.SUCCEEDED, receipt_number=None).order_by("finished_at", "pk")
    return for_each(payments[:_BATCH], number_payment) + for_each(refunds[:_BATCH], _number_locked)


@transaction.atomic
def _number_locked(refund: Refund) -> str:
    Payment.objects.select_for_update().get(pk=refund.payment_id)
    return number_refund(refund)


def _take_number(kind: str, at: datetime) -> str:
    year = timezone.localtime(at, timezone.get_default_timezone()).year
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_NEXT, [kind, year])
        return _FORMS[kind].format(year=year, number=cursor.fetchone()[0])
