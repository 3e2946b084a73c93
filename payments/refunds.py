"""Money that must go back to its payer: who owes it, why, and how much. A row comes first; refund_sending.py sends it.

Nobody owes more than is left of a payment: the lock on the payment gives the order, the database refuses the rest.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_booking_change, record_order_change
from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import Booking, Order, User
from bookings.models.bookings import BookingQuerySet
from bookings.money import Money
from payments.errors import NothingLeft, PaymentDisputed, PaymentNotReceived, RefundTooLarge
from payments.models import Dispute, Payment, Refund
from payments.refund_steps import FIRST_LOOK, enqueue_sending, facts_of
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")
GOES_BACK = Kept("%(money)s goes back to the payer: %(reason)s.")
ONLY_LEFT = Kept("Of %(owed)s that should go back for %(booking)s only %(money)s are left of this payment.")
# Sessions that nothing can call off any more; what goes back for the others is decided when they are cancelled.
SETTLED = (Booking.Status.COMPLETED, Booking.Status.CANCELLED, Booking.Status.NO_SHOW_STUDENT)


def left_to_refund(payment: Payment) -> Money:
    """Return what can still go back: received, not sent back or owed, and not lost to the payer's bank."""
    return Money(max(0, balance_of(payment)), payment.money_held.currency)


def balance_of(payment: Payment) -> int:
    """Return what stays of a payment once all that is owed has gone back, in minor units: below zero, too much is owed."""
    lost = payment.disputes.filter(status=Dispute.Status.LOST, currency=payment.money_held.currency)
    gone: int = lost.aggregate(total=Sum("amount"))["total"] or 0
    return room_of(payment) - gone


def room_of(payment: Payment) -> int:
    """Return how much the database would still let go back, in minor units."""
    refunded: int = Payment.objects.values_list("refunded_amount", flat=True).get(pk=payment.pk)
    return payment.money_held.amount - refunded


def refundable_sessions(payment: Payment) -> BookingQuerySet:
    """Return sessions to which a refund by hand can be put down: over or called off, and nothing went back for them yet.

    For one that is still to come it is the cancellation that decides, and a refund before would be forgotten then.
    """
    sessions = Booking.objects.filter(order=payment.order_id, status__in=SETTLED, refunded=None)
    put_back = Q(status=Booking.Status.CANCELLED, cancelled_at=None)
    sessions = sessions.exclude(put_back).exclude(price=F("discount"))
    return sessions.filter(Q(refund=None) | Q(refund=0)).order_by("during", "pk")


def owe_back(payment: Payment, *, reason: Refund.Reason) -> Refund:
    """Owe the payer all that is left of a payment that cannot pay its order; tell the payer and the staff.

    Call it in the transaction that records the money, with the payment locked. Raises NothingLeft.
    """
    left = left_to_refund(payment)
    if left.is_zero:
        raise NothingLeft
    refund = _owe(Refund(payment=payment, amount=left.amount, reason=reason))
    tell_staff(payment, what=GOES_BACK(money=refund.money, reason=Refund.Reason(reason).label))
    return refund


@transaction.atomic
def owe_for_booking(booking: Booking) -> Refund | None:
    """Owe the payer what was decided to go back for a session (`Booking.refund`), once, and tell them.

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
    left = [(left_to_refund(payment), payment) for payment in payments if payment.money_held.currency == owed.currency]
    if not left or all(money.is_zero for money, _payment in left):
        log.error("nothing left to pay back from", extra={"booking": booking.reference, "amount": owed.amount})
        return None
    money, payment = next((one for one in left if one[0].amount >= owed.amount), max(left, key=lambda one: one[0].amount))
    amount = min(money.amount, owed.amount)
    refund = _owe(Refund(payment=payment, booking=booking, amount=amount, reason=_reason_of(booking)))
    if amount < owed.amount:
        tell_staff(payment, what=ONLY_LEFT(owed=owed, booking=booking.reference, money=refund.money))
    return refund


def bookings_to_owe_for() -> BookingQuerySet:
    """Return bookings of which something is to go back that nobody has owed yet: their news was lost."""
    paid = Payment.objects.filter(order=OuterRef("order"), status=Payment.Status.SUCCEEDED)
    paid = paid.filter(Q(received_currency="") | Q(received_currency=OuterRef("currency")))
    lost = Dispute.objects.filter(payment=OuterRef("pk"), status=Dispute.Status.LOST).values("payment")
    whole = BigIntegerField()
    not_used_up = paid.annotate(
        held=Coalesce("received_amount", "amount", output_field=whole),
        lost=Coalesce(Subquery(lost.annotate(total=Sum("amount")).values("total")), 0, output_field=whole),
    ).filter(held__gt=F("refunded_amount") + F("lost"))
    return Booking.objects.filter(Exists(not_used_up), refund__gt=0, refunded=None).order_by("pk")


@transaction.atomic
def refund_payment(payment: Payment, *, amount: Money, who: User, why: str, booking: Booking | None = None) -> Refund:
    """Owe the payer a part or all of a payment because a person decided so; it is sent like any other.

    `booking` puts it down to one of `refundable_sessions`, whose earning shrinks by it. Raises InvalidInput without
    a reason, for nothing or another currency, or for a session that cannot take it; PaymentNotReceived,
    PaymentDisputed, NothingLeft or RefundTooLarge.
    """
    payment, why = _lock_to_refund(payment), why.strip()
    if not why:
        raise InvalidInput(_("Please say why the money goes back."))
    if amount.currency != payment.money_held.currency or amount.amount <= 0:
        raise InvalidInput(_("Please give a sum above zero in %(currency)s.") % {"currency": payment.money_held.currency})
    require_left(payment, amount)
    if booking is not None:
        booking = _put_down_to(booking, payment, amount, who=who, why=why)
    return _owe(
        Refund(
            payment=payment,
            booking=booking,
            amount=amount.amount,
            reason=Refund.Reason.OTHER,
            why=why[:500],
            asked_by=who,
        )
    )


@transaction.atomic
def refund_what_is_left(payment: Payment, *, who: User, why: str) -> Refund:
    """Owe the payer everything that has not gone back yet. Raises what `refund_payment` raises."""
    payment = _lock_to_refund(payment)
    left = left_to_refund(payment)
    if left.is_zero:
        raise NothingLeft
    return refund_payment(payment, amount=left, who=who, why=why)


def require_left(payment: Payment, amount: Money) -> None:
    """Raises NothingLeft or RefundTooLarge, which says what is left. The payment is locked."""
    left = left_to_refund(payment)
    if left.is_zero:
        raise NothingLeft
    if amount.amount > left.amount:
        raise RefundTooLarge(_("Only %(money)s is left of this payment.") % {"money": left})


def require_undisputed(payment: Payment) -> None:
    """Raises PaymentDisputed: what the payer's bank may take must not go back a second time."""
    if payment.disputes.open().exists():
        raise PaymentDisputed


def lock_payment(key: int) -> Payment:
    """Lock the payment, then its order: what is written about refunds points at both."""
    payment = Payment.objects.select_related("order__payer").select_for_update(of=("self",)).get(pk=key)
    Order.objects.select_for_update().get(pk=payment.order_id)
    return payment


def _lock_to_refund(payment: Payment) -> Payment:
    payment = lock_payment(payment.pk)
    if payment.awaits_decision:
        raise DomainError(_("This payment needs a look first: accept it, or send it back."))
    if payment.status != Payment.Status.SUCCEEDED:
        raise PaymentNotReceived
    require_undisputed(payment)
    return payment


def _put_down_to(booking: Booking, payment: Payment, amount: Money, *, who: User, why: str) -> Booking:
    """Write on the session what goes back for it, so that pages and earnings agree with the refund."""
    Booking.objects.select_for_update().get(pk=booking.pk)
    found = refundable_sessions(payment).filter(pk=booking.pk).first()
    if found is None:
        raise InvalidInput(_("What goes back for this session is decided elsewhere. Please leave the session out."))
    if amount.currency != found.currency or amount.amount > found.net.amount:
        raise InvalidInput(_("Only %(money)s was paid for this session.") % {"money": found.net})
    found.refund = amount.amount
    found.save(update_fields=["refund"])
    record_booking_change(found, what="refund", became=Refund.Status.PENDING, why=why, who=who)
    return found


def _reason_of(booking: Booking) -> Refund.Reason:
    """Return why money goes back for a session, whoever asks: a session of which nobody knows is called off as well."""
    if booking.status == Booking.Status.EXPIRED:
        return Refund.Reason.LATE
    absences = booking.changes.filter(what="absence").exclude(became="no_room")  # without a room nobody was absent
    was_cancelled = booking.status == Booking.Status.CANCELLED and not absences.exists()
    return Refund.Reason.CANCELLED if was_cancelled else Refund.Reason.ABSENT


def _owe(refund: Refund) -> Refund:
    payment, booking = refund.payment, refund.booking
    refund.next_attempt_at = timezone.now() + FIRST_LOOK
    refund.save(force_insert=True)
    payment.refresh_from_db(fields=["refunded_amount"])
    about = f"{payment.reference}, {booking.reference}" if booking else payment.reference
    why = f"{about}: {refund.why or refund.reason}"
    record_order_change(payment.order, what="refund", became=refund.status, why=why, who=refund.asked_by)
    enqueue_sending(refund)
    enqueue("payments.mail_payer_of_refund", refund_id=refund.pk)
    log.warning("refund due", extra={**facts_of(refund), "reason": refund.reason})
    return refund
