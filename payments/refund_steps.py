"""How a refund moves on, each step in one place: it is to be sent, has arrived, failed, or is left to a person.

Call these in a transaction with the payment, then the refund locked.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from bookings.history import record_order_change
from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import User
from bookings.money import Money
from payments.earnings import settle_soon
from payments.models import Payment, Refund
from payments.receipt_numbers import number_refund
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")
FIRST_LOOK = timedelta(minutes=1)  # the job comes first; the minute's round only finds what it left
SENT = Kept("The gateway says that it was sent back.")
FAILED = Kept("%(money)s (%(refund)s) could not be sent back: %(detail)s")
CAME_BACK = Kept("%(money)s (%(refund)s) did not reach the payer and is with the gateway again: %(detail)s")
CUT = Kept("%(money)s of %(refund)s has gone another way.")
BY_HAND = Kept("%(money)s (%(refund)s) must be sent back by hand: %(detail)s")
FIELDS = [
    "status",
    "note",
    "external_id",
    "round",
    "next_attempt_at",
    "submitted_at",
    "finished_at",
]


def enqueue_sending(refund: Refund) -> None:
    """Have a worker ask the gateway. Of several such jobs only the first does: the number of attempts tells them apart."""
    enqueue("payments.send_refund", refund_id=refund.pk, attempts=refund.attempts)


def finish_refund(refund: Refund, *, note: str = "", who: User | None = None) -> None:
    """Record that the money has reached the payer, and tell them. Every refund that arrives comes through here."""
    was = refund.status
    refund.mark_sent(at=timezone.now(), note=note)
    _save(refund, was=was, why=note, who=who)
    enqueue("payments.mail_payer_of_refund_sent", refund_id=refund.pk)


def submit_refund(refund: Refund) -> None:
    """Record that the gateway has begun. It is looked after from now on."""
    was = refund.status
    refund.mark_submitted()
    refund.submitted_at = timezone.now()
    refund.next_attempt_at = refund.next_attempt_at or timezone.now() + FIRST_LOOK
    _save(refund, was=was)


def fail_refund(refund: Refund, *, detail: str) -> None:
    """Record that the gateway said no for good, or that the money came back to it; a person must look."""
    was, sentence = refund.status, CAME_BACK if refund.has_arrived else FAILED
    refund.mark_failed(note=detail)
    _save(refund, was=was, why=detail)
    tell_staff(refund.payment, what=sentence(money=refund.money, refund=refund.reference, detail=detail))


def leave_to_person(refund: Refund, *, detail: str) -> None:
    """Record that the gateway cannot do it: a person sends it by hand and says so."""
    was = refund.status
    refund.mark_manual(note=detail)
    _save(refund, was=was, why=detail)
    tell_staff(refund.payment, what=BY_HAND(money=refund.money, refund=refund.reference, detail=detail))


def give_up_refund(refund: Refund, *, note: str, who: User | None = None) -> None:
    """Record that nothing goes back by this refund any more, and why."""
    was = refund.status
    refund.mark_given_up(at=timezone.now(), note=note)
    _save(refund, was=was, why=note, who=who)


def cut_refund(refund: Refund, *, by: int) -> None:
    """Record that so much of a refund, in minor units, has gone another way; the rest is still to be sent."""
    refund.mark_less(by=by)
    refund.save(update_fields=["amount", "round"])
    why = CUT(money=Money(by, refund.money.currency), refund=refund.reference)
    record_order_change(refund.payment.order, what="refund", was=refund.status, became=refund.status, why=why)
    log.info("refund cut", extra=facts_of(refund))
    if refund.is_under_way:
        enqueue_sending(refund)


def give_up_for_room(refund: Refund, *, missing: int, note: str) -> int:
    """Give a refund up because money has gone another way, and return how much of what is missing that makes up.

    Of a payment that goes back as a whole the rest is still owed. Amounts are in minor units.
    """
    if not refund.is_of_whole or refund.amount <= missing:
        give_up_refund(refund, note=note)
        return refund.amount
    cut_refund(refund, by=missing)
    return missing


def hold_refund(refund: Refund, *, until: datetime, note: str) -> bool:
    """Leave it as it is until then, and say why. True if that is another reason than before."""
    is_new = refund.note != note
    refund.next_attempt_at, refund.note = until, note
    refund.save(update_fields=["next_attempt_at", "note"])
    log.warning("refund waits", extra={**facts_of(refund), "reason": note})
    return is_new


def number_refunds(payment: Payment) -> None:
    """Number the receipts of what has arrived. It comes last in a transaction: see `receipt_numbers`."""
    for refund in payment.refunds.filter(status=Refund.Status.SUCCEEDED, receipt_number=None).order_by("finished_at", "pk"):
        number_refund(refund)


def facts_of(refund: Refund) -> dict[str, object]:
    """Return what a line of the log says of a refund."""
    payment = refund.payment
    return {
        "refund": refund.reference,
        "payment": payment.reference,
        "order": payment.order.reference,
        "booking": refund.booking and refund.booking.reference,
        "amount": refund.amount,
        "currency": refund.money.currency,
        "state": refund.status,
    }


def _save(refund: Refund, *, was: str, why: str = "", who: User | None = None) -> None:
    refund.save(update_fields=FIELDS)
    order = refund.payment.order
    record_order_change(order, what="refund", was=was, became=refund.status, why=why or refund.reference, who=who)
    settle_soon(order.pk)
    log.info("refund moved on", extra={**facts_of(refund), "user": who and who.pk})
