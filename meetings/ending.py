"""The end of a call: once a session is over for good everybody is sent out, where the vendor lets us.

So nobody of an earlier session is in the room of a later one, and no room of ours stays open. A session is over when
its door has closed, or earlier: when the next one on the same link begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from meetings import live_calls
from meetings.calls import note_call
from meetings.connections import access_for
from meetings.errors import ProviderTrouble, ProviderUnavailable
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.providers import find_maker
from meetings.providers.base import RoomMaker
from meetings.vendor_rounds import VendorRound

log = logging.getLogger("linkpool.meetings")

BATCH = 1000  # many, for where a vendor hangs the rooms of the others are to be among them
TRIED_FOR = timedelta(minutes=30)  # a vendor that does not answer for so long is left alone: people have gone
LOOKED_BACK = timedelta(hours=6)


@dataclass(frozen=True)
class _Call:
    """A call that may still be running, and how it is ended: with this account at the provider."""

    provider: str
    account: VideoConnection | None
    end: Callable[[], ProviderTrouble | None]


def end_calls(now: datetime) -> int:
    """End the calls of sessions that are over. Returns how many are done with. Safe to repeat, and in two workers.

    A vendor that does not answer is asked once in a round; it is over in time, and the next one goes on.
    """
    done, vendors = 0, VendorRound()
    for meeting in over(now):
        if vendors.is_over:
            break
        if _end(meeting, vendors, now=now):
            done += Meeting.objects.filter(pk=meeting.pk, closed_at=None).update(closed_at=now)
    return done


def over(now: datetime) -> list[Meeting]:
    """Return the sessions whose call may still be running though they are over.

    The earliest first, but those that were tried before come last, so that none is in the way of the others.
    """
    door_closed = now - timedelta(minutes=settings.JOIN_CLOSES_MINUTES)
    after = Meeting.objects.filter(status=Meeting.Status.READY, link=OuterRef("link")).exclude(pk=OuterRef("pk"))
    running = after.filter(during__startswith__lte=now, during__endswith__gt=now)
    held = Meeting.objects.filter(status__in=Meeting.HOLDING, closed_at=None)
    past = held.filter(during__endswith__lte=now, during__endswith__gt=now - LOOKED_BACK)
    due = past.filter(Q(during__endswith__lte=door_closed) | Q(Exists(running)))
    tries = ProviderCall.objects.filter(meeting=OuterRef("pk"), what="end").order_by("-began_at")
    tried = due.annotate(tried_at=Subquery(tries.values("began_at")[:1]))
    in_turn = tried.order_by(F("tried_at").asc(nulls_first=True), "during__endswith", "pk")
    return list(in_turn.select_related("link__connection")[:BATCH])


def _end(meeting: Meeting, vendors: VendorRound, *, now: datetime) -> bool:
    """Send everybody out; False if it is to be tried again."""
    call = _call_of(meeting, now=now)
    if call is None:
        return True
    if not vendors.may_ask(call.provider, call.account):
        return False
    trouble = call.end()
    vendors.note(call.provider, call.account, trouble)
    if trouble is None:
        return True
    log.warning("call not ended", extra={"meeting": meeting.pk, "reason": trouble.detail})
    tried_until = meeting.time.end + timedelta(minutes=settings.JOIN_CLOSES_MINUTES) + TRIED_FOR
    return not isinstance(trouble, ProviderUnavailable) or now >= tried_until


def _call_of(meeting: Meeting, *, now: datetime) -> _Call | None:
    """Return the call that is to be ended; None where nobody can end it, or others have come to it."""
    if meeting.link is not None:
        account = live_calls.account_of(meeting.link)
        if account is None or _others_are_inside(meeting, now=now):
            return None
        return _Call(live_calls.PROVIDER, account, partial(live_calls.end_call, meeting.link, meeting=meeting))
    made = meeting.rooms.filter(generation=meeting.generation, state=VendorRoom.State.MADE)
    room = made.select_related("connection").first()
    maker = find_maker(room.provider) if room is not None else None
    if room is None or maker is None or type(maker).end is RoomMaker.end:
        return None
    return _Call(room.provider, room.connection, partial(_end_room, room, maker, meeting))


def _others_are_inside(meeting: Meeting, *, now: datetime) -> bool:
    """True if somebody of another session on the same link has come already, or may have, as they know its address: they
    must not be sent out.
    """
    now = max(now, timezone.now())  # vendors that take long make the round a long one
    door_open = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES)
    others = Meeting.objects.filter(status=Meeting.Status.READY, link=meeting.link_id).exclude(pk=meeting.pk)
    near = others.filter(during__startswith__lte=door_open, during__endswith__gt=now)
    return near.filter(Q(seen_at__isnull=False) | Q(attendances__isnull=False)).exists()


def _end_room(room: VendorRoom, maker: RoomMaker, meeting: Meeting) -> ProviderTrouble | None:
    with note_call(provider=room.provider, what="end", connection=room.connection, meeting=meeting) as call:
        maker.end(room.external_id, access_for(room))
    return call.trouble
