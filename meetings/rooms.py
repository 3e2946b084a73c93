"""Rooms at vendors: the intent is written, the vendor is asked, what it made is believed only if it still is wanted.

The row of the room comes before the call, so nothing that a vendor may have made is ever unknown here. While a call is
under way `next_attempt_at` tells when a worker that died is given up; nothing is locked meanwhile. Whoever moves or
cancels the meeting in that time lets go of the room (`release_rooms`), and whoever comes back with it sees that.

Locks, always in this order: Booking, Meeting, VendorRoom.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse
from django.utils import timezone

from bookings.jobs import enqueue
from bookings.kept import in_english
from bookings.models import Booking
from bookings.times import During
from meetings.accounts import note_refusal
from meetings.calls import NotedCall, note_call
from meetings.chain import Place, hosts_are_tutors
from meetings.connections import access_for, mark_refused, note_use
from meetings.errors import ConnectionBroken, MeetingInTheMaking, MeetingNotWaiting, ProviderCannot
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.providers.base import Person, Room, RoomMaker, RoomRequest

log = logging.getLogger("linkpool.meetings")

LEASE = timedelta(minutes=3)  # longer than the calls that one question may take, each with its time limit
SETTLING = timedelta(minutes=1)  # a vendor may still be at work on a call whose answer was lost
PEOPLE = ("booking__tutor__user", "booking__student")  # whom a room is made for
State = VendorRoom.State


class Wanted(StrEnum):
    """What is asked of the vendor; the names are those of its calls."""

    CREATE = "create"
    MOVE = "move"
    CHECK = "check"


@dataclass(frozen=True)
class Ask:
    """What is to be asked, as it was when it was written down. `is_new` says that nobody can have asked before."""

    meeting: Meeting
    room: VendorRoom
    maker: RoomMaker
    wanted: Wanted
    is_new: bool = False

    @property
    def during(self) -> During:
        return self.meeting.time


@transaction.atomic
def ask_for_room(meeting: Meeting, place: Place) -> Ask:
    """Write down what the vendor is to be asked for a waiting meeting: a room, another time for it, or how it is.

    Raises MeetingInTheMaking while a call is under way, MeetingNotWaiting, BookingNotPaid.
    """
    Booking.objects.select_for_update().get(pk=meeting.booking_id).require_paid()
    waiting = Meeting.objects.waiting().select_for_update(of=("self",)).filter(pk=meeting.pk)
    row = waiting.select_related("booking__tutor__user", "booking__student").first()
    if row is None or place.maker is None:
        raise MeetingNotWaiting
    room = row.rooms.select_for_update().filter(generation=row.generation).first()
    if room is not None and room.is_being_asked_for(timezone.now()):
        raise MeetingInTheMaking
    if room is not None and not _serves(room, place):
        room = None
    is_new = room is None
    if room is None:
        release_rooms(row)
        row.generation = next_generation(row)
        room = new_room(row, place)
    wanted = _wanted_of(room, row)
    if wanted is not Wanted.CHECK:
        mark_asked(room)
    if row.provider != place.name:  # what is wrong at one is never told under the name of another
        row.trouble = row.last_error = ""
    row.provider = place.name
    row.save(update_fields=["provider", "generation", "trouble", "last_error"])
    return Ask(row, room, place.maker, wanted, is_new)


def next_generation(meeting: Meeting) -> int:
    """Return the meeting's generation, or the next one for which no room was ever asked."""
    last: int | None = meeting.rooms.aggregate(last=Max("generation"))["last"]
    return meeting.generation if last is None else max(meeting.generation, last + 1)


def new_room(meeting: Meeting, place: Place) -> VendorRoom:
    """Return the intent, not yet stored. Its key is new: the same one would bring back the room before."""
    return VendorRoom(
        meeting=meeting,
        provider=place.name,
        connection=place.connection,
        generation=meeting.generation,
        key=f"{meeting.booking.reference}-{meeting.generation}",
    )


def mark_asked(room: VendorRoom) -> None:
    """Store that the vendor is being asked from now on."""
    room.state, room.asked_at = State.ASKED, timezone.now()
    room.next_attempt_at = room.asked_at + LEASE
    room.save()


def _serves(room: VendorRoom, place: Place) -> bool:
    """True if the room of this generation is the one to go on with: the same provider, and an account that still works.

    A room that was made is moved with the account that made it, whatever the tutor connected later; one that nobody
    knows of is asked for again only with the same account. In an account that the site has no more nothing can be moved.
    """
    if room.provider != place.name or room.state not in (State.ASKED, State.MADE):
        return False
    if room.connection is None:
        return place.connection is None
    if room.external_id:
        is_let_go = room.connection.tutor_id is None and room.connection.disconnected_at is not None
        return room.connection.status == VideoConnection.Status.ACTIVE and not is_let_go
    return place.connection is not None and room.connection.pk == place.connection.pk


def _wanted_of(room: VendorRoom, meeting: Meeting) -> Wanted:
    if not room.external_id:
        return Wanted.CREATE
    is_pending = room.state == State.MADE and meeting.external_id == room.external_id
    return Wanted.CHECK if is_pending else Wanted.MOVE


def call_vendor(ask: Ask) -> Room:
    """Ask the vendor, outside of any transaction, and note the call. Raises ProviderTrouble."""
    room = ask.room
    try:
        with note_call(
            provider=room.provider,
            what=ask.wanted,
            connection=room.connection,
            meeting=ask.meeting,
            attempt=ask.meeting.attempts + 1,
        ) as call:
            made = _call(ask)
            call.is_pending = made.is_pending
        settle_account(room.connection, call)
        if call.trouble is not None:
            raise call.trouble
    except BaseException:
        # The call is over, whatever came of it: who tries again need not wait until the lease has run out. Unless it had
        # run out, and somebody else is asking by now.
        mine = VendorRoom.objects.filter(pk=room.pk, state=State.ASKED, asked_at=room.asked_at)
        mine.update(next_attempt_at=None)
        raise
    return made


def _call(ask: Ask) -> Room:
    room = ask.room
    access = access_for(room)
    if ask.wanted is Wanted.CHECK:
        return ask.maker.check(room.external_id, access)
    request = _request_for(ask)
    if ask.wanted is Wanted.MOVE:
        return ask.maker.move(room.external_id, request, access)
    return ask.maker.create(request, access)


def _request_for(ask: Ask) -> RoomRequest:
    booking = ask.meeting.booking
    return RoomRequest(
        key=ask.room.key,
        reference=booking.reference,
        title=booking.name,
        during=ask.during,
        time_zone=booking.tutor.time_zone,
        tutor=Person(str(booking.tutor), booking.tutor.user.email),
        student=Person(str(booking.student), booking.student.email),
        join_url=settings.SITE_URL + reverse("meetings:join", args=[booking.reference]),
        is_first_try=ask.is_new,
    )


def settle_account(connection: VideoConnection | None, call: NotedCall) -> None:
    """Draw the consequences of a call for the account it was made with.

    A limit that one tutor has reached is no pause for the others: chain.py finds it among the tutor's calls.
    """
    if connection is None or call.trouble is None:
        return
    if isinstance(call.trouble, ConnectionBroken):
        mark_refused(connection, call.trouble)
    note_refusal(connection, call.trouble)
    if call.trouble.pause is not None and not (isinstance(call.trouble, ProviderCannot) and hosts_are_tutors(connection)):
        until = timezone.now() + call.trouble.pause
        shorter = Q(paused_until=None) | Q(paused_until__lt=until)
        VideoConnection.objects.filter(shorter, pk=connection.pk).update(paused_until=until)


def release_rooms(meeting: Meeting, *, but: VendorRoom | None = None) -> int:
    """Have the meeting's rooms at vendors closed; its row is locked by the caller. Returns how many."""
    standing = meeting.rooms.filter(state__in=[State.ASKED, State.MADE]).order_by("pk").select_for_update(of=("self",))
    rooms = [room for room in standing if room != but]
    for room in rooms:
        release_room(room)
    return len(rooms)


def release_room(room: VendorRoom) -> None:
    """Have a room closed, with the account that made it; its row is locked by the caller.

    One of which nobody knows whether it was made is looked for when the vendor is surely done with it.
    """
    now = timezone.now()
    surely = max(room.next_attempt_at or now, room.asked_at + SETTLING)
    room.next_attempt_at = now if room.external_id else max(surely, now)
    room.state, room.attempts, room.last_error = State.CLOSING, 0, ""
    room.save(update_fields=["state", "attempts", "last_error", "next_attempt_at", "external_id"])
    enqueue("meetings.close_room", wait=_until(room.next_attempt_at, now), room_id=room.pk)


def _until(at: datetime, now: datetime) -> timedelta:
    return timedelta(seconds=1) + at - now if at > now else timedelta()


def note_made(room: VendorRoom, made: Room) -> bool:
    """Write into the locked row what the vendor has made; its meeting is locked as well.

    False if somebody let go of it meanwhile, or another call got another room for it: what was made is closed then.
    """
    if room.state in (State.ASKED, State.MADE) and room.external_id and made.external_id not in ("", room.external_id):
        _close_second(room, made)
        return False
    room.external_id = made.external_id or room.external_id
    if room.state in (State.CLOSING, State.CLOSED):
        release_room(room)
        return False
    now = timezone.now()
    room.state, room.made_at, room.next_attempt_at = State.MADE, room.made_at or now, None
    room.save(update_fields=["state", "made_at", "next_attempt_at", "external_id"])
    if room.connection_id is not None:
        remark = in_english(made.remark) if made.remark else ""
        transaction.on_commit(partial(note_use, room.connection_id, at=now, remark=remark), robust=True)
    return True


def _close_second(room: VendorRoom, made: Room) -> None:
    """Have another room closed that the vendor made for the same key, in a row of its own: the first one stays."""
    if room.meeting.rooms.filter(external_id=made.external_id).exists():
        return
    second = VendorRoom(
        meeting=room.meeting,
        provider=room.provider,
        connection=room.connection,
        generation=next_generation(room.meeting),
        key=f"{room.key}:{made.external_id}"[:100],
        external_id=made.external_id,
        asked_at=timezone.now(),
    )
    second.save()
    release_room(second)


def is_held_in(meeting: Meeting, room: VendorRoom) -> bool:
    """Say whether the meeting takes place, or took place, in this very room. Both rows are locked."""
    is_the_one = (meeting.provider, meeting.generation, meeting.external_id) == (
        *(room.provider, room.generation, room.external_id),
    )
    return is_the_one and meeting.status in Meeting.HOLDING and meeting.link_id is None


def write_addresses(meeting: Meeting, made: Room) -> None:
    """Make the locked meeting ready with the addresses that the vendor gave. The caller saves it."""
    meeting.status = Meeting.Status.READY
    meeting.external_id = made.external_id
    meeting.join_url_tutor = made.join_url_tutor or made.join_url_student
    meeting.join_url_student = made.join_url_student
    meeting.ready_at = timezone.now()
    meeting.next_attempt_at = None
    meeting.trouble = meeting.last_error = ""
