"""Make planned meetings true: take one that is due, ask along the tutor's chain of providers, write what came of it.

A claim is a lease: `next_attempt_at` is put off while somebody works on the meeting, so a worker that dies gives
it back by itself. That two never ask a vendor at once for one meeting is kept by the room's row (rooms.py). Nothing
is locked while a vendor is asked, and the booking is looked at again before a result is believed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from bookings.errors import BookingNotPaid, DomainError
from bookings.jobs import enqueue
from bookings.models import Tutor
from meetings import by_hand, planning, pool
from meetings.chain import MANUAL, POOL, Place, chain_of, next_place
from meetings.errors import (
    AddressWanted,
    ConnectionBroken,
    LinkSearchFailed,
    MeetingInTheMaking,
    MeetingNotWaiting,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderTrouble,
    RoomGone,
)
from meetings.models import Meeting, VendorRoom
from meetings.models.meetings import MeetingQuerySet
from meetings.results import believe, settle_pool, want_another_room
from meetings.rooms import LEASE, PEOPLE, Wanted, ask_for_room, call_vendor
from meetings.silence import require_voice
from meetings.troubles import may_try_again, note_trouble, pass_over

log = logging.getLogger("linkpool.meetings")

BATCH = 1000
PENDING_AT_MOST = timedelta(minutes=15)
EARLY_ENOUGH = timedelta(hours=1)  # before the door opens: until then a room may wait for its new time


@dataclass
class Tally:
    """How a round over the waiting meetings went; `errors` are (booking reference, sentence)."""

    ready: int
    errors: list[tuple[str, str]]

    @property
    def total(self) -> int:
        return self.ready + len(self.errors)


def provision_meeting(meeting: Meeting) -> Meeting:
    """Make one meeting ready now, whatever its turn, and return it as it is then. A ready one is returned quietly.

    Raises NoLinkLeft, NoPlaceLeft, AddressWanted, ProviderTrouble, BookingNotPaid, MeetingNotWaiting, or
    MeetingInTheMaking when the vendor is being asked or needs longer; what went wrong is written down, and the round of
    every minute tries again.
    """
    provide(Meeting.objects.select_related(*PEOPLE).get(pk=meeting.pk))
    meeting.refresh_from_db()
    return meeting


def provision_in_turn(key: int) -> None:
    """Try one meeting if it is its turn and nobody else is at it. Raises trouble of the database only."""
    meeting = Meeting.objects.waiting().select_related(*PEOPLE).filter(pk=key).first()
    if meeting is not None and not begins_with_pool(meeting):
        meeting = claim(Meeting.objects.waiting().filter(pk=key), now=timezone.now())
    if meeting is not None:
        provide_into(Tally(ready=0, errors=[]), meeting)


def begins_with_pool(meeting: Meeting) -> bool:
    """True if no vendor is asked first: the pool's own locks keep such meetings apart, so none needs to be claimed."""
    return chain_of(meeting.booking.tutor)[0] == POOL


def retry_meeting(meeting: Meeting) -> Meeting:
    """Try again now because a person asks, from the tutor's own provider on, whatever was given up before.

    Raises ConnectionBroken if the tutor must connect an account again and nothing else gave an address; else as
    `provision_meeting`.
    """
    with transaction.atomic():
        Meeting.objects.waiting().filter(pk=meeting.pk).update(passed_over=[], next_attempt_at=timezone.now())
    try:
        return provision_meeting(meeting)
    except (NoLinkLeft, NoPlaceLeft) as error:
        meeting.refresh_from_db()
        if meeting.trouble == Meeting.Trouble.RECONNECT:
            raise ConnectionBroken from error
        raise


@transaction.atomic
def try_again_for(tutor: Tutor) -> int:
    """Have all that waits of a tutor tried again at once, from the wish on: an account was connected. Returns how many.

    Rooms that could not be closed without the account are tried again as well. Their meetings are locked before them, as
    everywhere: whoever writes a vendor's answer holds the meeting and asks for the room.
    """
    now = timezone.now()
    closing = VendorRoom.objects.filter(connection__tutor=tutor, state=VendorRoom.State.CLOSING, next_attempt_at__gt=now)
    waiting = Meeting.objects.waiting().filter(booking__tutor=tutor)
    concerned = {*waiting.values_list("pk", flat=True), *closing.values_list("meeting", flat=True)}
    rows = Meeting.objects.filter(pk__in=concerned).order_by("pk").select_for_update(of=("self",))
    locked = list(rows.values_list("pk", flat=True))
    closing.filter(meeting__in=locked).update(next_attempt_at=now)
    keys = list(waiting.filter(pk__in=locked).order_by("pk").values_list("pk", flat=True))
    Meeting.objects.filter(pk__in=keys).update(passed_over=[], next_attempt_at=now)
    for key in keys:
        enqueue("meetings.provision_meeting", meeting_id=key)
    return len(keys)


def assign_from_pool(meeting: Meeting) -> pool.Assignment:
    """Give the meeting a pool link whatever its provider, as a person or a program asks. Raises as `assign_link`."""
    try:
        assignment = pool.ask_for_link(meeting)
    except NoLinkLeft as error:
        note_trouble(meeting, error)
        raise
    settle_pool(meeting)
    return assignment


def claim(meetings: MeetingQuerySet, *, now: datetime) -> Meeting | None:
    """Take the first of these meetings that is due and that nobody else is working on."""
    with transaction.atomic():
        free = meetings.filter(next_attempt_at__lte=now).select_for_update(skip_locked=True, of=("self",))
        meeting = free.select_related(*PEOPLE).first()
        if meeting is not None:
            meeting.next_attempt_at = now + LEASE
            meeting.save(update_fields=["next_attempt_at"])
        return meeting


def provide_into(tally: Tally, meeting: Meeting) -> None:
    """Try one meeting and count it; one's trouble stops no other. Raises trouble of the database only."""
    try:
        provide(meeting)
        tally.ready += 1
    except (DatabaseError, LinkSearchFailed):
        raise
    except DomainError as error:
        tally.errors.append((meeting.booking.reference, str(error)))
    except Exception as error:
        log.exception("provisioning failed", extra={"booking": meeting.booking.reference})
        note_trouble(meeting, error)
        tally.errors.append((meeting.booking.reference, meeting.last_error))


def provide(meeting: Meeting) -> None:
    """Hold the meeting somewhere, or have its vendor make it. Wants it with PEOPLE.

    Raises what `provision_meeting` raises, after writing it down.
    """
    try:
        _follow_chain(meeting)
    except BookingNotPaid:
        planning.drop_meeting(meeting.booking)
        raise
    except MeetingNotWaiting:
        if not Meeting.objects.filter(pk=meeting.pk, status=Meeting.Status.READY).exists():
            raise
    except (LinkSearchFailed, MeetingInTheMaking, AddressWanted):
        raise
    except DomainError as error:
        note_trouble(meeting, error)
        raise


def _follow_chain(meeting: Meeting) -> None:
    """Try one place after the other until one holds the meeting.

    Raises ProviderUnavailable, or ProviderCannot with the time to wait, while the same place is to be asked again;
    AddressWanted, NoLinkLeft or NoPlaceLeft when a person has to help.
    """
    tried: set[str] = set()
    trouble: DomainError | None = None
    while (place := next_place(meeting, tried=tried, now=timezone.now())) is not None:
        try:
            hold_at(meeting, place)
            return
        except NoLinkLeft as error:
            trouble = error
        except RoomGone as error:
            if not isinstance(trouble, RoomGone):  # once: a vendor that loses every room is given up
                want_another_room(meeting)
                trouble = error
                continue
            pass_over(meeting, place.name, error)
        except ProviderTrouble as error:
            if may_try_again(meeting, place.name, error) or _may_wait(meeting, error):
                raise
            if place.free_at is None:
                log.warning("provider passed over", extra={"booking": meeting.booking.reference, "provider": place.name})
                pass_over(meeting, place.name, error)
            trouble = error
        tried.add(place.name)
    raise _nothing_left(meeting, trouble)


def _nothing_left(meeting: Meeting, trouble: DomainError | None) -> DomainError:
    """Return the end of the chain in a sentence; with the pool in it, a link that comes free ends the trouble."""
    if isinstance(trouble, NoLinkLeft) or POOL in chain_of(meeting.booking.tutor):
        return NoLinkLeft()
    return NoPlaceLeft(trouble.message if trouble else None)


def _may_wait(meeting: Meeting, error: ProviderTrouble) -> bool:
    """True if a room that is there can wait for its new time, such as for midnight, as a day's limit counts moves too."""
    if error.pause is None:
        return False
    room = VendorRoom.objects.filter(meeting=meeting, generation=meeting.generation).standing().exclude(external_id="")
    return meeting.booking.join_opens_at > timezone.now() + error.pause + EARLY_ENOUGH and room.exists()


def hold_at(meeting: Meeting, place: Place) -> None:
    """Ask one place to hold the meeting. Raises NoLinkLeft, ProviderTrouble, MeetingNotWaiting and the like."""
    if place.name == MANUAL:
        by_hand.ask_for_address(meeting)
        return
    if place.maker is None:
        if not pool.ask_for_link(meeting).was_there:
            log.info("meeting ready", extra={"booking": meeting.booking.reference, "provider": POOL})
        settle_pool(meeting)
        return
    if place.free_at is not None:
        raise ProviderCannot(detail="its account is left alone for now", after=place.free_at - timezone.now())
    meeting.provider = place.name
    require_voice(place.name)
    ask = ask_for_room(meeting, place)
    meeting.generation, meeting.provider = ask.meeting.generation, ask.meeting.provider
    made = call_vendor(ask)
    if made.is_pending and ask.wanted is Wanted.CHECK and timezone.now() - ask.room.asked_at > PENDING_AT_MOST:
        raise ProviderCannot(detail="still being made after a quarter of an hour")
    believe(ask, made)
