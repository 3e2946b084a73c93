"""The inbox as rows: a message is stored or counted in one statement, put in line again, and emptied when it is old."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.kept import Kept
from payments.gateways.base import GatewayMessage
from payments.models import WebhookEvent

State = WebhookEvent.State
NOT_OURS = Kept("Not a payment of this site.")
ABOUT_NOTHING = Kept("A kind of message that this site has no use for.")
UNREADABLE = GatewayMessage(dedupe_key="", reference="", kind="unreadable")  # genuine, but beyond our reader
FIRST_LOOK = timedelta(minutes=1)  # the job comes first; the periodic one only finds what it left
LONGEST_KEY = 200
BATCH = 500  # rows in one transaction
_OURS = re.compile(r"PAY-[A-Z0-9]{4,24}-[0-9]{1,4}")

# The unique key decides, however many copies come at once. The first message and a copy both are one statement, which
# also says whether the payment is here.
_STORE = """
    INSERT INTO payments_webhookevent
        (gateway, dedupe_key, reference, kind, body, state, attempts, copies, error,
        received_at, next_attempt_at, applied_at)
    VALUES (%(gateway)s, %(key)s, %(reference)s, %(kind)s, %(body)s, %(state)s, %(attempts)s, 1, %(error)s,
        %(now)s, %(next)s, %(applied)s)
    ON CONFLICT (gateway, dedupe_key) DO UPDATE SET copies = payments_webhookevent.copies + 1
    RETURNING id, state, copies,
        EXISTS (SELECT FROM payments_payment WHERE reference = %(reference)s AND gateway = %(gateway)s)
"""


@dataclass(frozen=True)
class Stored:
    """A message in the inbox. `is_known` says that it asks for no payment of ours that is not here."""

    event: WebhookEvent
    is_new: bool
    is_known: bool


def is_ours(reference: str) -> bool:
    """Say whether this site could have given this reference to a payment."""
    return _OURS.fullmatch(reference) is not None


def why_nothing_to_do(message: GatewayMessage) -> str:
    """Return why a message needs nobody's attention, as a sentence for staff; empty if it does."""
    if message.reference:
        return "" if is_ours(message.reference) else NOT_OURS()
    names_something = message.external_id or message.token or message is UNREADABLE
    return "" if names_something else ABOUT_NOTHING()


def plain(text: str, most: int) -> str:
    """Return the printable ASCII of a stranger's word, shortened."""
    return "".join(letter for letter in text[: most * 4] if " " <= letter <= "~")[:most]


def store_message(gateway_name: str, message: GatewayMessage, body: bytes) -> Stored:
    """Store a verified message, or count the copy."""
    now, nothing_to_do = timezone.now(), why_nothing_to_do(message)
    event = WebhookEvent(
        gateway=gateway_name,
        dedupe_key=_key_of(message, body),
        reference=plain(message.reference, 100),
        kind=plain(message.kind, 60),
        body=body,
        received_at=now,
        next_attempt_at=now + FIRST_LOOK,
    )
    if nothing_to_do:
        event.mark_ignored(payment=None, at=now, why=nothing_to_do)
    with connection.cursor() as cursor:
        cursor.execute(_STORE, _row_of(event))
        event.pk, event.state, event.copies, is_here = cursor.fetchone()
    return Stored(event, event.copies == 1, is_here or nothing_to_do != "" or message.reference == "")


def _row_of(event: WebhookEvent) -> dict[str, Any]:
    return {
        "gateway": event.gateway,
        "key": event.dedupe_key,
        "reference": event.reference,
        "kind": event.kind,
        "body": event.body,
        "state": event.state,
        "attempts": event.attempts,
        "error": event.error,
        "now": event.received_at,
        "next": event.next_attempt_at,
        "applied": event.applied_at,
    }


def _key_of(message: GatewayMessage, body: bytes) -> str:
    """Return what makes a message the same message: the gateway's own number if that is one, else the digest of it all."""
    key = message.dedupe_key
    if key and len(key) <= LONGEST_KEY and plain(key, LONGEST_KEY) == key:
        return key
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@transaction.atomic
def put_in_line(events: QuerySet[WebhookEvent]) -> int:
    """Have those of these messages that are not applied yet applied now, by jobs. Return how many."""
    count = events.filter(state__in=WebhookEvent.UNAPPLIED).update(next_attempt_at=timezone.now())
    if count:
        enqueue("payments.apply_events_in_line")
    return count


def count_unapplied() -> dict[str, int]:
    """Return how many messages are in each state that still waits."""
    rows = WebhookEvent.objects.unapplied().order_by().values_list("state").annotate(Count("pk"))
    return {State.NEW.value: 0, State.FAILED.value: 0, **dict(rows)}


def empty_old_bodies(*, now: datetime, after_id: int) -> int:
    """Empty the next bodies of messages that were done with WEBHOOK_KEPT_DAYS ago; return the last row, 0 at the end.

    The rest of the row stays: a copy of the message is still a copy. What is not applied keeps its body for ever.
    """
    long_ago = now - timedelta(days=settings.WEBHOOK_KEPT_DAYS)
    old = WebhookEvent.objects.filter(state__in=WebhookEvent.SETTLED, applied_at__lt=long_ago, pk__gt=after_id)
    with transaction.atomic():
        batch = old.exclude(body=b"").order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH]
        claimed = list(batch)
        WebhookEvent.objects.filter(pk__in=claimed).update(body=b"")
    return claimed[-1] if len(claimed) == BATCH else 0
