"""What a person decides about a refund: it was sent by hand, is to be tried again, now, or not at all."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.models import User
from payments.models import Payment, Refund
from payments.refund_sending import is_being_asked, send_refund
from payments.refund_steps import FIRST_LOOK, enqueue_sending, facts_of, finish_refund, give_up_refund, number_refunds
from payments.refunds import lock_payment, require_left, require_undisputed

PATIENCE = timedelta(days=3)

log = logging.getLogger("linkpool.refunds")


@transaction.atomic
def record_refund_sent_by_hand(refund: Refund, *, who: User, note: str) -> Refund:
    """Record that a person has sent the money back outside of this site. A second call changes nothing.

    Raises InvalidInput without a word of how, DomainError while the gateway works on it, NothingLeft or RefundTooLarge
    where it had failed and the money has gone another way since.
    """
    if not note.strip():
        raise InvalidInput(_("Please say how and when the money was sent back."))
    payment, refund = _lock(refund)
    if not refund.is_open:
        return refund
    if is_being_asked(refund) or _is_awaited(refund):
        raise DomainError(_("The gateway has been asked to send this money back. Please wait for its answer first."))
    if refund.status == Refund.Status.FAILED:
        require_left(payment, refund.money)
    finish_refund(refund, note=note.strip(), who=who)
    log.info("refund sent by hand", extra={**facts_of(refund), "user": who.pk})
    number_refunds(payment)
    return refund


@transaction.atomic
def try_refund_again(refund: Refund, *, who: User) -> Refund:
    """Ask the gateway once more for a refund that failed for good, or that was left to a person.

    What failed begins a new round with a new key. Raises NothingLeft, RefundTooLarge or PaymentDisputed; DomainError
    where there is nothing to try.
    """
    payment, refund = _lock(refund)
    if refund.status not in (Refund.Status.FAILED, Refund.Status.MANUAL):
        raise DomainError(_("This refund is under way, or has arrived: there is nothing to try again."))
    require_undisputed(payment)
    if refund.status == Refund.Status.FAILED:
        require_left(payment, refund.money)
    was = refund.status
    refund.mark_to_be_sent(at=timezone.now() + FIRST_LOOK)
    refund.save(update_fields=["status", "round", "finished_at", "next_attempt_at", "note"])
    record_order_change(payment.order, what="refund", was=was, became=refund.status, why=refund.reference, who=who)
    enqueue_sending(refund)
    log.info("refund tried again", extra={**facts_of(refund), "user": who.pk})
    return refund


@transaction.atomic
def drop_refund(refund: Refund, *, who: User, why: str) -> Refund:
    """Record that a refund which needs a person is not to be sent at all. A second call changes nothing."""
    if not why.strip():
        raise InvalidInput(_("Please say why."))
    _payment, refund = _lock(refund)
    if refund.is_given_up:
        return refund
    if not refund.needs_person:
        raise DomainError(_("The gateway works on this refund, or has sent it. It can no longer be dropped."))
    give_up_refund(refund, note=why.strip(), who=who)
    return refund


def send_refund_now(refund: Refund) -> Refund:
    """Ask the gateway at once instead of waiting for the next turn, and return the refund as it then is."""
    send_refund(refund, attempts=refund.attempts)
    refund.refresh_from_db()
    return refund


def _is_awaited(refund: Refund) -> bool:
    """Say whether the gateway has begun and may still tell of the end by itself; some never do, and a person looks there."""
    begun_at = refund.submitted_at or refund.created_at
    return refund.status == Refund.Status.SUBMITTED and timezone.now() < begun_at + PATIENCE


def _lock(refund: Refund) -> tuple[Payment, Refund]:
    payment = lock_payment(refund.payment_id)
    locked = Refund.objects.select_for_update().get(pk=refund.pk)
    locked.payment = payment
    return payment, locked
