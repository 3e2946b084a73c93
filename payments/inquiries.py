"""Asking the gateways what became of attempts: a message may be lost, and some things no message tells."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.jobs import enqueue
from payments import settlement
from payments.errors import GatewayError, GatewayUnavailable, GatewayUnknown
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment

log = logging.getLogger("linkpool.inquiries")

GRACE = timedelta(minutes=2)  # gateways tell of the end of a page up to 90 seconds late
GIVE_UP = timedelta(days=1)  # after the deadline: a payment begun in time may still be under way
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=2), timedelta(minutes=30)
ASK_AT_MOST_EVERY = timedelta(seconds=5)


def ask_gateway(payment: Payment) -> PaymentReport:
    """Ask the gateway about an attempt, record its answer and return it.

    An attempt whose page is over unpaid expires by our own clock: no gateway need ever tell of it. Raises
    GatewayUnavailable or GatewayRefused.
    """
    try:
        gateway = get_gateway(payment.gateway)
    except GatewayUnknown:
        raise GatewayUnavailable(f"the gateway {payment.gateway} is not set up") from None
    report = gateway.fetch_report(attempt_of(payment))
    Payment.objects.filter(pk=payment.pk).update(checked_at=timezone.now(), checks=F("checks") + 1)
    changed = settlement.record_report(payment, report)
    facts = {"payment": payment.reference, "gateway": payment.gateway, "kind": report.status}
    log.info("gateway asked", extra={**facts, "state": "changed" if changed else "as before"})
    if report.outcome is Outcome.PENDING and _is_over(payment, report, timezone.now()):
        settlement.record_payment_expired(payment, report)
    return report


def check_payment(payment: Payment) -> None:
    """Ask about an attempt that is due. Trouble can wait for the next time; the last time a person is asked."""
    try:
        ask_gateway(payment)
    except GatewayError as error:
        log.warning("gateway could not be asked", extra={"payment": payment.reference, "reason": error.detail})
        if timezone.now() > payment.expires_at + GIVE_UP:
            settlement.record_payment_unanswered(payment)


def ask_gateway_now(payment: Payment) -> bool:
    """Ask for somebody who waits before the page, at most every five seconds whoever asks. True if it was asked."""
    now = timezone.now()
    idle = Q(checked_at=None) | Q(checked_at__lt=now - ASK_AT_MOST_EVERY)
    if not Payment.objects.filter(idle, pk=payment.pk).update(checked_at=now):
        return False
    ask_gateway(payment)
    return True


def enqueue_due_checks(*, now: datetime, limit: int = 100) -> int:
    """Enqueue the attempts whose gateway is to be asked again; moving that time on keeps other workers off them."""
    with transaction.atomic():
        due = list(Payment.objects.due_for_check(now).select_for_update(skip_locked=True)[:limit])
        for payment in due:
            payment.next_check_at = next_check(payment, now)
            payment.save(update_fields=["next_check_at"])
            enqueue("payments.check_payment", payment_id=payment.pk)
    return len(due)


def next_check(payment: Payment, now: datetime) -> datetime | None:
    """Return when to ask again, as long from now as the attempt is old (2 to 30 minutes), and just after its end.

    None: nothing more can come of it.
    """
    patience = GRACE if payment.status == Payment.Status.EXPIRED else GIVE_UP
    if not payment.may_still_be_paid or now > payment.expires_at + patience:
        return None
    after = now + max(FIRST_WAIT, min(LONGEST_WAIT, now - payment.created_at))
    deadline: datetime = payment.expires_at + GRACE
    return min(after, deadline) if now < deadline else after


def _is_over(payment: Payment, report: PaymentReport, now: datetime) -> bool:
    """A page never used is over soon after the deadline; a payment begun in time gets a day to arrive."""
    return now > payment.expires_at + (GIVE_UP if report.external_id else GRACE)
