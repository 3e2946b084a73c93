"""Compare our rooms with those that the vendors have: what only one side knows of is mended.

A room is ours by its key, under which it was asked for. A key whose booking is not in this database belongs to another
site that shares the account and the mark: it is told of and never touched.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from bookings.errors import DomainError
from bookings.jobs import enqueue
from bookings.rounds import for_each
from meetings.calls import note_call
from meetings.closing import A_MONTH
from meetings.errors import ConnectionBroken, ProviderLeftAlone, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.models import Meeting, VendorRoom
from meetings.providers.base import FoundRoom
from meetings.rooms import next_generation, release_room, settle_account
from meetings.silence import is_silent, is_silent_to_all
from meetings.vendor_accounts import Account, accounts

log = logging.getLogger("linkpool.meetings")

SURELY_LISTED = timedelta(minutes=5)
# People can write whatever they like into their calendars: what has not the form of our keys is asked of no table.
_KEY = re.compile(r"(?P<reference>[A-Z0-9-]{1,20})-(?P<generation>[0-9]{1,9})", re.IGNORECASE | re.ASCII)
LONGEST_SUBJECT = 100
MOST_AHEAD = 1000  # generations that a room may be ahead of its meeting, as after a backup was restored
State = VendorRoom.State


class Finding(StrEnum):
    UNWANTED = "unwanted"  # at the vendor, and nobody here wants it: it is closed, unless a month of tries was in vain
    TWICE = "twice"  # a second room for a key of which we know another one: it is closed
    GONE = "gone"  # we believe in it, the vendor does not: another one is made
    FOREIGN = "foreign"  # with our mark, but of a booking that is not ours: it is left alone
    NO_ANSWER = "no answer"  # the account could not be asked, or not for all of its rooms


@dataclass(frozen=True)
class Difference:
    """What is not the same on both sides. `subject` is the key of a room, or what an account is called."""

    finding: Finding
    provider: str
    subject: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.provider}: {self.finding}: {self.subject}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Remedy:
    """A difference, and what mends it."""

    difference: Difference
    mend: Callable[[], object]

    @property
    def is_unanswered(self) -> bool:
        return self.difference.finding is Finding.NO_ANSWER

    @property
    def changes(self) -> bool:
        """False for what is only told of."""
        return self.mend is not _leave

    def __str__(self) -> str:
        return str(self.difference)


Tell = Callable[[Difference], object]
Judge = Callable[[Account, Sequence[Remedy]], object]


def reconcile(now: datetime, *, tell: Tell = lambda _one: None, may_mend: Judge = lambda _account, _all: True) -> int:
    """Compare each account wholly, then mend what differs; return how many differences there were.

    `tell` hears of each as it is found. `may_mend` is asked for each account before anything of it is changed. An account
    that cannot be asked, or a room that cannot be mended, keeps nothing from the others; what nobody foresaw is raised once
    they are done.
    """

    def mend(remedy: Remedy) -> None:
        log.warning("rooms differ", extra={"reason": str(remedy)})
        remedy.mend()

    def mend_all(account: Account, remedies: Sequence[Remedy]) -> None:
        if may_mend(account, remedies):
            for_each(remedies, mend)

    return _compare_all(now, tell, mend_all)


def find_differences(now: datetime, *, tell: Tell) -> int:
    """Tell of what `reconcile` would mend, without changing anything. Returns and raises as that does."""
    return _compare_all(now, tell, lambda _account, _remedies: None)


def _compare_all(now: datetime, tell: Tell, act: Judge) -> int:
    number = 0

    def look_at(account: Account) -> None:
        nonlocal number
        remedies: list[Remedy] = []
        for remedy in _compare(account, now):
            tell(remedy.difference)
            remedies.append(remedy)
        number += len(remedies)
        act(account, remedies)

    for_each(accounts(), look_at)
    return number


def _compare(account: Account, now: datetime) -> Iterator[Remedy]:
    """Yield each difference with what mends it."""
    try:
        listed = _list(account, now)
    except DomainError as error:
        yield _without_answer(account, error)
        return
    keys = {found.key.upper() for found in listed if _KEY.fullmatch(found.key)}
    rooms = {room.key.upper(): room for room in VendorRoom.objects.filter(key__in=keys)}
    unknown: set[str] = set()
    for found in listed:
        key = found.key.upper()
        if key in rooms:
            yield from _look_at(account, found, rooms[key])
        elif key not in unknown:
            yield _look_at_unknown(account, found)
            unknown.add(key)
        elif meeting := _meeting_of(found.key):
            yield Remedy(_difference(Finding.TWICE, account, found), partial(_close_second, account, found, meeting))
    yield from _look_for_gone(account, _believed(account, now).exclude(key__in=keys), now)


def _look_for_gone(account: Account, rooms: QuerySet[VendorRoom], now: datetime) -> Iterator[Remedy]:
    """Ask for each very room: a list may be cut short, and nobody is to lose a room for that.

    Where one of them has no answer the account is not compared wholly, and that is said as well; after a wait in vain the
    rest is left.
    """
    unknown: ProviderTrouble | None = None
    for room in rooms:
        trouble = _check(account, room)
        if isinstance(trouble, RoomGone):
            yield Remedy(Difference(Finding.GONE, account.provider, room.key), partial(_make_another, room.pk))
        elif isinstance(trouble, (ProviderUnavailable, ConnectionBroken)):
            unknown = trouble
            if is_silent(account.provider, since=now):
                break
    if unknown is not None:
        yield _without_answer(account, unknown)


def _without_answer(account: Account, error: DomainError) -> Remedy:
    detail = getattr(error, "detail", "") or type(error).__name__
    return Remedy(Difference(Finding.NO_ANSWER, account.provider, str(account), detail), _leave)


def _list(account: Account, now: datetime) -> list[FoundRoom]:
    """Ask for the rooms of an account, unless the vendor let two others wait in vain a moment ago."""
    if is_silent_to_all(account.provider, since=now):
        raise ProviderLeftAlone(detail="other accounts had no answer a moment ago")
    listed: list[FoundRoom] = []
    with note_call(provider=account.provider, what="list", connection=account.connection) as call:
        listed = list(account.maker.list_rooms(account.access(), since=now))
    settle_account(account.connection, call)
    if call.trouble is not None:
        raise call.trouble
    return listed


def _look_at(account: Account, found: FoundRoom, room: VendorRoom) -> Iterator[Remedy]:
    """Say what is wrong with a room that we know and the vendor has, if anything is."""
    if room.external_id and room.external_id != found.external_id:
        yield Remedy(_difference(Finding.TWICE, account, found), partial(_close_second, account, found, room.meeting))
    elif room.state == State.CLOSED:
        mend = _leave if room.attempts >= A_MONTH else partial(_close_again, room.pk, found)
        yield Remedy(_difference(Finding.UNWANTED, account, found), mend)


def _look_at_unknown(account: Account, found: FoundRoom) -> Remedy:
    """Say what is wrong with a room that the vendor has and no row tells of."""
    meeting = _meeting_of(found.key)
    if meeting is None:
        return Remedy(_difference(Finding.FOREIGN, account, found), _leave)
    return Remedy(_difference(Finding.UNWANTED, account, found), partial(_remember_and_close, account, found, meeting))


def _difference(finding: Finding, account: Account, found: FoundRoom) -> Difference:
    """Tell of a room by its key, in letters that any log and terminal takes."""
    key = found.key[:LONGEST_SUBJECT].encode("ascii", "backslashreplace").decode()
    return Difference(finding, account.provider, key)


def _believed(account: Account, now: datetime) -> QuerySet[VendorRoom]:
    """Return the rooms in which sessions to come are to be held, made long enough ago for the vendor to list them."""
    mine = VendorRoom.objects.filter(provider=account.provider, connection=account.connection, state=State.MADE)
    held = mine.filter(generation=F("meeting__generation"), external_id=F("meeting__external_id"))
    ready = held.filter(meeting__status=Meeting.Status.READY, meeting__during__startswith__gt=now + SURELY_LISTED)
    return ready.filter(made_at__lt=now - SURELY_LISTED).order_by("?")  # none always after one that hangs


def _check(account: Account, room: VendorRoom) -> ProviderTrouble | None:
    with note_call(provider=account.provider, what="check", connection=account.connection, meeting=room.meeting) as call:
        account.maker.check(room.external_id, account.access())
    settle_account(account.connection, call)
    return call.trouble


def _meeting_of(key: str) -> Meeting | None:
    """Return the meeting that a key of ours was made for; None for what only looks like one."""
    named = _KEY.fullmatch(key)
    if named is None:
        return None
    last = int(named["generation"]) - MOST_AHEAD
    return Meeting.objects.filter(booking__reference__iexact=named["reference"], generation__gte=last).first()


def _leave() -> None:
    """Touch nothing."""


@transaction.atomic
def _remember_and_close(account: Account, found: FoundRoom, meeting: Meeting) -> None:
    """Write down a room that has no row any more, such as after a backup was restored, and have it closed."""
    row = Meeting.objects.select_for_update().get(pk=meeting.pk)
    key = found.key.upper()
    room = VendorRoom(
        meeting=row,
        provider=account.provider,
        connection=account.connection,
        # The key of no later room may be this one: theirs are made of the generations that follow.
        generation=max(next_generation(row), int(key.rpartition("-")[2])),
        key=key,
        external_id=found.external_id,
        asked_at=timezone.now(),
    )
    room.save()
    release_room(room)
    if room.generation == row.generation:  # the number is used up now
        Meeting.objects.filter(pk=row.pk).update(generation=F("generation") + 1)


@transaction.atomic
def _close_again(key: int, found: FoundRoom) -> None:
    room = VendorRoom.objects.select_for_update(of=("self",)).get(pk=key)
    if room.state == State.CLOSED:
        room.external_id = found.external_id
        release_room(room)


def _close_second(account: Account, found: FoundRoom, meeting: Meeting) -> None:
    with note_call(provider=account.provider, what="cancel", connection=account.connection, meeting=meeting) as call:
        account.maker.cancel(found.external_id, account.access())
    settle_account(account.connection, call)


@transaction.atomic
def _make_another(key: int) -> None:
    """Let the meeting wait for another room; the door says so until it is there."""
    room = VendorRoom.objects.get(pk=key)
    ready = Meeting.objects.filter(status=Meeting.Status.READY, generation=room.generation, external_id=room.external_id)
    meeting = ready.select_for_update().filter(pk=room.meeting_id).first()
    if meeting is None:
        return
    VendorRoom.objects.filter(pk=key).update(state=State.CLOSED, closed_at=timezone.now())
    meeting.status, meeting.ready_at, meeting.next_attempt_at = Meeting.Status.WAITING, None, timezone.now()
    meeting.want_again(at=meeting.next_attempt_at)
    meeting.generation += 1
    meeting.external_id = meeting.join_url_tutor = meeting.join_url_student = ""
    meeting.save()
    enqueue("meetings.provision_meeting", meeting_id=meeting.pk)
