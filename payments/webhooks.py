"""A gateway's messages: verified, stored, then applied by a job. A repeat is skipped because it is *done*.

The message is a hint. What it is about is asked of the gateway first, without any lock; then one transaction
locks the event, looks whether another worker was faster, changes the books and marks the event.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import F
from django.utils import timezone

from bookings.errors import DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept, in_english
from payments import settlement
from payments.errors import GatewayError, GatewayRefused, InboxClosed, MessageTooLarge, PaymentUnknown
from payments.gateways import get_gateway
from payments.gateways.base import GatewayMessage, Outcome, PaymentReport
from payments.models import Payment, WebhookEvent
from payments.staff import tell_staff_of_message

log = logging.getLogger("linkpool.webhooks")

BODY_LIMIT = 64 * 1024  # bytes
APPLY_PRIORITY = 10  # somebody waits for this before the page
NOT_OURS = Kept("Not a payment of this site.")
NO_SUCH_PAYMENT = Kept("A gateway tells of a payment that is not here.")
MONEY_MISSING = Kept("The message says that it is paid, but the gateway, when asked, does not (yet).")
UNKNOWN_WORD = Kept("The gateway said a word that is not known here: %(word)s")
NOTHING_NEW = Kept("Nothing new: the gateway says “%(word)s”.")
FIVE_TIMES = Kept("A gateway's message could not be applied five times.")
SEE_SETTINGS = Kept("%(error)s Please look at the gateway's settings.")
_OURS = re.compile(r"PAY-[A-Z0-9]{4,24}-[0-9]{1,4}")
_FIRST_LOOK = timedelta(minutes=1)  # the job comes first; the periodic one only finds what it left
_LONGEST_WAIT = timedelta(hours=6)
_TELL_STAFF_AT = 5  # failed tries
_UNPAID = (Outcome.PENDING, Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED)


def receive_webhook(gateway_name: str, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """Verify a message and store it with the job that applies it. A copy is counted, not stored again.

    Raises GatewayUnknown, BadSignature, BadMessage, MessageTooLarge; PaymentUnknown when it is stored but its
    payment is not (yet) here; InboxClosed when it could not be stored.
    """
    if len(body) > BODY_LIMIT:
        raise MessageTooLarge
    gateway = get_gateway(gateway_name)
    message = gateway.open_message(headers, body)
    try:
        event, is_known = _store(gateway.name, message, body)
    except (DatabaseError, InterfaceError) as error:
        log.error("webhook not stored", extra={"gateway": gateway.name}, exc_info=error)
        raise InboxClosed from error
    log.info("webhook received", extra={**_facts(event), "count": event.copies})
    if not is_known:
        raise PaymentUnknown
    return event


@transaction.atomic
def _store(gateway_name: str, message: GatewayMessage, body: bytes) -> tuple[WebhookEvent, bool]:
    """Return the stored event, and whether its payment is known (or is none of ours)."""
    event, is_new = _insert_or_count(gateway_name, message, body)
    if not _OURS.fullmatch(message.reference):
        if is_new:
            event.mark_ignored(payment=None, at=timezone.now(), why=NOT_OURS())
            event.save()
        return event, True
    is_known = Payment.objects.filter(reference=message.reference, gateway=gateway_name).exists()
    if is_new and not is_known:
        tell_staff_of_message(event, what=NO_SUCH_PAYMENT())
    if not event.is_settled:
        enqueue("payments.apply_webhook_event", event_id=event.pk, priority=APPLY_PRIORITY)
    return event, is_known


def _insert_or_count(gateway_name: str, message: GatewayMessage, body: bytes) -> tuple[WebhookEvent, bool]:
    event = WebhookEvent(
        gateway=gateway_name,
        dedupe_key=message.dedupe_key,
        reference=_plain(message.reference, 100),
        kind=_plain(message.kind, 60),
        body=body,
        next_attempt_at=timezone.now() + _FIRST_LOOK,
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
        return event, True
    except IntegrityError:  # the unique key decides, however many copies come at once
        copies = WebhookEvent.objects.filter(gateway=gateway_name, dedupe_key=message.dedupe_key)
        copies.update(copies=F("copies") + 1)
        return copies.get(), False


def apply_event(event_id: int) -> None:
    """Apply a stored message once. Trouble keeps it in line for another try and is raised again."""
    event = WebhookEvent.objects.filter(pk=event_id).first()
    if event is None or event.is_settled:
        return
    try:
        gateway = get_gateway(event.gateway)
        message = gateway.read_message(bytes(event.body))
        _apply(event_id, message, gateway.confirm_message(message))
    except Exception as error:
        _note_failure(event_id, error)
        raise


@transaction.atomic
def _apply(event_id: int, message: GatewayMessage, report: PaymentReport) -> None:
    event = WebhookEvent.objects.select_for_update().get(pk=event_id)
    if event.is_settled:
        return
    payment = Payment.objects.filter(reference=event.reference, gateway=event.gateway).first()
    if payment is None:
        raise PaymentUnknown
    now = timezone.now()
    is_new = settlement.record_report(payment, report)
    if _is_money_missing(message, report, payment) and event.attempts < _TELL_STAFF_AT:
        _keep_in_line(event, MONEY_MISSING())
        return
    if is_new:
        event.mark_done(payment=payment, at=now)
    else:
        event.mark_ignored(payment=payment, at=now, why=_why_ignored(event, report))
    event.save(update_fields=["state", "payment", "applied_at", "attempts", "error"])
    log.info("webhook applied", extra=_facts(event))


def _why_ignored(event: WebhookEvent, report: PaymentReport) -> str:
    if report.outcome is Outcome.UNKNOWN:
        what = UNKNOWN_WORD(word=_plain(report.status, 60))
        tell_staff_of_message(event, what=what)
        return what
    return NOTHING_NEW(word=_plain(report.status or report.outcome.value, 60))


def _is_money_missing(message: GatewayMessage, report: PaymentReport, payment: Payment) -> bool:
    """True when a message tells of money that the gateway's answer does not show: the answer may lag behind."""
    if not message.claims_money or report.outcome not in _UNPAID:
        return False
    payment.refresh_from_db()
    return payment.may_still_be_paid


@transaction.atomic
def _note_failure(event_id: int, error: Exception) -> None:
    event = WebhookEvent.objects.select_for_update().get(pk=event_id)
    if not event.is_settled:
        _keep_in_line(event, describe(error))


def _keep_in_line(event: WebhookEvent, reason: str) -> None:
    """Have a locked message tried again, later each time; after some tries the staff hear of it."""
    wait = min(_LONGEST_WAIT, _FIRST_LOOK * 2 ** min(event.attempts, 12))
    event.mark_failed(error=reason, next_attempt_at=timezone.now() + wait)
    event.save(update_fields=["state", "attempts", "error", "next_attempt_at"])
    if event.attempts == _TELL_STAFF_AT:
        tell_staff_of_message(event, what=FIVE_TIMES())
    log.warning("webhook failed", extra={**_facts(event), "reason": event.error, "attempt": event.attempts})


def enqueue_due_events(*, now: datetime, limit: int = 200) -> int:
    """Enqueue the messages whose next try is due, and move that time on so that no other worker takes them too."""
    with transaction.atomic():
        due = WebhookEvent.objects.due(now).select_for_update(skip_locked=True)[:limit]
        claimed = [event.pk for event in due]
        WebhookEvent.objects.filter(pk__in=claimed).update(next_attempt_at=now + timedelta(minutes=5))
        for event_id in claimed:
            enqueue("payments.apply_webhook_event", event_id=event_id)
    return len(claimed)


def describe(error: Exception) -> str:
    """Return what staff may read of an error: our own words, else only its class (its text may hold anything)."""
    name = type(error).__name__
    if isinstance(error, GatewayError):
        said = f"{name}: {error.detail}"
        return SEE_SETTINGS(error=said) if isinstance(error, GatewayRefused) else said
    return f"{name}: {in_english(error.message)}" if isinstance(error, DomainError) else name


def _plain(text: str, most: int) -> str:
    """Return the printable ASCII of a stranger's word, shortened."""
    return "".join(letter for letter in text if " " <= letter <= "~")[:most]


def _facts(event: WebhookEvent) -> dict[str, object]:
    return {
        "event": event.pk,
        "gateway": event.gateway,
        "payment": event.reference,
        "kind": event.kind,
        "state": event.state,
    }
