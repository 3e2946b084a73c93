"""What a person decides about money that does not fit: it is accepted as it is, or goes back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.models import User
from payments.late_money import settle_order
from payments.models import Payment, Refund
from payments.receipt_numbers import number_payment
from payments.refunds import owe_back


@transaction.atomic
def accept_payment(payment: Payment, *, who: User, why: str) -> Payment:
    """Take the money as the payment of its order, whatever did not fit.

    If the order cannot be paid any more, the money is owed back like any other that comes late. Raises InvalidInput
    without a reason, DomainError when no decision is due.
    """
    payment = _lock_for_decision(payment, why)
    had_paid_the_order = payment.succeeded_at is not None
    payment.mark_succeeded(at=payment.succeeded_at or timezone.now(), received=payment.money_held)
    payment.save(update_fields=["status", "succeeded_at", "received_amount", "received_currency", "note", "next_check_at"])
    _note(payment, who=who, why=why)
    if not had_paid_the_order:
        settle_order(payment)
        payment.order.refresh_from_db()
    number_payment(payment)
    return payment


@transaction.atomic
def return_payment(payment: Payment, *, who: User, why: str) -> Refund:
    """Owe the whole of the money back; the order stays as it is. Raises what `accept_payment` raises."""
    payment = _lock_for_decision(payment, why)
    payment.mark_succeeded(at=payment.succeeded_at or timezone.now(), received=payment.money_held)
    payment.save(update_fields=["status", "succeeded_at", "received_amount", "received_currency", "note", "next_check_at"])
    _note(payment, who=who, why=why)
    refund = owe_back(payment, reason=Refund.Reason.OTHER)
    number_payment(payment)
    return refund


def _lock_for_decision(payment: Payment, why: str) -> Payment:
    if not why.strip():
        raise InvalidInput(_("Please say why."))
    payment = Payment.objects.select_related("order").select_for_update(of=("self",)).get(pk=payment.pk)
    if not payment.awaits_decision:
        raise DomainError(_("There is nothing to decide about this payment."))
    return payment


def _note(payment: Payment, *, who: User, why: str) -> None:
    reason = f"{payment.reference}: {why.strip()}"
    record_order_change(
        payment.order, what="payment", was=Payment.Status.NEEDS_REVIEW, became=payment.status, why=reason, who=who
    )
