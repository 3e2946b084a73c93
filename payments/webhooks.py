"""A gateway's messages: verified, stored, then applied by a job. A repeat is skipped because it is *done*.

The message is a hint. What it is about is asked of the gateway first, without any lock; then one transaction
locks the event, looks whether another worker was faster, changes the books and marks the event.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from bookings.errors import DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept, in_english
from payments.errors import (
    BadMessage,
    BadSignature,
    GatewayError,
    GatewayRefused,
    InboxClosed,
    MessageEmptied,
    MessageTooLarge,
    PaymentUnknown,
)
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import Gateway, GatewayMessage, Outcome, PaymentReport
from payments.inbox import NOT_OURS, UNREADABLE, Stored, is_ours, plain, store_message, why_nothing_to_do
from payments.inquiries import record_answer
from payments.models import Payment, WebhookEvent
from payments.staff import tell_staff_of_message

log = logging.getLogger("linkpool.webhooks")

BODY_LIMIT = 64 * 1024  # bytes
APPLY_PRIORITY = 10  # somebody waits for this before the page
NO_SUCH_PAYMENT = Kept("A gateway tells of a payment that is not here.")
MONEY_MISSING = Kept("The message says that it is paid, but the gateway, when asked, does not (yet).")
UNKNOWN_WORD = Kept("The gateway said a word that is not known here: %(word)s")
NOTHING_NEW = Kept("Nothing new: the gateway says “%(word)s”.")
FIVE_TIMES = Kept("A gateway's message could not be applied five times.")
SEE_SETTINGS = Kept("%(error)s Please look at the gateway's settings.")
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
_TELL_STAFF_AT = 5  # failed tries
_UNPAID = (Outcome.PENDING, Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED)


@dataclass(frozen=True)
class _Told:
    """A message, the payment it is about (None: none of ours), and what the gateway says of that when asked."""

    message: GatewayMessage
    payment: Payment | None
    report: PaymentReport


def receive_webhook(gateway_name: str, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """Verify a message and store it with the job that applies it. A copy is counted, not stored again.

    Raises GatewayUnknown, BadSignature, BadMessage, MessageTooLarge; PaymentUnknown when it is stored but its
    payment is not (yet) here; InboxClosed when it could not be stored. Each brings the HTTP status on which this
    gateway does the right thing (payments.md C1).
    """
    if len(body) > BODY_LIMIT:
        raise MessageTooLarge
    gateway = get_gateway(gateway_name)
    message = _open(gateway, headers, body)
    try:
        stored = _store(gateway.name, message, body)
    except (DatabaseError, InterfaceError) as error:
        log.error("webhook not stored", extra={"gateway": gateway.name}, exc_info=error)
        raise InboxClosed from error
    event = stored.event
    log.info("webhook received", extra={**_facts(event), "count": event.copies})
    if not stored.is_known:
        unknown = PaymentUnknown()
        unknown.http_status = gateway.unknown_payment_status
        raise unknown
    return event


def _open(gateway: Gateway, headers: Mapping[str, str], body: bytes) -> GatewayMessage:
    """Verify and read a message. One that is genuine, yet beyond our reader, is kept for a better one."""
    try:
        gateway.verify_message(headers, body)
        return gateway.read_message(body)
    except (BadSignature, BadMessage) as error:
        error.http_status = gateway.bad_message_status
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        gateway.verify_message(headers, body)
        log.exception("webhook cannot be read", extra={"gateway": gateway.name})
        return UNREADABLE


@transaction.atomic
def _store(gateway_name: str, message: GatewayMessage, body: bytes) -> Stored:
    """Store a message, and with it the job that applies it: one durable commit, in as few statements as there can be.

    A copy of a message that has its job already brings no other one.
    """
    stored = store_message(gateway_name, message, body)
    event = stored.event
    if event.is_settled:
        return stored
    if not stored.is_known and stored.is_new:
        tell_staff_of_message(event, what=NO_SUCH_PAYMENT())
    if stored.is_new or event.state == WebhookEvent.State.FAILED:
        enqueue("payments.apply_webhook_event", event_id=event.pk, priority=APPLY_PRIORITY)
    return stored


def apply_event(event_id: int) -> None:
    """Apply a stored message once. Trouble keeps it in line for another try and is raised again."""
    event = WebhookEvent.objects.filter(pk=event_id).first()
    if event is None or event.is_settled:
        return
    try:
        _apply(event_id, _ask_about(event))
    except Exception as error:
        _note_failure(event_id, error)
        raise


def apply_event_again(event_id: int) -> None:
    """Apply a message whatever became of it before. Twice applied it changes nothing. Raises what `apply_event` raises."""
    with transaction.atomic():
        event = WebhookEvent.objects.select_for_update().get(pk=event_id)
        if event.is_settled:
            if event.is_emptied:
                raise MessageEmptied
            event.mark_new(next_attempt_at=timezone.now() + _FIRST_WAIT)  # should this process die now
            event.save(update_fields=["state", "next_attempt_at"])
    apply_event(event_id)


def _ask_about(event: WebhookEvent) -> _Told:
    """Ask the gateway what is true, without any lock. Raises PaymentUnknown, GatewayError, GatewayUnknown."""
    gateway = get_gateway(event.gateway)
    message = gateway.read_message(bytes(event.body))
    if why_nothing_to_do(message):
        return _Told(message, None, PaymentReport(message.reference, Outcome.UNKNOWN))
    payment = _find_payment(event.gateway, message)
    report = gateway.confirm_message(message, attempt_of(payment) if payment else None)
    if payment is None and is_ours(report.reference):
        payment = _payment_of(event.gateway, report.reference)
    return _Told(message, payment, report)


def _find_payment(gateway_name: str, message: GatewayMessage) -> Payment | None:
    """Return the payment a message names, by our reference or by the gateway's number; None if that is for the gateway
    to say, or nobody's. Raises PaymentUnknown for a reference of ours that is not here.
    """
    if message.reference:
        return _payment_of(gateway_name, message.reference)
    if not message.external_id or plain(message.external_id, 200) != message.external_id:
        return None
    return Payment.objects.filter(gateway=gateway_name, external_id=message.external_id).first()


def _payment_of(gateway_name: str, reference: str) -> Payment:
    payment = Payment.objects.filter(gateway=gateway_name, reference=plain(reference, 100)).first()
    if payment is None:
        raise PaymentUnknown
    return payment


@transaction.atomic
def _apply(event_id: int, told: _Told) -> None:
    event = WebhookEvent.objects.select_for_update().defer("body").get(pk=event_id)
    if event.is_settled:
        return
    now, payment, report = timezone.now(), told.payment, told.report
    if payment is None:
        event.mark_ignored(payment=None, at=now, why=why_nothing_to_do(told.message) or NOT_OURS())
        event.save(update_fields=["state", "payment", "applied_at", "attempts", "error"])
        return
    is_new = record_answer(payment, report)
    if _is_money_missing(told.message, report, payment) and event.attempts < _TELL_STAFF_AT:
        _keep_in_line(event, MONEY_MISSING())
        return
    if is_new:
        event.mark_done(payment=payment, at=now)
    else:
        event.mark_ignored(payment=payment, at=now, why=_why_ignored(event, report))
    event.reference = payment.reference
    event.save(update_fields=["state", "payment", "reference", "applied_at", "attempts", "error"])
    log.info("webhook applied", extra=_facts(event))


def _why_ignored(event: WebhookEvent, report: PaymentReport) -> str:
    if report.outcome is Outcome.UNKNOWN:
        what = UNKNOWN_WORD(word=plain(report.status, 60))
        tell_staff_of_message(event, what=what)
        return what
    return NOTHING_NEW(word=plain(report.status or report.outcome.value, 60))


def _is_money_missing(message: GatewayMessage, report: PaymentReport, payment: Payment) -> bool:
    """True when a message tells of money that the gateway's answer does not show: the answer may lag behind."""
    if not message.claims_money or report.outcome not in _UNPAID:
        return False
    payment.refresh_from_db()
    return payment.may_still_be_paid


@transaction.atomic
def _note_failure(event_id: int, error: Exception) -> None:
    event = WebhookEvent.objects.select_for_update().defer("body").get(pk=event_id)
    if not event.is_settled:
        _keep_in_line(event, describe(error))


def _keep_in_line(event: WebhookEvent, reason: str) -> None:
    """Have a locked message tried again, later each time; after some tries the staff hear of it."""
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(event.attempts, 12))
    event.mark_failed(error=reason, next_attempt_at=timezone.now() + wait)
    event.save(update_fields=["state", "attempts", "error", "next_attempt_at"])
    if event.attempts == _TELL_STAFF_AT:
        tell_staff_of_message(event, what=FIVE_TIMES())
    log.warning("webhook failed", extra={**_facts(event), "reason": event.error, "attempt": event.attempts})


def enqueue_due_events(*, now: datetime, limit: int = 200) -> int:
    """Enqueue the messages whose next try is due, and move that time on so that no other worker takes them too."""
    with transaction.atomic():
        due = WebhookEvent.objects.due(now).only("pk").select_for_update(skip_locked=True)[:limit]
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


def _facts(event: WebhookEvent) -> dict[str, object]:
    return {
        "event": event.pk,
        "gateway": event.gateway,
        "payment": event.reference,
        "kind": event.kind,
        "state": event.state,
    }
