"""Asking the gateways what became of attempts: a message may be lost, and some things no message tells."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.jobs import enqueue
from payments import settlement
from payments.errors import GatewayError, GatewayRefused, GatewayUnavailable, GatewayUnknown
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment, Refund

log = logging.getLogger("linkpool.inquiries")
Status = Payment.Status

GRACE = timedelta(minutes=2)  # gateways tell of the end of a page up to 90 seconds late
GIVE_UP = timedelta(days=1)  # after the deadline: a payment begun in time may still be under way
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=2), timedelta(minutes=30)
HELD_WAIT, HELD_FOR = timedelta(hours=6), timedelta(days=14)  # while the gateway itself takes a look
DISPUTE_WAIT = timedelta(days=1)
REFUND_WAIT, LONGEST_REFUND_WAIT = timedelta(minutes=5), timedelta(hours=12)
TROUBLE_WAIT, TROUBLE_FOR = timedelta(hours=1), timedelta(days=10)
ASK_AT_MOST_EVERY = timedelta(seconds=5)
SILENCES, SILENT_FOR = 3, timedelta(minutes=1)  # after so many in a row the rounds leave a gateway alone for so long


def fetch_report(payment: Payment) -> PaymentReport:
    """Ask the gateway about an attempt, and change nothing. Raises GatewayUnavailable or GatewayRefused."""
    try:
        gateway = get_gateway(payment.gateway)
    except GatewayUnknown:
        raise GatewayUnavailable(f"the gateway {payment.gateway} is not set up") from None
    return gateway.fetch_report(attempt_of(payment))


def ask_gateway(payment: Payment) -> PaymentReport:
    """Ask the gateway about an attempt, record its answer and return it.

    An attempt whose page is over unpaid expires by our own clock: no gateway need ever tell of it. Raises
    GatewayUnavailable or GatewayRefused.
    """
    report = fetch_report(payment)
    changed = record_asked(payment, report)
    facts = {"payment": payment.reference, "gateway": payment.gateway, "kind": report.status}
    log.info("gateway asked", extra={**facts, "state": "changed" if changed else "as before"})
    return report


def record_asked(payment: Payment, report: PaymentReport) -> bool:
    """Record what the gateway answered when it was asked. True when that changed something."""
    Payment.objects.filter(pk=payment.pk).update(checked_at=timezone.now(), checks=F("checks") + 1)
    changed = record_answer(payment, report)
    if report.outcome is Outcome.PENDING and _is_over(payment, report, timezone.now()):
        return settlement.record_payment_expired(payment, report) or changed
    return changed


def record_answer(payment: Payment, report: PaymentReport) -> bool:
    """Record what a gateway says, asked by us or confirming a message. True when that changed something.

    A page whose address was lost when it was made is kept once the gateway names it. Where money goes back, or may
    have to, the payment is watched again.
    """
    if report.token and not payment.checkout_token:
        Payment.objects.filter(pk=payment.pk, checkout_token="").update(checkout_token=report.token[:200])
    changed = settlement.record_report(payment, report)
    if report.refunds or report.disputes:
        _watch(payment.pk)
    return changed


def check_payment(payment: Payment) -> None:
    """Ask about an attempt that is due. Trouble can wait for the next time; the last time a person is asked.

    A gateway that was silent several times in a row is left alone for a minute: its time limits would otherwise hold
    up everything else that the workers have to do.
    """
    silent = f"payments.silent.{payment.gateway}"
    silences = cache.get(silent, 0)
    if silences >= SILENCES:
        _ask_again(payment, wait=FIRST_WAIT)
        return
    try:
        ask_gateway(payment)
    except GatewayError as error:
        log.warning("gateway could not be asked", extra={"payment": payment.reference, "reason": error.detail})
        if not isinstance(error, GatewayRefused):
            cache.set(silent, silences + 1, SILENT_FOR.total_seconds())
        if timezone.now() > payment.expires_at + GIVE_UP:
            settlement.record_payment_unanswered(payment)
        _ask_again(payment, wait=TROUBLE_WAIT)
    else:
        if silences:
            cache.delete(silent)


def _ask_again(payment: Payment, *, wait: timedelta) -> None:
    """Ask once more after this time at the latest, if it was the answer to a last question that is missing."""
    now = timezone.now()
    if now > (payment.succeeded_at or payment.expires_at) + Payment.LOOKS[-1] + TROUBLE_FOR:
        return
    later = Q(next_check_at=None) | Q(next_check_at__gt=now + wait)
    Payment.objects.filter(later, pk=payment.pk).update(next_check_at=now + wait)


def ask_gateway_now(payment: Payment) -> bool:
    """Ask for somebody who waits before the page, at most every five seconds whoever asks. True if it was asked."""
    now = timezone.now()
    idle = Q(checked_at=None) | Q(checked_at__lt=now - ASK_AT_MOST_EVERY)
    if not Payment.objects.filter(idle, pk=payment.pk).update(checked_at=now):
        return False
    ask_gateway(payment)
    return True


def enqueue_due_checks(*, now: datetime, limit: int = 100) -> int:
    """Enqueue the attempts whose gateway is to be asked again; moving that time on keeps other workers off them.

    Those for which somebody waits come before money that is only looked at once more.
    """
    with transaction.atomic():
        locked = Payment.objects.due_for_check(now).select_for_update(skip_locked=True)
        due = list(locked.prefetch_related("refunds", "disputes")[:limit])
        for payment in due:
            payment.next_check_at = next_check(payment, now)
            payment.save(update_fields=["next_check_at"])
            enqueue("payments.check_payment", payment_id=payment.pk, priority=0 if payment.has_money else 5)
    return len(due)


def watch_refunds(*, now: datetime) -> int:
    """Find payments with refunds that the gateway has been asked for, and see that it is asked what became of them."""
    asked = Payment.objects.filter(refunds__status=Refund.Status.SUBMITTED)
    unwatched = asked.filter(Q(next_check_at=None) | Q(next_check_at__gt=now + LONGEST_REFUND_WAIT)).distinct()
    return sum(_watch(key) for key in list(unwatched.order_by("pk").values_list("pk", flat=True)[:500]))


@transaction.atomic
def _watch(payment_id: int) -> bool:
    """Bring the next question about a payment forward if a refund or a dispute wants it."""
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    due = next_check(payment, timezone.now())
    if due is None or (payment.next_check_at is not None and payment.next_check_at <= due):
        return False
    payment.next_check_at = due
    payment.save(update_fields=["next_check_at"])
    return True


def next_check(payment: Payment, now: datetime) -> datetime | None:
    """Return when to ask again; None if nothing more can come of it.

    While it may be paid: as long from now as the attempt is old (2 to 30 minutes), and just after its end. After its
    end: a day long while a payment is under way, else once more a day later. Held by the gateway: every six hours for
    two weeks. Once the money is here, see `_next_look`.
    """
    if payment.has_money and not payment.may_still_be_paid:
        return _next_look(payment, now)
    if payment.status == Status.NEEDS_REVIEW:
        return now + HELD_WAIT if now < payment.expires_at + HELD_FOR else None
    deadline: datetime = payment.expires_at + GRACE
    last: datetime = payment.expires_at + GIVE_UP
    after = now + max(FIRST_WAIT, min(LONGEST_WAIT, now - payment.created_at))
    if now < deadline:
        return min(after, deadline)
    if payment.status in (Status.EXPIRED, Status.FAILED):
        return last if now < last else None
    return after if now <= last else None


def _next_look(payment: Payment, now: datetime) -> datetime | None:
    """Return when to look again at money that is here: a reversal, a refund or a dispute may be made at the gateway,
    and a refund may fail long after it was sent. A refund under way and an open dispute are looked at until they end.
    """
    refunds = list(payment.refunds.all())
    begun = [payment.succeeded_at, *(refund.submitted_at for refund in refunds)]
    looks = [at + wait for at in begun if at is not None for wait in Payment.LOOKS if at + wait > now]
    for refund in refunds:
        if refund.status == Refund.Status.SUBMITTED:
            age = now - (refund.submitted_at or refund.created_at)
            looks.append(now + max(REFUND_WAIT, min(LONGEST_REFUND_WAIT, age)))
    if any(dispute.is_open for dispute in payment.disputes.all()):
        looks.append(now + DISPUTE_WAIT)
    return min(looks, default=None)


def _is_over(payment: Payment, report: PaymentReport, now: datetime) -> bool:
    """A page never used is over soon after the deadline; a payment begun in time gets a day to arrive."""
    return now > payment.expires_at + (GIVE_UP if report.external_id else GRACE)
