"""Money on its way back: owed by us, sent back by the gateway, or by hand."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.jobs import enqueue
from bookings.models import User
from bookings.money import Money
from payments.gateways.base import PaymentReport
from payments.models import Payment, Refund
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")


def owe_back(payment: Payment, *, reason: Refund.Reason) -> Refund:
    """Owe the payer the whole of a payment that cannot pay its order; tell the payer and the staff.

    Call it in the transaction that records the money, with the payment locked.
    """
    money = payment.money_held
    refund = Refund.objects.create(payment=payment, amount=money.amount, reason=reason)
    what = _("%(money)s must go back: %(reason)s.") % {"money": money, "reason": refund.get_reason_display()}
    record_order_change(payment.order, what="refund", became=refund.status, why=f"{payment.reference}: {reason.value}")
    tell_staff(payment, what=what)
    enqueue("payments.mail_payer_of_refund", refund_id=refund.pk)
    log.warning(
        "refund due",
        extra={
            "payment": payment.reference,
            "order": payment.order.reference,
            "amount": refund.amount,
            "currency": money.currency,
            "reason": reason.value,
        },
    )
    return refund


@transaction.atomic
def record_payment_returned(payment: Payment, report: PaymentReport) -> bool:
    """Record that the gateway sent money back, or that the payer's bank took it.

    If it is what we owed, the refund is done. If not, a person must look: a session may still stand for it.
    """
    payment = Payment.objects.select_related("order").select_for_update(of=("self",)).get(pk=payment.pk)
    back = report.returned or report.money or payment.money_held
    if _is_accounted_for(payment, back):
        return False
    if _finish_owed(payment, back):
        return True
    note = _("The gateway sent back %(money)s (%(status)s) without being asked here.")
    note %= {"money": back, "status": report.status}
    if payment.status == Payment.Status.NEEDS_REVIEW and payment.note == note:
        return False
    payment.mark_needs_review(note=note, received=report.money)
    payment.save(update_fields=["status", "note", "received_amount", "received_currency", "next_check_at"])
    log.warning("payment needs a look", extra={"payment": payment.reference, "reason": note})
    tell_staff(payment, what=note)
    return True


@transaction.atomic
def record_refund_sent_by_hand(refund: Refund, *, who: User, note: str) -> Refund:
    """Record that a person has sent the money back outside of this site. A second call changes nothing."""
    if not note.strip():
        raise InvalidInput(_("Please say how and when the money was sent back."))
    payment = Payment.objects.select_related("order").select_for_update(of=("self",)).get(pk=refund.payment_id)
    refund = Refund.objects.select_for_update().get(pk=refund.pk)
    if not refund.is_open:
        return refund
    if refund.status == Refund.Status.SUBMITTED:
        raise DomainError(_("The gateway has been asked to send this money back. Please wait for its answer first."))
    was = refund.status
    refund.mark_sent(at=timezone.now(), note=note.strip())
    refund.save(update_fields=["status", "finished_at", "note"])
    record_order_change(payment.order, what="refund", was=was, became=refund.status, why=refund.note, who=who)
    log.info("refund sent by hand", extra={"payment": payment.reference, "amount": refund.amount, "user": who.pk})
    return refund


def _is_accounted_for(payment: Payment, back: Money) -> bool:
    sent = payment.refunds.filter(status=Refund.Status.SUCCEEDED).aggregate(total=Sum("amount"))["total"] or 0
    return back == Money(sent, payment.money_held.currency)


def _finish_owed(payment: Payment, back: Money) -> bool:
    """Close the open refunds of the payment if, with what was sent before, they are what has gone back."""
    refunds = list(payment.refunds.select_for_update())
    if not refunds or back != Money(sum(refund.amount for refund in refunds), payment.money_held.currency):
        return False
    for refund in refunds:
        if refund.is_open:
            refund.mark_sent(at=timezone.now(), note=_("The gateway says that it was sent back."))
            refund.save(update_fields=["status", "finished_at", "note"])
            record_order_change(payment.order, what="refund", became=refund.status, why=payment.reference)
    return True
