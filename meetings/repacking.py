"""Sessions change links so that one more finds a link, when none is free for its whole time (see packing.py).

Moved is only who cannot notice: nobody has been told the address, and the door opens later. So nobody is told of the
move either; the history has a line of it.

All of it happens under the locks of every day that is looked at, so whoever assigns for one of them waits. What is
moved is locked as well, without waiting: a row that somebody else works on stays where it is. Hence this never waits
for a row, and whoever holds one may wait for the days.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from bookings.history import record_booking_change
from bookings.models import Booking
from bookings.times import EPOCH, ONE_DAY, During
from meetings.models import Meeting, MeetingLink
from meetings.packing import No, Use, find_places, most_at_once

log = logging.getLogger("linkpool.pool")

# How far before and after the session links are looked at: near first, as each day that is looked at is locked. Uses that
# reach beyond must stay, so a row of them without a pause, such as of whole days, is seen whole only from afar.
REACHES = (timedelta(hours=6), timedelta(days=1), timedelta(days=4), timedelta(days=16), timedelta(days=64))
FAR = timedelta(days=4)  # looked at further only where there are few uses: everybody waits meanwhile
FEW_USES = 5_000
BEFORE_DOOR = timedelta(minutes=5)  # so long before its door opens a session is left where it is
WHY = "to make room for another session"
_NEW = 0  # the key of the session that looks for a link: no meeting has it

_LOCK_POOL = "SELECT pg_advisory_xact_lock_shared(76001, 0)"  # as in migration 0008
_LOCK_DAYS = "SELECT pg_advisory_xact_lock(76002, day) FROM generate_series(%s, %s) day"
_LOCK_MOVED = """
SELECT m.id, m.link_id FROM meetings_meeting m JOIN bookings_booking b ON b.id = m.booking_id
 WHERE m.id = ANY(%s) AND m.status = 'ready' AND m.seen_at IS NULL
   FOR NO KEY UPDATE OF m SKIP LOCKED FOR KEY SHARE OF b SKIP LOCKED
"""


@dataclass(frozen=True)
class View:
    """The links that may be given away and who uses them in some time; `cut` are the keys of uses that reach beyond it."""

    links: dict[int, MeetingLink]
    uses: Sequence[Use]
    cut: Set[int]

    def pinned(self, also: Set[int]) -> list[Use]:
        """Return the uses, those that are cut or named here pinned: what is beyond might be in their way."""
        stay = self.cut | also
        return [replace(use, is_pinned=use.is_pinned or use.key in stay) for use in self.uses]


def is_hopeless(during: During) -> bool:
    """Say whether at some instant of that time (UTC, rest included) every link is in use. Locks nothing."""
    view, wanted = look(during), Use(during.span, _NEW)
    return most_at_once(wanted, [wanted, *view.uses]) > len(view.links)


@contextmanager
def room_made(during: During, *, within: timedelta) -> Iterator[MeetingLink | No]:
    """Move sessions so that a link is free for that time (UTC, rest included), and give that link or why there is none.

    A transaction: the days stay locked while the block runs, and what it raises undoes the moves.
    """
    first = max(during.start - within, min(during.start, timezone.now()))  # what is over stands in nobody's way
    seen = whole_days(During(first, during.end + within))
    if within > FAR and _is_crowded(seen):
        yield No.GAVE_UP
        return
    with transaction.atomic():
        lock_days(seen)
        yield _make_room(during, seen)


def whole_days(during: During) -> During:
    """Return the UTC days that the time touches."""
    first, last = (during.start - EPOCH) // ONE_DAY, -((EPOCH - during.end) // ONE_DAY)
    return During(EPOCH + first * ONE_DAY, EPOCH + last * ONE_DAY)


def lock_days(during: During) -> None:
    """Lock the pool, shared, and each UTC day of that time, in the order that everybody keeps (see pool.py)."""
    days = whole_days(during)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_POOL)
        cursor.execute(_LOCK_DAYS, [(days.start - EPOCH) // ONE_DAY, (days.end - EPOCH) // ONE_DAY - 1])


def look(seen: During, *, leaving_out: Booking | None = None) -> View:
    """Return who uses the available links in that time, without the session of the booking left out. Two queries."""
    links = {link.pk: link for link in MeetingLink.objects.available().only("pk", "label")}
    door_opens_soon = timezone.now() + timedelta(minutes=settings.JOIN_OPENS_MINUTES) + BEFORE_DOOR
    held = Meeting.objects.holding_links().filter(link__in=links, reserved__overlap=(seen.start, seen.end))
    if leaving_out is not None:
        held = held.exclude(booking=leaving_out)
    uses, cut = [], set()
    columns: tuple[str, ...] = ("pk", "link", "reserved", "status", "seen_at")
    for key, link, reserved, status, seen_at in held.values_list(*columns):
        use = During(reserved.lower, reserved.upper)
        is_movable = status == Meeting.Status.READY and seen_at is None and use.start > door_opens_soon
        uses.append(Use(use.span, key, link, is_pinned=not is_movable))
        if is_movable and not seen.contains(use):
            cut.add(key)
    return View(links, uses, cut)


def _is_crowded(seen: During) -> bool:
    held = Meeting.objects.holding_links().filter(reserved__overlap=(seen.start, seen.end)).order_by()
    some = held.filter(link__in=list(MeetingLink.objects.available().values_list("pk", flat=True)))
    return len(some.values_list("pk")[: FEW_USES + 1]) > FEW_USES


def _make_room(during: During, seen: During) -> MeetingLink | No:
    busy: set[int] = set()
    for _attempt in range(3):
        view = look(seen)
        places = find_places(list(view.links), view.pinned(busy), [Use(during.span, _NEW)])
        if isinstance(places, No):
            return No.GAVE_UP if places is No.STUCK and (busy or _may_help(view, during)) else places
        found = view.links[places.pop(_NEW)]
        kept = _move(places, view)
        if not kept:
            return found
        busy |= kept
    return No.GAVE_UP


def _may_help(view: View, during: During) -> bool:
    """Say whether a wider look may show a way: not if there is none even with leave to move what is cut."""
    return bool(view.cut) and find_places(list(view.links), view.uses, [Use(during.span, _NEW)]) is not No.STUCK


def _move(places: dict[int, int], view: View) -> set[int]:
    """Give these meetings their new links; if some are worked on by others or seen by now, return them, none is moved."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_MOVED, [list(places)])
        locked = dict(cursor.fetchall())
    changed = {use.key for use in view.uses if use.key in places and locked.get(use.key) != use.link}
    if changed:
        return changed
    moved = Meeting.objects.filter(pk__in=places)
    meetings = list(moved.select_related("booking"))
    # All of them leave before the first arrives: the constraint looks at each row as it is written.
    moved.update(status=Meeting.Status.WAITING, link=None, reserved=None)
    for meeting in meetings:
        was, link = view.links[meeting.link_id or 0], view.links[places[meeting.pk]]
        meeting.link = link
        record_booking_change(meeting.booking, what="meeting link", was=str(was), became=str(link), why=WHY)
    Meeting.objects.bulk_update(meetings, ["status", "link", "reserved"])
    log.info("sessions moved to make room", extra={"meetings": sorted(places)})
    return set()
