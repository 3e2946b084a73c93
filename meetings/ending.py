"""The end of a call: once a session is over for good everybody is sent out, where the vendor lets us.

So nobody of an earlier session is in the room of a later one, and no room of ours stays open. A session is over when
its door has closed, or earlier: when the next one on the same link begins.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from meetings.calls import note_call
from meetings.connections import access_for
from meetings.errors import ProviderTrouble, ProviderUnavailable
from meetings.live_calls import account_of, end_call
from meetings.models import Attendance, Meeting, VendorRoom
from meetings.providers import find_maker
from meetings.providers.base import RoomMaker

log = logging.getLogger("linkpool.meetings")

BATCH = 50
TRIED_FOR = timedelta(minutes=30)  # a vendor that does not answer for so long is left alone: people have gone
LOOKED_BACK = timedelta(hours=6)


def end_calls(now: datetime) -> int:
    """End the calls of sessions that are over. Returns how many are done with. Safe to repeat, and in two workers."""
    done = 0
    for meeting in over(now):
        if _end(meeting, now=now):
            done += Meeting.objects.filter(pk=meeting.pk, closed_at=None).update(closed_at=now)
    return done


def over(now: datetime) -> list[Meeting]:
    """Return the sessions whose call may still be running though they are over, the earliest first."""
    door_closed = now - timedelta(minutes=settings.JOIN_CLOSES_MINUTES)
    after = Meeting.objects.filter(status=Meeting.Status.READY, link=OuterRef("link")).exclude(pk=OuterRef("pk"))
    running = after.filter(during__startswith__lte=now, during__endswith__gt=now)
    held = Meeting.objects.filter(status__in=Meeting.HOLDING, closed_at=None)
    past = held.filter(during__endswith__lte=now, during__endswith__gt=now - LOOKED_BACK)
    due = past.filter(Q(during__endswith__lte=door_closed) | Q(Exists(running)))
    return list(due.select_related("link__connection").order_by("during__endswith", "pk")[:BATCH])


def _end(meeting: Meeting, *, now: datetime) -> bool:
    """Send everybody out; False if it is to be tried again."""
    trouble = _ask_vendor(meeting, now=now)
    if trouble is None:
        return True
    log.warning("call not ended", extra={"meeting": meeting.pk, "reason": trouble.detail})
    tried_until = meeting.time.end + timedelta(minutes=settings.JOIN_CLOSES_MINUTES) + TRIED_FOR
    return not isinstance(trouble, ProviderUnavailable) or now >= tried_until


def _ask_vendor(meeting: Meeting, *, now: datetime) -> ProviderTrouble | None:
    if meeting.link is not None:
        if account_of(meeting.link) is None or _others_are_inside(meeting, now=now):
            return None
        return end_call(meeting.link, meeting=meeting)
    made = meeting.rooms.filter(generation=meeting.generation, state=VendorRoom.State.MADE)
    room = made.select_related("connection").first()
    return _end_room(room, meeting) if room is not None else None


def _others_are_inside(meeting: Meeting, *, now: datetime) -> bool:
    """True if somebody of another session on the same link has come already: they must not be sent out."""
    now = max(now, timezone.now())  # vendors that take long make the round a long one
    door_open = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES)
    others = Meeting.objects.filter(status=Meeting.Status.READY, link=meeting.link_id).exclude(pk=meeting.pk)
    near = others.filter(during__startswith__lte=door_open, during__endswith__gt=now)
    return Attendance.objects.filter(meeting__in=near).exists()


def _end_room(room: VendorRoom, meeting: Meeting) -> ProviderTrouble | None:
    maker = find_maker(room.provider)
    if maker is None or type(maker).end is RoomMaker.end:
        return None
    with note_call(provider=room.provider, what="end", connection=room.connection, meeting=meeting) as call:
        maker.end(room.external_id, access_for(room))
    return call.trouble
