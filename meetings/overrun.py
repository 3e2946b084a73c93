"""A session whose link is still in use when its door is to open gets another link in time.

The minute's round looks at sessions whose door opens within minutes, and at the one before on the same link. If that one
is still on by the timetable, or people came to it and nobody knows that they have left, the later session is given a link
that is free; whoever has not seen its address need not be told. If none is free it stays where it is: its door then
opens when the earlier session ends (joining.py).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable

from bookings.errors import DomainError
from bookings.history import record_booking_change
from bookings.jobs import enqueue
from meetings import pool
from meetings.live_calls import is_in_use
from meetings.models import Attendance, Meeting, MeetingLink, ProviderCall
from meetings.news import tell_of_new_room
from meetings.vendor_rounds import VendorRound

log = logging.getLogger("linkpool.pool")

AHEAD = timedelta(minutes=3)  # before the door opens, so that two rounds see every session
RUNS_OVER_AT_MOST = timedelta(hours=1)
BATCH = 100
WHY = "the session before it ran over"


@dataclass(frozen=True)
class Overrun:
    """A session and the one before it on the same link, which is, or may be, still on."""

    later: Meeting
    earlier: Meeting
    is_known: bool  # the vendor says so
    is_planned: bool  # the timetable says so: nobody is late


def make_way(now: datetime) -> int:
    """Give every session whose link may still be in use another one. Returns how many moved. Safe in two workers."""
    moved = 0
    for overrun in find_overruns(now):
        try:
            is_moved = _move(overrun)
        except DomainError as refusal:  # called off, or given away, at this very moment
            log.warning("overrun left as it is", extra={"meeting": overrun.later.pk, "reason": str(refusal)})
            continue
        moved += is_moved
        if not is_moved and not overrun.is_planned:
            _tell_staff(overrun, now=now)
    return moved


def find_overruns(now: datetime) -> list[Overrun]:
    """Return the sessions whose door opens within minutes on a link that may not be free by then.

    Vendors are asked where they tell: never call it in a transaction. Of one that is silent, and of what there is no time
    to ask, it stays a guess.
    """
    until = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES) + AHEAD
    on_link = Meeting.objects.holding_links().filter(link=OuterRef("link"))
    before = on_link.filter(reserved__startswith__lt=OuterRef("reserved__startswith")).order_by("-reserved__startswith")
    soon = Meeting.objects.filter(status=Meeting.Status.READY, link__isnull=False)
    opening = soon.filter(during__startswith__gt=now, during__startswith__lte=until, during__endswith__gt=now)
    with_earlier = opening.annotate(earlier=Subquery(before.values("pk")[:1])).exclude(earlier=None)
    opens_soon: list[Any] = list(with_earlier.order_by("during", "pk")[:BATCH])
    earlier = Meeting.objects.select_related("link__connection").annotate(may_be_inside=_may_be_inside())
    found, vendors = earlier.in_bulk([later.earlier for later in opens_soon]), VendorRound()
    return [overrun for later in opens_soon if (overrun := _look(later, found[later.earlier], vendors)) is not None]


def _may_be_inside() -> Combinable:
    """Say of a session whether its people may be in its room: they came, or know its address, and no vendor sent them out.

    That its call is done with (`closed_at`) is no such answer: of most links nobody can end one.
    """
    came = Q(seen_at__isnull=False) | Q(Exists(Attendance.objects.filter(meeting=OuterRef("pk"))))
    is_gone = Q(outcome=ProviderCall.Outcome.GONE, connection=F("meeting__link__connection"))  # others see no room either
    ended = Q(outcome=ProviderCall.Outcome.DONE) | is_gone
    sent_out = ProviderCall.objects.filter(ended, meeting=OuterRef("pk"), what="end")
    return ExpressionWrapper(came & ~Q(Exists(sent_out)), output_field=BooleanField())


def _look(later: Meeting, earlier: Any, vendors: VendorRound) -> Overrun | None:
    """Compare the two; `earlier` says whether its people `may_be_inside`: they are until the vendor says otherwise."""
    opens_at = later.time.start - timedelta(minutes=settings.JOIN_OPENS_MINUTES)
    if earlier.time.end > opens_at:
        return Overrun(later, earlier, is_known=False, is_planned=True)
    if not earlier.may_be_inside or earlier.time.end + RUNS_OVER_AT_MOST <= opens_at:
        return None
    in_use = is_in_use(earlier.link, vendors=vendors)
    return None if in_use is False else Overrun(later, earlier, is_known=bool(in_use), is_planned=False)


@transaction.atomic
def _move(overrun: Overrun) -> bool:
    """Give the later session the link that has rested longest; False if none is free or it is to stay.

    The pool is locked for this moment, as for retiring a link: nobody assigns meanwhile. So nobody is waited for: a
    session, or its booking, that others are at is looked at again in a minute.
    """
    pool.lock_pool()
    waiting = Meeting.objects.filter(pk=overrun.later.pk, link=overrun.later.link_id, status=Meeting.Status.READY)
    free_rows = waiting.select_related("booking").select_for_update(skip_locked=True, no_key=True, of=("self", "booking"))
    meeting = free_rows.first()
    if meeting is None or (meeting.seen_at is not None and not overrun.is_known):
        return False
    was_seen, was = meeting.seen_at is not None, str(meeting.link)
    free = _rested_longer(meeting, than=overrun.earlier)
    if free is None:
        return False
    pool.free_link(meeting)
    meeting.seen_at = None
    meeting.save()
    pool.choose_link(meeting, free)
    record_booking_change(meeting.booking, what="meeting link", was=was, became=str(free), why=WHY)
    if was_seen:
        meeting.refresh_from_db()
        tell_of_new_room(meeting)
    log.info("session moved out of an overrun", extra={"meeting": meeting.pk, "link": free.pk})
    return True


def _rested_longer(meeting: Meeting, *, than: Meeting) -> MeetingLink | None:
    """Return the link that has rested longest; only one whose last session ended before that one: so nobody moves twice."""
    last = pool.predecessor(before=meeting.time.start).values("during__endswith")
    others = pool.links_free_at(meeting.time).exclude(pk=meeting.link_id or 0).annotate(rests_since=Subquery(last))
    rested = others.filter(Q(rests_since=None) | Q(rests_since__lt=than.time.end))
    return rested.order_by(F("rests_since").asc(nulls_first=True), "pk").first()


def _tell_staff(overrun: Overrun, *, now: datetime) -> None:
    """Once for each session; where only guessed, once in a quiet period, for in a tight pool it may be every session."""
    quiet = settings.ALERT_QUIET_MINUTES * 60
    if not overrun.is_known and not cache.add("meetings.overrun_told", now.isoformat(), quiet):
        return
    with transaction.atomic():
        if Meeting.objects.filter(pk=overrun.later.pk, alerted_at=None).update(alerted_at=now):
            enqueue("meetings.alert_of_overrun", meeting_id=overrun.later.pk, earlier_id=overrun.earlier.pk)
