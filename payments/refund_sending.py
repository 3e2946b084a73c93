"""Sending money back: claim the row, ask the gateway outside of any lock, then lock, look again and record its answer.

Before it is asked to send, the gateway is asked what it knows: what has been sent already, by an answer that was lost
or by hand in its own pages, is not sent again, also when it has forgotten our key. The same key is used until a
person begins a new round, so a worker may die anywhere and the next one goes on.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bookings.kept import Kept
from payments import settlement
from payments.errors import GatewayError, GatewayRefused, GatewayUnavailable, GatewayUnknown, RefundByHand
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import Gateway, RefundReport, RefundRequest
from payments.models import Payment, Refund
from payments.refund_steps import enqueue_sending, facts_of, fail_refund, hold_refund, leave_to_person, number_refunds
from payments.refunds import lock_payment
from payments.staff import tell_staff
from payments.vendor_refunds import record_refunds

log = logging.getLogger("linkpool.refunds")
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
LONGEST_QUESTION = timedelta(minutes=5)
LATER = timedelta(hours=1)  # for what only a person, or the payer's bank, can set going
TELL_STAFF_AT = 5  # times asked without an answer: about half an hour
TELL_STAFF_OF_SILENCE_AT = 16  # times looked after what the gateway has begun: about two days
DISPUTED = Kept("It waits: the payer’s bank is asking for this money, and it must not go back twice.")
NEEDS_A_LOOK = Kept("It waits: this payment needs a look first.")
NOT_SET_UP = Kept("It waits: the gateway %(gateway)s is not set up here.")
ASKING = Kept("The gateway is being asked.")
NO_ANSWER = Kept("The gateway has not said yet what became of it (%(detail)s). It is asked again.")
STILL_NO_ANSWER = Kept("%(money)s (%(refund)s) has not been sent back yet: the gateway does not answer (%(detail)s).")
STILL_UNDER_WAY = Kept("%(money)s (%(refund)s) was asked of the gateway days ago and is still under way. Please look there.")


def enqueue_due_refunds(*, now: datetime, limit: int = 100) -> int:
    """Have workers go on with refunds that are due; moving their time on keeps other rounds off them."""
    with transaction.atomic():
        due = list(Refund.objects.due(now).select_for_update(skip_locked=True)[:limit])
        for refund in due:
            refund.next_attempt_at = now + wait_after(refund.attempts) if refund.is_under_way else None
            refund.save(update_fields=["next_attempt_at"])
            if refund.is_under_way:
                enqueue_sending(refund)
    return len(due)


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many times asked: a minute, then twice as long each time, up to six hours."""
    doubled: int = 2 ** min(max(0, attempts - 1), 20)
    return min(LONGEST_WAIT, FIRST_WAIT * doubled)


def is_being_asked(refund: Refund) -> bool:
    """Say whether a worker may be asking the gateway right now to send it."""
    if refund.note != ASKING() or refund.next_attempt_at is None:
        return False
    asked_at: datetime = refund.next_attempt_at - wait_after(refund.attempts)
    return timezone.now() < asked_at + LONGEST_QUESTION


def send_refund(refund: Refund, *, attempts: int) -> None:
    """Ask the gateway for a refund, or what became of it, and record the answer.

    Does nothing if it has been asked more often than `attempts` since: another job was faster. Trouble is not raised:
    the row says what it was and when to ask again.
    """
    try:
        gateway = get_gateway(refund.payment.gateway)
    except GatewayUnknown:
        _hold_without_gateway(refund)
        return
    claimed = _claim(refund.pk, attempts)
    if claimed is None:
        return
    try:
        _look(gateway, claimed.payment)
        _send(gateway, claimed)
    except GatewayError as error:
        _record_no_answer(claimed, error)


@transaction.atomic
def _claim(key: int, attempts: int) -> Refund | None:
    """Count one more attempt and move the next one on, so that whatever becomes of this worker it is asked again."""
    refund = _lock(key)
    if refund is None or not refund.is_under_way or refund.attempts != attempts or _is_held(refund):
        return None
    if refund.status == Refund.Status.SUBMITTED and refund.attempts == TELL_STAFF_OF_SILENCE_AT:
        tell_staff(refund.payment, what=STILL_UNDER_WAY(money=refund.money, refund=refund.reference))
    now = timezone.now()
    refund.attempts += 1
    refund.next_attempt_at = now + wait_after(refund.attempts)
    refund.note = ASKING() if refund.status == Refund.Status.PENDING else refund.note
    refund.save(update_fields=["attempts", "next_attempt_at", "note"])
    return refund


def _look(gateway: Gateway, payment: Payment) -> None:
    """Record what the gateway knows of the payment, its refunds and disputes. Raises GatewayUnavailable."""
    try:
        report = gateway.fetch_report(attempt_of(payment))
    except GatewayRefused as error:  # it refused a question, not the refund
        raise GatewayUnavailable(error.detail) from None
    settlement.record_report(payment, report)


def _send(gateway: Gateway, claimed: Refund) -> None:
    request = _request(claimed)
    if request is None:
        return
    try:
        answer = gateway.send_refund(request)
    except RefundByHand as error:
        _record_refusal(claimed, error)
    except GatewayRefused as error:
        _record_refusal(claimed, error)
    else:
        _record_answer(claimed, replace(answer, key=request.key))


@transaction.atomic
def _request(claimed: Refund) -> RefundRequest | None:
    """Return what to ask for, if the gateway has not begun yet and nothing has come in between."""
    refund = _lock(claimed.pk)
    if refund is None or refund.status != Refund.Status.PENDING or _is_held(refund):
        return None
    payment = refund.payment
    return RefundRequest(
        key=refund.key,
        attempt=attempt_of(payment),
        money=refund.money,
        received=payment.money_held,
        method=payment.method,
        reason=f"{settings.SITE_NAME}: {refund.reason}",
    )


@transaction.atomic
def _record_answer(claimed: Refund, answer: RefundReport) -> None:
    payment = lock_payment(claimed.payment_id)
    record_refunds(payment, [answer])
    number_refunds(payment)


@transaction.atomic
def _record_refusal(claimed: Refund, error: GatewayRefused) -> None:
    refund = _lock(claimed.pk)
    if refund is None or refund.status != Refund.Status.PENDING or refund.round != claimed.round:
        return
    step = leave_to_person if isinstance(error, RefundByHand) else fail_refund
    step(refund, detail=error.detail)


@transaction.atomic
def _record_no_answer(claimed: Refund, error: GatewayError) -> None:
    refund = _lock(claimed.pk)
    if refund is None or not refund.is_under_way or refund.attempts != claimed.attempts:
        return
    log.warning("gateway could not be asked", extra={**facts_of(refund), "reason": error.detail})
    hold_refund(refund, until=refund.next_attempt_at or timezone.now() + LATER, note=NO_ANSWER(detail=error.detail))
    if refund.attempts == TELL_STAFF_AT:
        what = STILL_NO_ANSWER(money=refund.money, refund=refund.reference, detail=error.detail)
        tell_staff(refund.payment, what=what)


@transaction.atomic
def _hold_without_gateway(waiting: Refund) -> None:
    refund = _lock(waiting.pk)
    if refund is None or not refund.is_under_way:
        return
    note = NOT_SET_UP(gateway=refund.payment.gateway)
    if hold_refund(refund, until=timezone.now() + LATER, note=note):
        tell_staff(refund.payment, what=note)


def _is_held(refund: Refund) -> bool:
    """Say whether it must wait for something else, and if so note for what. What the gateway has begun goes on."""
    if refund.status != Refund.Status.PENDING:
        return False
    payment, until = refund.payment, timezone.now() + LATER
    if payment.status != Payment.Status.SUCCEEDED:
        hold_refund(refund, until=until, note=NEEDS_A_LOOK())
        return True
    if payment.disputes.open().exists():
        hold_refund(refund, until=until, note=DISPUTED())
        return True
    return False


def _lock(key: int) -> Refund | None:
    """Lock the refund's payment, its order and itself."""
    payment_id = Refund.objects.values_list("payment_id", flat=True).filter(pk=key).first()
    if payment_id is None:
        return None
    payment = lock_payment(payment_id)
    refund = Refund.objects.select_for_update().get(pk=key)
    refund.payment = payment
    return refund
