"""Every call to a vendor leaves a row: what was asked, how long it took, what came of it. No address, no token, no name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils import timezone

from meetings.errors import (
    ConnectionBroken,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
    RoomGone,
)
from meetings.models import Meeting, ProviderCall, VideoConnection

_OUTCOMES = {
    ProviderUnavailable: ProviderCall.Outcome.UNAVAILABLE,
    ConnectionBroken: ProviderCall.Outcome.BROKEN,
    ProviderCannot: ProviderCall.Outcome.CANNOT,
    ProviderMisconfigured: ProviderCall.Outcome.MISCONFIGURED,
    RoomGone: ProviderCall.Outcome.GONE,
}


@dataclass
class NotedCall:
    """How a call went: `trouble` is what it raised, `is_pending` is set by whoever sees that the vendor needs longer."""

    trouble: ProviderTrouble | None = None
    is_pending: bool = False


@contextmanager
def note_call(
    *,
    provider: str,
    what: str,
    connection: VideoConnection | None = None,
    meeting: Meeting | None = None,
    attempt: int = 1,
) -> Iterator[NotedCall]:
    """Store how the call inside the block went. ProviderTrouble ends the block and is left in `trouble`, not raised."""
    noted, began_at, began = NotedCall(), timezone.now(), time.monotonic()
    try:
        yield noted
    except ProviderTrouble as error:
        noted.trouble = error
    trouble, ended_at = noted.trouble, timezone.now()
    outcome = ProviderCall.Outcome.PENDING if noted.is_pending else ProviderCall.Outcome.DONE
    ProviderCall.objects.create(
        provider=provider,
        what=what,
        connection=connection,
        meeting=meeting,
        attempt=attempt,
        began_at=began_at,
        seconds=time.monotonic() - began,
        outcome=outcome if trouble is None else _OUTCOMES.get(type(trouble), ProviderCall.Outcome.UNAVAILABLE),
        http_status=trouble.status if trouble else None,
        code=trouble.code[:100] if trouble else "",
        detail=trouble.detail[:500] if trouble else "",
        paused_until=ended_at + trouble.pause if trouble and trouble.pause else None,
    )
