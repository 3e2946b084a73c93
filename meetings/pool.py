"""The pool's rule: a link serves one meeting at a time and rests between two.

The row to win is the Meeting: it stores `link` and `reserved` = [start, end + LINK_BUFFER_MINUTES), and the
constraint `meeting_link_used_once_at_a_time` is the truth. The rest is speed and order, and stands in one SQL
function (migrations 0002 and 0008): lock the day, then search, then write, in one round trip.

Which of the free links: in pools of up to 256 the one in whose gap the session fits best, of equals the one that has
rested longest, and one that its student has seen with another tutor only if there is no other. In larger pools the
first free one from a scattered place on. If none is free, others change links to make room (repacking.py).

Locks, in this order everywhere, all kept to the end of the transaction:

1. rows of Order, Booking and Meeting, if they are locked at all;
2. the pool: shared by whoever assigns, alone by whoever cordons, retires or brings back a link;
3. each UTC day that `reserved` touches, ascending;
4. MeetingLink. Whoever has 2 or 3 waits for no row of 1 but that of the meeting that gets the link.

Assign in autocommit, one short transaction per meeting: those who assign for the same day wait for each other, and
making room locks days before those of the meeting as well.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.times import During
from meetings import repacking
from meetings.errors import LinkNotFree, LinkSearchFailed, MeetingNotWaiting, NoLinkLeft
from meetings.models import Meeting, MeetingLink
from meetings.models.links import MeetingLinkQuerySet
from meetings.packing import No

log = logging.getLogger("linkpool.pool")

POOL_LOCK = (76001, 0)  # as in migration 0008

ASSIGN = "SELECT outcome, chosen FROM meetings_assign_link(%s, %s, %s, %s)"


class Outcome(StrEnum):
    """What the function may answer."""

    ASSIGNED = "assigned"
    ALREADY = "already"
    NO_ROOM = "no_room"
    NOT_WAITING = "not_waiting"
    NOT_PAID = "not_paid"
    CHANGED = "changed"  # cancelled, moved or provided for at this very moment: ask again


class _MeetingChanged(Exception):
    """The meeting for which room was made is no longer what it was."""


REFUSALS = {
    Outcome.NO_ROOM: NoLinkLeft,
    Outcome.NOT_WAITING: MeetingNotWaiting,
    Outcome.NOT_PAID: BookingNotPaid,
}


@dataclass(frozen=True)
class Assignment:
    """The link of a meeting, and whether it had been assigned before this call."""

    link: MeetingLink
    was_there: bool


@dataclass(frozen=True)
class Capacity:
    """How many links there are in each state, and how many of all of them, or of the available ones, are in use now."""

    available: int
    cordoned: int
    retired: int
    in_use: int
    available_in_use: int


def assign_link(meeting: Meeting) -> MeetingLink:
    """Give the meeting a link that is free for its whole time, and mark it ready. A second call returns the same.

    The row changes, not `meeting`. Raises NoLinkLeft, MeetingNotWaiting, BookingNotPaid, LinkSearchFailed.
    """
    return ask_for_link(meeting).link


def ask_for_link(meeting: Meeting) -> Assignment:
    """As `assign_link`, and say whether the link was there before."""
    outcome, link = _ask(meeting, wish=None)
    if outcome is Outcome.NO_ROOM:
        outcome, link = _ask_after_moves(meeting)
    if link is None:
        raise REFUSALS[outcome]
    return Assignment(link, was_there=outcome is Outcome.ALREADY)


def give_free_link(meeting: Meeting) -> MeetingLink | None:
    """Give the meeting a link that is free, if there is one: as `assign_link`, but no other session moves.

    For those in a longer transaction, who hold the rows of the meeting and its booking. Raises as `assign_link`.
    """
    outcome, link = _ask(meeting, wish=None)
    if link is None and outcome is not Outcome.NO_ROOM:
        raise REFUSALS[outcome]
    return link


def choose_link(meeting: Meeting, link: MeetingLink) -> MeetingLink:
    """Give a waiting meeting this very link, as an admin wishes.

    Raises LinkNotFree if it is in use, cordoned or retired, or the meeting has another link by now; else as `assign_link`.
    """
    outcome, chosen = _ask(meeting, wish=link)
    if outcome is Outcome.NO_ROOM or (chosen is not None and chosen.pk != link.pk):
        raise LinkNotFree
    if chosen is None:
        raise REFUSALS[outcome]
    return chosen


def _ask(meeting: Meeting, *, wish: MeetingLink | None) -> tuple[Outcome, MeetingLink | None]:
    """Call the function in one round trip; again in the rare case that the meeting changed meanwhile."""
    asked: list[Any] = [meeting.pk, link_rest(), timezone.now(), wish and wish.pk]
    outcome, chosen = Outcome.CHANGED, None
    while outcome is Outcome.CHANGED:
        try:
            with connection.cursor() as cursor:
                cursor.execute(ASSIGN, asked)
                said, chosen = cursor.fetchone()
        except DatabaseError as error:
            log.exception("assigning failed", extra={"meeting": meeting.pk})
            raise LinkSearchFailed from error
        outcome = Outcome(said)
    # Only who reads the address fetches it: the jobs, which assign most links, do not.
    return outcome, chosen and MeetingLink.from_db(connection.alias, ["id"], [chosen])


def _ask_after_moves(meeting: Meeting) -> tuple[Outcome, MeetingLink | None]:
    """Have other sessions change links so that one is free, and take that one, in one transaction."""
    wanted = time_with_rest(Meeting.objects.get(pk=meeting.pk).time)
    reaches = iter(() if repacking.is_hopeless(wanted) else repacking.REACHES)
    made: MeetingLink | No = No.GAVE_UP
    try:
        while made is No.GAVE_UP and (reach := next(reaches, None)):
            with repacking.room_made(wanted, within=reach) as made:
                if isinstance(made, MeetingLink):
                    return _take_room(meeting, made)
    except _MeetingChanged:
        return _ask(meeting, wish=None)
    except DatabaseError as error:
        log.exception("making room failed", extra={"meeting": meeting.pk})
        raise LinkSearchFailed from error
    return Outcome.NO_ROOM, None


def _take_room(meeting: Meeting, link: MeetingLink) -> tuple[Outcome, MeetingLink | None]:
    """Raises _MeetingChanged, so that nobody has moved in vain, if the meeting cannot take the link any more."""
    outcome, chosen = _ask(meeting, wish=link)
    if outcome is not Outcome.ASSIGNED:
        raise _MeetingChanged
    return outcome, chosen


def time_with_rest(during: During) -> During:
    """Return for how long a session at that time uses its link."""
    return During(during.start, during.end + link_rest())


def link_rest() -> timedelta:
    """Return how long a link rests between two uses."""
    return timedelta(minutes=settings.LINK_BUFFER_MINUTES)


def free_link(meeting: Meeting) -> None:
    """Take the link off the meeting and let it wait for another. The row is locked by the caller, who saves it."""
    meeting.link = None
    meeting.reserved = None
    meeting.seen_at = None
    meeting.ready_at = None
    meeting.alerted_at = None
    meeting.status = Meeting.Status.WAITING
    meeting.next_attempt_at = timezone.now()
    meeting.want_again(at=meeting.next_attempt_at)
    meeting.generation += 1


def lock_pool() -> None:
    """Keep everybody from assigning until the end of this transaction, and wait for those who are at it."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("The pool is locked for the length of a transaction: open one first.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", POOL_LOCK)


def predecessor(*, before: datetime) -> QuerySet[Meeting]:
    """Return, for use in a subquery over links, the last meeting on the link that starts before then.

    Meetings on one link never overlap, so this one tells whether the link is free: the probe of the function.
    """
    on_link = Meeting.objects.holding_links().filter(link=OuterRef("pk"), reserved__startswith__lt=before)
    return on_link.order_by("-reserved__startswith")[:1]


def links_free_at(during: During) -> MeetingLinkQuerySet:
    """Return the links that a lesson at this time (UTC) could have."""
    busy_until = Subquery(predecessor(before=time_with_rest(during).end).values("reserved__endswith"))
    links = MeetingLink.objects.available().annotate(busy_until=Coalesce(busy_until, during.start))
    return links.filter(busy_until__lte=during.start)


def capacity(now: datetime) -> Capacity:
    """Count the links in each state, and those that serve a lesson or rest after one now. One query."""
    busy_until = Subquery(predecessor(before=now).values("reserved__endswith"))
    links = MeetingLink.objects.annotate(busy_until=busy_until)
    states = {status.value: Count("pk", filter=Q(status=status)) for status in MeetingLink.Status}
    in_use = Q(busy_until__gt=now)
    of_those = {
        "in_use": Count("pk", filter=in_use),
        "available_in_use": Count("pk", filter=in_use & Q(status=MeetingLink.Status.AVAILABLE)),
    }
    return Capacity(**links.aggregate(**states, **of_those))
