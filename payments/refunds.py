"""Money on its way back: owed by us, sent back by the gateway, or by hand."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import Booking, Order, User
from bookings.models.bookings import BookingQuerySet
from bookings.money import Money
from payments.gateways.base import PaymentReport
from payments.models import Payment, Refund
from payments.receipt_numbers import number_refund
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")
MUST_GO_BACK = Kept("%(money)s must go back: %(reason)s.")
MUST_GO_BACK_FOR = Kept("%(money)s must go back for %(booking)s: %(reason)s.")
ONLY_LEFT = Kept("Of %(owed)s that should go back only %(money)s are left of this payment.")
SENT_UNASKED = Kept("The gateway sent back %(money)s (%(status)s) without being asked here.")
SENT_BACK = Kept("The gateway says that it was sent back.")


def owe_back(payment: Payment, *, reason: Refund.Reason) -> Refund:
    """Owe the payer the whole of a payment that cannot pay its order; tell the payer and the staff.

    Call it in the transaction that records the money, with the payment locked.
    """
    refund = Refund.objects.create(payment=payment, amount=payment.money_held.amount, reason=reason)
    _tell_of(refund)
    return refund


@transaction.atomic
def owe_for_booking(booking: Booking) -> Refund | None:
    """Owe the payer what was decided to go back for a session (`Booking.refund`), once; tell the payer and the staff.

    It comes out of the payment that paid the order, never more than is left of that. Returns None while there is
    nothing to owe, or nothing to take it from: a payment that a person looks at waits for the decision.
    """
    paid = Payment.objects.filter(order=booking.order_id, status=Payment.Status.SUCCEEDED).select_related("order")
    payments = list(paid.select_for_update(of=("self",)).order_by("pk"))
    # What is written below points at both: unlocked, the order would be asked for last, after its booking.
    Order.objects.select_for_update().get(pk=booking.order_id)
    booking = Booking.objects.get(pk=booking.pk)
    owed = booking.money_back
    known = Refund.objects.filter(booking=booking).first()
    if known is not None or owed.is_zero:
        return known
    left = [(_left_of(payment), payment) for payment in payments if payment.money_held.currency == owed.currency]
    if not left or not max(amount for amount, _payment in left):
        log.error("nothing left to pay back from", extra={"booking": booking.reference, "amount": owed.amount})
        return None
    amount, payment = next((one for one in left if one[0] >= owed.amount), max(left, key=lambda one: one[0]))
    refund = Refund.objects.create(
        payment=payment, booking=booking, amount=min(amount, owed.amount), reason=_reason_of(booking)
    )
    _tell_of(refund)
    if amount < owed.amount:
        tell_staff(payment, what=ONLY_LEFT(owed=owed, money=refund.money))
    return refund


def bookings_to_owe_for() -> BookingQuerySet:
    """Return bookings of which something is to go back that nobody has owed yet: their news was lost."""
    paid = Payment.objects.filter(order=OuterRef("order"), status=Payment.Status.SUCCEEDED)
    paid = paid.filter(Q(received_currency="") | Q(received_currency=OuterRef("currency")))
    held = Coalesce("received_amount", "amount", output_field=BigIntegerField())
    gone = Coalesce(Sum("refunds__amount"), 0, output_field=BigIntegerField())
    not_used_up = paid.annotate(held=held, gone=gone).filter(held__gt=F("gone"))
    return Booking.objects.filter(Exists(not_used_up), refund__gt=0, refunded=None).order_by("pk")


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
    note = SENT_UNASKED(money=back, status=report.status)
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
    number_refund(refund)
    return refund


def _left_of(payment: Payment) -> int:
    """Return what of the payment has neither gone back nor is owed, in minor units."""
    gone: int = payment.refunds.aggregate(total=Sum("amount"))["total"] or 0
    return max(0, payment.money_held.amount - gone)


def _reason_of(booking: Booking) -> Refund.Reason:
    """Return why money goes back for a session, whoever asks: a session of which nobody knows is called off as well."""
    was_cancelled = booking.status == Booking.Status.CANCELLED and not booking.changes.filter(what="absence").exists()
    return Refund.Reason.CANCELLED if was_cancelled else Refund.Reason.ABSENT


def _tell_of(refund: Refund) -> None:
    payment, money = refund.payment, refund.money
    about = f"{payment.reference}, {refund.booking.reference}" if refund.booking else payment.reference
    record_order_change(payment.order, what="refund", became=refund.status, why=f"{about}: {refund.reason}")
    facts = {"money": money, "reason": Refund.Reason(refund.reason).label}
    booking = refund.booking
    tell_staff(payment, what=MUST_GO_BACK_FOR(booking=booking.reference, **facts) if booking else MUST_GO_BACK(**facts))
    enqueue("payments.mail_payer_of_refund", refund_id=refund.pk)
    log.warning(
        "refund due",
        extra={
            "payment": payment.reference,
            "order": payment.order.reference,
            "booking": refund.booking and refund.booking.reference,
            "amount": refund.amount,
            "currency": money.currency,
            "reason": refund.reason,
        },
    )


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
            refund.mark_sent(at=timezone.now(), note=SENT_BACK())
            refund.save(update_fields=["status", "finished_at", "note"])
            record_order_change(payment.order, what="refund", became=refund.status, why=payment.reference)
    for refund in refunds:
        number_refund(refund)
    return True
