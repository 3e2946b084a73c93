"""What a gateway's word does to our books: compare, record, settle the order (late_money.py).

Every function locks the Payment first and then its Order, may run any number of times and in whatever order the
gateway's messages come: success is final, and a failure that comes after it is only looked at. Each joins the transaction
of whoever calls it without a savepoint of its own: what it raises undoes all of that, and nobody catches it inside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from bookings.kept import Kept
from payments.disputes import record_reported_disputes, record_reversal
from payments.gateways.base import Outcome, PaymentReport, RefundReport, RefundState
from payments.late_money import settle_order
from payments.models import Dispute, Payment
from payments.receipt_numbers import number_locked_payment
from payments.refund_steps import number_refunds
from payments.refunds import room_of
from payments.same_page import is_another, payment_beside, sort_out
from payments.staff import tell_staff
from payments.vendor_refunds import record_refunds, record_reported_refunds

log = logging.getLogger("linkpool.payments")
Status = Payment.Status
AGAIN = timedelta(minutes=2)
REFUSED = Kept("The gateway refused it (%(detail)s).")
LATE = Kept("Not paid in time.")
TAKEN_BACK = Kept(
    "The gateway took the money back after it had said “paid” (%(status)s). Sessions that it paid for stand: ask the "
    "payer to pay again, or cancel them."
)
GONE = Kept("When this payment was first heard of, its money had already gone back. It pays for nothing.")
HELD_FOR_A_LOOK = Kept("The gateway holds this payment for a look (%(detail)s). It is not paid.")
NOT_ASKED = Kept("The gateway could not be asked what became of this payment. Please look it up there.")
OTHER_PAYMENT = Kept("The gateway names another payment (%(other)s).")
AMOUNT_UNREADABLE = Kept("The amount that the gateway took cannot be read.")
OTHER_AMOUNT = Kept("We asked for %(asked)s, but the gateway took %(taken)s.")
NUMBER_TAKEN = Kept("The gateway's number already belongs to %(other)s.")
FIELDS = [
    "status",
    "external_id",
    "method",
    "note",
    "received_amount",
    "received_currency",
    "succeeded_at",
    "next_check_at",
]


@transaction.atomic(savepoint=False)
def record_report(payment: Payment, report: PaymentReport) -> bool:
    """Record what the gateway says about an attempt, and of its money that went back. True when that changed something.

    Where several transactions were paid on its page, each is recorded at a payment of its own.
    """
    changes = [_record_transaction(of, told) for of, told in sort_out(payment, report)]
    return any(changes)


def _record_transaction(payment: Payment, report: PaymentReport) -> bool:
    has_changed = _RECORD[report.outcome](payment, report)
    has_changed = _record_what_went_back(payment, report) or has_changed
    if report.refunds or report.outcome is Outcome.CANCELLED:
        number_refunds(payment)
    return has_changed


@transaction.atomic(savepoint=False)
def record_payment_succeeded(payment: Payment, report: PaymentReport) -> bool:
    """Record the money and mark the order paid; if the order cannot be paid any more, owe the money back.

    Money that has already gone back when it is first heard of pays nothing. What does not match what we asked for is
    kept for a person to look at, and confirms nothing.
    """
    payment = _lock(payment)
    if is_another(payment, report):
        return _record_beside(payment, report)
    if not payment.may_still_be_paid:
        return False
    if mismatch := _mismatch(payment, report):
        return _ask_a_person(payment, report, note=mismatch)
    assert report.money is not None  # noqa: S101 - _mismatch has looked
    payment.mark_succeeded(at=_paid_at(report), received=report.money)
    payment.external_id, payment.method = report.external_id, report.method
    payment.save(update_fields=FIELDS)
    log.info("payment succeeded", extra=_facts(payment))
    _record_what_went_back(payment, report)
    if _is_gone(payment):
        _leave_unsettled(payment)
    else:
        settle_order(payment)
    number_locked_payment(payment)
    return True


@transaction.atomic(savepoint=False)
def record_payment_failed(payment: Payment, report: PaymentReport) -> bool:
    """Record that a try failed or was cancelled: this attempt only, the order keeps waiting.

    The same transaction cancelled after it had succeeded was voided: its money went back. If it failed then, that is a
    reversal: the gateway took the money back.
    """
    payment = _lock(payment)
    if void := void_of(payment, report):
        return record_refunds(payment, [void])
    if payment.status == Status.SUCCEEDED and report.external_id and report.external_id == payment.external_id:
        record_reversal(payment, transaction=report.external_id, status=report.status)
        note = TAKEN_BACK(status=report.status)
        return _ask_a_person(payment, report, note=note)
    if not payment.may_still_be_paid or payment.status in (Status.FAILED, Status.EXPIRED):
        return _ignore(payment, report)
    payment.mark_failed(note=REFUSED(detail=report.detail or report.status))
    return _save(payment, report)


@transaction.atomic(savepoint=False)
def record_payment_expired(payment: Payment, report: PaymentReport) -> bool:
    """Record that a try ran out unpaid. Other attempts and the order are untouched: the order has its own clock."""
    payment = _lock(payment)
    if not payment.may_still_be_paid or payment.status == Status.EXPIRED:
        return _ignore(payment, report)
    payment.mark_expired(note=LATE())
    return _save(payment, report)


@transaction.atomic(savepoint=False)
def record_payment_under_review(payment: Payment, report: PaymentReport) -> bool:
    """Record that the gateway itself wants a person to decide. Nothing is paid yet; it may still become so."""
    payment = _lock(payment)
    if not payment.may_still_be_paid:
        return _ignore(payment, report)
    note = HELD_FOR_A_LOOK(detail=report.detail)
    return _ask_a_person(payment, report, note=note, received=False)


@transaction.atomic(savepoint=False)
def record_payment_pending(payment: Payment, report: PaymentReport) -> bool:
    """Remember which transaction the payer has begun; after one that failed or ran out it opens the attempt again."""
    payment = _lock(payment)
    if not report.external_id or payment.external_id == report.external_id:
        return False
    if payment.status not in (Status.PENDING, Status.FAILED, Status.EXPIRED):
        return _ignore(payment, report)
    payment.mark_pending()
    # It may have been given up: a try that has begun is asked about again, whatever becomes of the next message.
    payment.next_check_at = payment.next_check_at or timezone.now() + AGAIN
    return _save(payment, report)


@transaction.atomic(savepoint=False)
def record_payment_unanswered(payment: Payment) -> bool:
    """Leave an attempt to a person whose gateway could not be asked for a day after its end."""
    payment = _lock(payment)
    if not payment.is_pending:
        return False
    silence = PaymentReport(payment.reference, Outcome.UNKNOWN)
    note = NOT_ASKED()
    return _ask_a_person(payment, silence, note=note, received=False)


def _record_unknown(payment: Payment, report: PaymentReport) -> bool:
    log.error("gateway said a word we do not know", extra={**_facts(payment), "kind": report.status})
    return False


_RECORD: dict[Outcome, Callable[[Payment, PaymentReport], bool]] = {
    Outcome.PENDING: record_payment_pending,
    Outcome.PAID: record_payment_succeeded,
    Outcome.FAILED: record_payment_failed,
    Outcome.CANCELLED: record_payment_failed,
    Outcome.EXPIRED: record_payment_expired,
    Outcome.REVIEW: record_payment_under_review,
    Outcome.UNKNOWN: _record_unknown,
}


def _record_what_went_back(payment: Payment, report: PaymentReport) -> bool:
    if not report.refunds and not report.disputes:
        return False
    known = _lock(payment)
    has_changed = record_reported_refunds(known, report)
    return record_reported_disputes(known, report) or has_changed


def void_of(payment: Payment, report: PaymentReport) -> RefundReport | None:
    """Return a paid transaction that was cancelled, by us or in the gateway's own pages, as the refund that it is."""
    is_same = report.external_id != "" and report.external_id == payment.external_id
    if payment.status != Status.SUCCEEDED or not is_same or report.outcome is not Outcome.CANCELLED:
        return None
    return RefundReport(f"void-{report.external_id}", RefundState.SUCCEEDED, payment.money_held, status=report.status)


def _is_gone(payment: Payment) -> bool:
    """Say whether all of the money has gone back, or is with the payer's bank, or asked for by it."""
    disputes = payment.disputes.exclude(status=Dispute.Status.WON).filter(currency=payment.money_held.currency)
    in_question: int = disputes.aggregate(total=Sum("amount"))["total"] or 0
    return room_of(payment) <= in_question


def _leave_unsettled(payment: Payment) -> None:
    payment.note = GONE()
    payment.save(update_fields=["note"])
    log.warning("payment had gone back before it was heard of", extra=_facts(payment))
    tell_staff(payment, what=payment.note)


def _mismatch(payment: Payment, report: PaymentReport) -> str:
    """Return what differs from what we asked for, as a sentence for staff; empty if all is right."""
    if report.reference != payment.reference:
        return OTHER_PAYMENT(other=report.reference[:60])
    if report.money is None:
        return AMOUNT_UNREADABLE()
    if report.money != payment.money:
        return OTHER_AMOUNT(asked=payment.money, taken=report.money)
    taken = Payment.objects.filter(gateway=payment.gateway, external_id=report.external_id).exclude(external_id="")
    if other := taken.exclude(pk=payment.pk).first():
        return NUMBER_TAKEN(other=other.reference)
    return ""


def _record_beside(payment: Payment, report: PaymentReport) -> bool:
    """Record a second transaction on the page: it pays the order if the first could not, else it goes back by itself."""
    if (told := payment_beside(payment, report)) is not None:
        return record_payment_succeeded(*told)
    log.error("a transaction is told of two pages", extra={**_facts(payment), "kind": report.status})
    return False


def _ask_a_person(payment: Payment, report: PaymentReport, *, note: str, received: bool = True) -> bool:
    if payment.status == Status.NEEDS_REVIEW and payment.note == note:
        return False
    payment.mark_needs_review(note=note, received=report.money if received else None)
    if received:  # whatever is decided is about this transaction, not about an earlier try on the same page
        _name_transaction(payment, report)
    payment.save(update_fields=FIELDS)
    log.warning("payment needs a look", extra={**_facts(payment), "reason": note})
    tell_staff(payment, what=note)
    return True


def _save(payment: Payment, report: PaymentReport) -> bool:
    _name_transaction(payment, report)
    payment.save(update_fields=FIELDS)
    log.info("payment recorded", extra={**_facts(payment), "kind": report.status})
    return True


def _name_transaction(payment: Payment, report: PaymentReport) -> None:
    others = Payment.objects.filter(gateway=payment.gateway, external_id=report.external_id).exclude(pk=payment.pk)
    if report.external_id and not others.exists():
        payment.external_id = report.external_id
    payment.method = report.method or payment.method


def _ignore(payment: Payment, report: PaymentReport) -> bool:
    log.info("gateway's word changes nothing", extra={**_facts(payment), "kind": report.status})
    return False


def _lock(payment: Payment) -> Payment:
    return Payment.objects.select_related("order").select_for_update(of=("self",)).get(pk=payment.pk)


def _paid_at(report: PaymentReport) -> datetime:
    now = timezone.now()
    return min(report.paid_at, now) if report.paid_at else now


def _facts(payment: Payment) -> dict[str, object]:
    return {
        "payment": payment.reference,
        "order": payment.order.reference,
        "gateway": payment.gateway,
        "state": payment.status,
        "amount": payment.amount,
        "currency": payment.currency,
    }
