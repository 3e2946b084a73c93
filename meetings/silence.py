"""Vendors that let us wait in vain: whoever asks next waits as long, and holds a worker meanwhile.

Once a call has found nobody, and took long for it, the vendor is left alone for PAUSE, whatever the account; then one asks
in the place of all, and they do once that one was answered. A vendor of which one learns at once that it is not there
holds nobody up: it is asked as often as ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from meetings.errors import ProviderLeftAlone
from meetings.models import ProviderCall

ENTER = "enter"  # what a call for somebody at a door is named
PAUSE = timedelta(seconds=15)
IN_VAIN = 2.0  # seconds from which on a call without an answer was a wait
ONE_CALL = timedelta(seconds=30)  # longer than a vendor is waited for: whoever asks in everybody's place has as long
LOOKED_BACK = timedelta(minutes=2)  # longer than the calls of one question and a pause: nobody waits for that vendor by then
LASTS_AT_MOST = timedelta(minutes=10)  # a longer silence counts as one of this length


def newest_in_vain(calls: QuerySet[ProviderCall], *, seconds: float = 0.0) -> ProviderCall | None:
    """Return the call that began last, if nobody answered it and it took as many seconds at least. One query.

    One that began later and was answered ends a silence, whichever of the two was over first.
    """
    last = calls.order_by("-began_at").first()
    if last is None or last.outcome != ProviderCall.Outcome.UNAVAILABLE or last.http_status is not None:
        return None
    return last if last.seconds >= seconds else None


def is_silent(provider: str, *, since: datetime) -> bool:
    """Say whether the last call to the vendor that began since then was a wait in vain."""
    calls = ProviderCall.objects.filter(provider=provider, began_at__gte=since)
    return newest_in_vain(calls, seconds=IN_VAIN) is not None


def is_silent_to_all(provider: str, *, since: datetime) -> bool:
    """Say whether two accounts in a row waited in vain since then, and the second did so within PAUSE.

    One alone says little of the others: it may be its own rooms that the vendor never gets to the end of.
    """
    calls = ProviderCall.objects.filter(provider=provider, began_at__gte=since)
    last = newest_in_vain(calls, seconds=IN_VAIN)
    if last is None or last.ended_at + PAUSE <= timezone.now():
        return False
    of_others = calls.exclude(connection=last.connection_id)
    return newest_in_vain(of_others, seconds=IN_VAIN) is not None


def require_voice(provider: str) -> None:
    """Return if the vendor may be asked. Raises ProviderLeftAlone while it is silent, or somebody asks in our place."""
    now = timezone.now()
    calls = ProviderCall.objects.filter(provider=provider, began_at__gt=now - LOOKED_BACK)
    last = newest_in_vain(calls, seconds=IN_VAIN)
    if last is None:
        return
    left = last.ended_at + PAUSE - now
    if left > timedelta():
        raise ProviderLeftAlone(detail="no answer a moment ago", after=left)
    if not cache.add(f"meetings.asking:{provider}", now.isoformat(), ONE_CALL.total_seconds()):
        raise ProviderLeftAlone(detail="no answer a moment ago; somebody asks at this moment", after=PAUSE)


def silent_for(provider: str, *, since: datetime) -> timedelta:
    """Return how long every call to the vendor has been a wait in vain by now, reckoned from then at the earliest.

    Nobody waits long at a door, so what is asked there does not count.
    """
    now = timezone.now()
    calls = ProviderCall.objects.filter(provider=provider, began_at__gt=now - LASTS_AT_MOST).exclude(what=ENTER)
    began_at: datetime | None = None
    for call in calls.order_by("-began_at"):
        is_answered = call.outcome != ProviderCall.Outcome.UNAVAILABLE or call.http_status is not None
        is_apart = began_at is not None and began_at - call.ended_at > LOOKED_BACK
        if is_answered or call.seconds < IN_VAIN or is_apart:
            break
        began_at = call.began_at
    return now - max(began_at, since) if began_at is not None else timedelta()
