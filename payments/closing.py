"""Closing the pages of attempts that are not to be paid any more, at their gateways.

An attempt is *superseded* once another took its place, or its order is paid, given up or past its deadline. Its page is
then closed, outside of any lock, and tried again with growing pauses until the gateway says that it is closed or paid:
what to close and when stands in the rows, so that the round alone finishes whatever a lost job or news left behind.
Money that comes all the same is settled as any other. Only attempts are locked here, by key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import Order
from payments import inquiries
from payments.errors import GatewayError, GatewayUnavailable, GatewayUnknown
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment
from payments.models.payments import PaymentQuerySet

log = logging.getLogger("linkpool.closing")

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
LAST_QUESTION = timedelta(seconds=75)  # before the deadline: each round of a minute meets it with 15 seconds left at least
CLOSED = Kept("Its page was closed before anything was paid on it.")
_IS_CLOSED = (Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED)
_FIELDS = ["status", "note", "closed_at", "next_close_at", "checked_at", "checks"]


def supersede_others(order: Order, *, newest: Payment | None = None) -> list[Payment]:
    """Have the order's open attempts closed, those older than `newest` or all; return them, for `close_now`.

    Whoever calls it closes them; the round does it for a caller who died on the way.
    """
    attempts = Payment.objects.filter(order=order)
    if newest is not None:
        attempts = attempts.filter(number__lt=newest.number)
    return _supersede(attempts, close_at=timezone.now() + FIRST_WAIT)


def close_now(attempts: Iterable[Payment]) -> list[PaymentReport]:
    """Close these pages while a person waits, and return what the gateways say; one in trouble is tried again later."""
    return [report for payment in attempts if (report := _try_to_close(payment)) is not None]


def close_attempt(payment: Payment) -> PaymentReport:
    """Ask the gateway to close the page and record what it says: it may have been paid just before.

    Raises GatewayUnavailable or GatewayRefused; the page may then still be open.
    """
    try:
        gateway = get_gateway(payment.gateway)
    except GatewayUnknown:
        raise GatewayUnavailable(f"the gateway {payment.gateway} is not set up") from None
    report = gateway.close_checkout(attempt_of(payment))
    if report.outcome not in _IS_CLOSED or not _record_closed(payment):
        inquiries.record_asked(payment, report)
        Payment.objects.filter(pk=payment.pk).exclude(status__in=Payment.UNPAID).update(next_close_at=None)
    facts = {"payment": payment.reference, "gateway": payment.gateway, "kind": report.status or report.outcome.value}
    log.info("page closed" if report.outcome in _IS_CLOSED else "page not closed", extra=facts)
    return report


def close_due(payment: Payment) -> None:
    """Close the page of a superseded attempt that may still be open. Trouble can wait for the next time."""
    if payment.superseded_at is None or payment.closed_at is not None:
        return
    if payment.status not in Payment.UNPAID:
        Payment.objects.filter(pk=payment.pk).update(next_close_at=None)
        return
    _try_to_close(payment)


def close_attempts_of(order: Order) -> None:
    """Have every open attempt of an order closed that waits for money no more: news of it was heard."""
    order.refresh_from_db(fields=["status"])
    attempts = Payment.objects.filter(order=order)
    if order.is_awaiting_payment or not attempts.unfinished().filter(superseded_at=None).exists():
        return
    with transaction.atomic():
        for payment in _supersede(attempts, close_at=timezone.now()):
            enqueue("payments.close_payment", payment_id=payment.pk)


def make_round(now: datetime, *, limit: int = 200) -> None:
    """Ask before deadlines, supersede what is over, and try again what could not be closed. Safe in two workers at once."""
    ask_before_the_end(now, limit=limit)
    supersede_what_is_over(now, limit=limit)
    enqueue_due_closes(now, limit=limit)


def ask_before_the_end(now: datetime, *, limit: int = 200) -> int:
    """Enqueue a question about each attempt whose order is about to run out, once in its last minute (payments.md C2.7)."""
    soon = Order.objects.filter(
        status=Order.Status.AWAITING_PAYMENT, expires_at__gt=now, expires_at__lte=now + LAST_QUESTION
    )
    unasked = Q(checked_at=None) | Q(checked_at__lt=F("order__expires_at") - LAST_QUESTION)
    attempts = Payment.objects.unfinished().filter(unasked, order__in=soon).exclude(created_at__gt=now - FIRST_WAIT)
    found = list(attempts.order_by("order__expires_at", "pk").values_list("pk", flat=True)[:limit])
    with transaction.atomic():
        for payment_id in found:
            enqueue("payments.check_payment", payment_id=payment_id)
    return len(found)


def supersede_what_is_over(now: datetime, *, limit: int = 200) -> int:
    """Find attempts whose order waits no more, or that a newer one has replaced. Returns how many are to be closed."""
    is_over = ~Q(order__status=Order.Status.AWAITING_PAYMENT) | Q(order__expires_at__lte=now)
    newer = Payment.objects.filter(order=OuterRef("order"), number__gt=OuterRef("number")).exclude(checkout_url="")
    lost = Payment.objects.filter(is_over | Exists(newer))
    return len(_supersede(lost, close_at=now, limit=limit))


def enqueue_due_closes(now: datetime, *, limit: int = 200) -> int:
    """Enqueue the attempts that are to be closed; moving their time on keeps other workers off them."""
    _reopened(now).update(closed_at=None, next_close_at=now)
    with transaction.atomic():
        due = list(Payment.objects.due_for_closing(now).select_for_update(skip_locked=True, of=("self",))[:limit])
        for payment in due:
            payment.next_close_at = next_close(payment, now)
            payment.save(update_fields=["next_close_at"])
            enqueue("payments.close_payment", payment_id=payment.pk)
    return len(due)


def next_close(payment: Payment, now: datetime) -> datetime | None:
    """Return when to try again, as long from now as it has been tried (1 to 30 minutes); None a day after its end."""
    if payment.status not in Payment.UNPAID or now > payment.expires_at + inquiries.GIVE_UP:
        return None
    return now + max(FIRST_WAIT, min(LONGEST_WAIT, now - (payment.superseded_at or now)))


def _supersede(attempts: PaymentQuerySet, *, close_at: datetime, limit: int | None = None) -> list[Payment]:
    """Mark open attempts as superseded; with a limit those that others work on are left to the next round."""
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        open_ones = attempts.unfinished().filter(superseded_at=None).order_by("pk")
        locked = open_ones.select_for_update(of=("self",), skip_locked=limit is not None)
        found = list(locked if limit is None else locked[:limit])
        for payment in found:
            payment.superseded_at = now
            # A page that is being opened right now cannot be closed yet.
            payment.next_close_at = max(close_at, payment.opened_by) if payment.is_being_opened(now) else close_at
        Payment.objects.bulk_update(found, ["superseded_at", "next_close_at"])
    return found


def _try_to_close(payment: Payment) -> PaymentReport | None:
    try:
        return close_attempt(payment)
    except GatewayError as error:
        log.warning("page could not be closed", extra={"payment": payment.reference, "reason": error.detail})
        return None


@transaction.atomic
def _record_closed(payment: Payment) -> bool:
    """Record that nobody can pay on the page any more. False where money has come: its own rules decide then."""
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if payment.status not in Payment.UNPAID:
        return False
    if payment.is_pending:
        payment.mark_expired(note=CLOSED())
    payment.closed_at = payment.checked_at = timezone.now()
    payment.next_close_at, payment.checks = None, payment.checks + 1
    payment.save(update_fields=_FIELDS)
    return True


def _reopened(now: datetime) -> PaymentQuerySet:
    """Closed attempts on whose page the payer has begun to pay all the same."""
    pending = Payment.objects.pending().filter(superseded_at__isnull=False, next_close_at=None)
    return pending.filter(expires_at__gt=now - inquiries.GIVE_UP)
