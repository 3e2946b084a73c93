"""Hold a meeting at another provider: the new room first, then the old one is closed."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.models import Booking
from meetings import pool
from meetings.chain import MANUAL, POOL, Place, place_at
from meetings.errors import (
    AddressWanted,
    ConnectionBroken,
    MeetingInTheMaking,
    MeetingNotWaiting,
    NoPlaceLeft,
    ProviderCannot,
    RoomGone,
)
from meetings.models import Meeting, SessionSwitch, VendorRoom
from meetings.models.switches import SessionSwitchQuerySet
from meetings.news import tell_of_place
from meetings.planning import tell_links_came_free
from meetings.providers import is_offered
from meetings.providers.base import Room
from meetings.provisioning import provision_meeting
from meetings.rooms import (
    PEOPLE,
    Ask,
    Wanted,
    call_vendor,
    is_held_in,
    mark_asked,
    new_room,
    next_generation,
    note_made,
    release_room,
    release_rooms,
    write_addresses,
)
from meetings.silence import require_voice

log = logging.getLogger("linkpool.meetings")


def switch_provider(meeting: Meeting, provider: str, *, listed: SessionSwitch | None = None) -> Meeting:
    """Hold a meeting that is ready, or waits, at this provider from now on, and return it as it is then.

    The new room comes first and only then the old one is closed, so people always have an address: whatever is raised,
    the meeting stays where it is. A second call changes nothing. One that waits is tried along the tutor's chain from
    its beginning instead, so change `Tutor.meeting_provider` before. Whoever switches many sessions lists them, and tells
    people once (news.py).

    With `listed`, the line of the switch that asks for it, the meeting moves only if that line still waits when the new
    place is there, and the line says "moved" in the same transaction: a tutor who chooses otherwise while the vendor is
    being asked is either in time, or sees it moved.

    Raises MeetingInTheMaking while the vendor is being asked or needs longer (call again in a moment: the same room is
    taken up) or where the line waits no more, ConnectionBroken without an account to do it with, ProviderTrouble,
    NoLinkLeft, NoPlaceLeft if the site does not offer the provider, AddressWanted where a person gives the address
    (by_hand.give_address moves it), BookingNotPaid, MeetingNotWaiting if the session is over or called off, if a person
    gave its address, or if its door opened while the vendor was asked.
    """
    now = timezone.now()
    row = Meeting.objects.select_related(*PEOPLE).get(pk=meeting.pk)
    row.booking.require_paid()
    if not row.is_live or row.booking.ends_at <= now:
        raise MeetingNotWaiting
    if row.is_waiting:
        _begin_again(row)
        return provision_meeting(row)
    if row.provider == MANUAL != provider:
        raise MeetingNotWaiting
    if row.provider != provider:
        _move_into(row, _place_to_be(row, provider, now=now), listed)
        log.info("meeting switched", extra={"booking": row.booking.reference, "provider": provider})
    row.refresh_from_db()
    return row


def _place_to_be(meeting: Meeting, provider: str, *, now: datetime) -> Place:
    if not is_offered(provider):
        raise NoPlaceLeft
    place = place_at(provider, meeting.booking.tutor, now=now)
    if place is None:
        raise ConnectionBroken
    if place.free_at is not None:
        raise ProviderCannot(detail="its account is left alone for now", after=place.free_at - now)
    if place.maker is None and place.name != POOL:
        raise AddressWanted
    return place


def _begin_again(meeting: Meeting) -> None:
    """Have a waiting meeting tried from the beginning of the chain; rooms that were asked for there are kept."""
    fresh = {"passed_over": [], "next_attempt_at": timezone.now()}
    Meeting.objects.waiting().filter(pk=meeting.pk).update(**fresh)


def _move_into(meeting: Meeting, place: Place, listed: SessionSwitch | None) -> None:
    if place.maker is None:
        _take_link(meeting, listed)
        return
    require_voice(place.name)
    ask = _ask_ahead(meeting, place)
    try:
        made = call_vendor(ask)
    except RoomGone as error:
        _forget(ask.room)
        raise MeetingInTheMaking from error
    _settle(ask, made, was=meeting, listed=listed)


@transaction.atomic
def _take_link(meeting: Meeting, listed: SessionSwitch | None) -> None:
    """Give the meeting a link of the pool in its room's place, or leave all as it was. Raises NoLinkLeft."""
    Booking.objects.select_for_update(no_key=True).get(pk=meeting.booking_id)  # before its meeting: notices name it
    pool.lock_pool()
    row = Meeting.objects.select_for_update(of=("self",)).select_related(*PEOPLE).get(pk=meeting.pk)
    _require_unchanged(row, was=meeting)
    release_rooms(row)
    row.generation = max(next_generation(row), row.generation + 1)
    row.status, row.next_attempt_at = Meeting.Status.WAITING, timezone.now()
    row.want_again(at=row.next_attempt_at)
    row.external_id = row.join_url_tutor = row.join_url_student = ""
    row.passed_over, row.seen_at = [], None
    row.save()
    pool.ask_for_link(row)
    row.refresh_from_db()
    tell_of_place(row)
    if not _write_moved(listed):
        raise MeetingInTheMaking


@transaction.atomic
def _forget(room: VendorRoom) -> None:
    """Count a room as closed that the vendor has lost, so that the next try asks under another key."""
    Meeting.objects.select_for_update().get(pk=room.meeting_id)
    standing = VendorRoom.objects.filter(pk=room.pk, state__in=[VendorRoom.State.ASKED, VendorRoom.State.MADE])
    standing.update(state=VendorRoom.State.CLOSED, closed_at=timezone.now())


@transaction.atomic
def _ask_ahead(meeting: Meeting, place: Place) -> Ask:
    """Write down the room that is asked for while the old one stands, or take up the one of an earlier try."""
    if place.maker is None:
        raise NoPlaceLeft
    row = Meeting.objects.select_for_update(of=("self",)).select_related(*PEOPLE).get(pk=meeting.pk)
    _require_unchanged(row, was=meeting)
    ahead = row.rooms.select_for_update(of=("self",)).filter(generation__gt=row.generation, connection=place.connection)
    mine = ahead.filter(provider=place.name, state__in=[VendorRoom.State.ASKED, VendorRoom.State.MADE])
    room = mine.order_by("-generation").first()
    if room is not None and room.is_being_asked_for(timezone.now()):
        raise MeetingInTheMaking
    if room is not None and room.external_id:
        return Ask(row, room, place.maker, Wanted.CHECK)
    is_new = room is None
    if room is None:
        # Of the room: the meeting keeps its own until it has moved.
        row.generation = max(next_generation(row), row.generation + 1)
        room = new_room(row, place)
    mark_asked(room)
    return Ask(row, room, place.maker, Wanted.CREATE, is_new)


def _settle(ask: Ask, made: Room, *, was: Meeting, listed: SessionSwitch | None) -> None:
    """Move the meeting into the room that was made, if it still is what it was; else that room is closed again."""
    with transaction.atomic():
        is_paid = Booking.objects.select_for_update().get(pk=was.booking_id).is_paid
        meeting = Meeting.objects.select_for_update(of=("self",)).select_related(*PEOPLE).get(pk=was.pk)
        room = VendorRoom.objects.select_for_update(of=("self",)).get(pk=ask.room.pk)
        is_ours = note_made(room, made)
        is_there = is_ours and is_held_in(meeting, room)  # somebody else was told the same
        is_wanted = is_ours and is_paid and _is_unchanged(meeting, was=was)
        is_awaited = is_wanted and made.is_pending
        is_moved = is_wanted and not made.is_pending and _write_moved(listed)
        if is_moved:
            _move_over(meeting, room, made)
        elif is_ours and not is_awaited and not is_there:
            release_room(room)
    if is_there:
        return
    if not is_wanted:
        raise MeetingNotWaiting if is_paid else BookingNotPaid
    if not is_moved:
        raise MeetingInTheMaking


def _move_over(meeting: Meeting, room: VendorRoom, made: Room) -> None:
    """Write the new place into the locked meeting, and let go of the old one: its room is closed, its link is free."""
    had_link = meeting.link_id is not None
    meeting.link = meeting.reserved = None
    meeting.provider, meeting.generation = room.provider, room.generation
    meeting.passed_over, meeting.seen_at = [], None
    meeting.want_again(at=room.asked_at)
    write_addresses(meeting, made)
    meeting.save()
    release_rooms(meeting, but=room)
    tell_of_place(meeting)
    if had_link:
        tell_links_came_free()


def _write_moved(listed: SessionSwitch | None) -> bool:
    """Write down that the line of a switch is done, in the transaction that moves. False if it waits no more.

    It never waits: whoever ends a switch has the tutor and this row, and then asks for meetings, which are locked here.
    """
    if listed is None:
        return True
    waiting: SessionSwitchQuerySet = SessionSwitch.objects.waiting().filter(pk=listed.pk)
    if waiting.select_for_update(skip_locked=True, of=("self",)).first() is None:
        return False
    return SessionSwitch.objects.filter(pk=listed.pk).settle(SessionSwitch.Outcome.MOVED) == 1


def _is_unchanged(meeting: Meeting, *, was: Meeting) -> bool:
    """False as well once the door is open, such as while the vendor was asked: people may be inside already."""
    is_shut = meeting.booking.join_opens_at > timezone.now()
    return meeting.is_ready and is_shut and (meeting.generation, meeting.time) == (was.generation, was.time)


def _require_unchanged(meeting: Meeting, *, was: Meeting) -> None:
    if not _is_unchanged(meeting, was=was):
        raise MeetingInTheMaking
