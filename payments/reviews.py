"""What a person decides about money that does not fit: it is accepted as it is, or goes back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.kept import Kept
from bookings.models import Order, User
from bookings.money import Money
from payments.late_money import settle_order
from payments.models import Payment, Refund
from payments.receipt_numbers import number_payment
from payments.refunds import left_to_refund, owe_back
from payments.settlement import AMOUNT_UNREADABLE, NUMBER_TAKEN, TAKEN_BACK

_ONLY_TAKES = _("This money is in another currency than its order, so it cannot pay for it. Please send it back.")
_IS_GONE = _("The gateway has taken this money back already, so there is nothing to send. The sessions can be called off.")
_IS_COUNTED = _("This money is counted with another payment already. Please look at that one; it can be sent back there.")
_DECIDED = _("Somebody has decided about this payment already. Please look at how it stands now.")
_NO_MONEY = _("No money has come by this payment as far as we know, so there is nothing to decide. Please ask the gateway.")


def may_be_accepted(payment: Payment) -> bool:
    """True if a person can take the money for the order: an amount that cannot be read is taken to be what was asked."""
    is_open = payment.awaits_decision or _is_unreadable(payment)
    return is_open and payment.money_held.currency == payment.order.currency


def may_be_returned(payment: Payment) -> bool:
    """True if a person can send the money back: it is here, and counted nowhere else."""
    return payment.awaits_decision and not _says(payment, TAKEN_BACK) and not _says(payment, NUMBER_TAKEN)


@transaction.atomic
def accept_payment(payment: Payment, *, who: User, why: str) -> Payment:
    """Take the money as the payment of its order, whatever did not fit; what came is written down as it came.

    If the order cannot be paid any more, or is paid already, the money is owed back like any other. Raises InvalidInput
    without a reason, DomainError when no decision is due or the money is in another currency than the order.
    """
    payment = _lock_for_decision(payment, why)
    if not may_be_accepted(payment):
        raise _why_not(payment, _ONLY_TAKES)
    had_paid_the_order = payment.succeeded_at is not None
    _mark_decided(payment, received=payment.money_held)
    _note(payment, who=who, why=why)
    if not had_paid_the_order:
        settle_order(payment)
        payment.order.refresh_from_db()
    number_payment(payment)
    return payment


@transaction.atomic
def return_payment(payment: Payment, *, who: User, why: str) -> Refund | None:
    """Owe the money back in the currency in which it came; the order stays as it is. Raises what `accept_payment` raises.

    Returns None where all of it has gone back already.
    """
    payment = _lock_for_decision(payment, why)
    if not may_be_returned(payment):
        raise _why_not(payment, _IS_COUNTED if _says(payment, NUMBER_TAKEN) else _IS_GONE)
    _mark_decided(payment, received=payment.money_held)
    _note(payment, who=who, why=why)
    number_payment(payment)
    return None if left_to_refund(payment).is_zero else owe_back(payment, reason=Refund.Reason.MISFIT)


def _lock_for_decision(payment: Payment, why: str) -> Payment:
    """Lock the payment and its order, in this order: two decisions about one order come one after the other."""
    if not why.strip():
        raise InvalidInput(_("Please say why."))
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    payment.order = Order.objects.select_for_update().get(pk=payment.order_id)
    return payment


def _mark_decided(payment: Payment, *, received: Money) -> None:
    payment.mark_succeeded(at=payment.succeeded_at or timezone.now(), received=received)
    payment.save(update_fields=["status", "succeeded_at", "received_amount", "received_currency", "note", "next_check_at"])


def _why_not(payment: Payment, sentence: Promise) -> DomainError:
    if payment.awaits_decision:
        return DomainError(sentence)
    return DomainError(_DECIDED if payment.status == Payment.Status.SUCCEEDED else _NO_MONEY)


def _is_unreadable(payment: Payment) -> bool:
    return payment.status == Payment.Status.NEEDS_REVIEW and _says(payment, AMOUNT_UNREADABLE)


def _says(payment: Payment, kept: Kept) -> bool:
    """True if this sentence is why a person has to look."""
    return kept.said_again(payment.note) is not None


def _note(payment: Payment, *, who: User, why: str) -> None:
    reason = f"{payment.reference}: {why.strip()}"
    record_order_change(
        payment.order, what="payment", was=Payment.Status.NEEDS_REVIEW, became=payment.status, why=reason, who=who
    )
