"""What came of asking is written: the meeting is ready where it still is wanted, waits on, or lets go of the room.

Locks, always in this order: Booking, Meeting, VendorRoom.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.jobs import enqueue
from bookings.models import Booking
from meetings.chain import POOL
from meetings.errors import MeetingInTheMaking, MeetingNotWaiting
from meetings.models import Meeting, ProviderCall, VendorRoom
from meetings.news import tell_of_new_room, tell_of_place
from meetings.providers.base import Room
from meetings.rooms import PEOPLE, Ask, is_held_in, note_made, release_room, release_rooms, write_addresses

log = logging.getLogger("linkpool.meetings")

PENDING_PAUSES = (1, 2, 4, 8, 15)  # seconds, then a minute (meetings.md section 3)
A_SECOND = timedelta(seconds=1)  # jobs are due by whole seconds: one that comes too early would find nothing to do


def settle_pool(meeting: Meeting) -> None:
    """Tell people of a link that came in another's place, and let go of rooms that were asked for before."""
    expected = {meeting.told_provider, meeting.booking.tutor.meeting_provider}
    if expected == {POOL} and not meeting.trouble and not meeting.generation:
        return  # nearly all
    with transaction.atomic():
        Booking.objects.select_for_update(no_key=True).get(pk=meeting.booking_id)  # before its meeting: notices name it
        row = Meeting.objects.select_for_update(of=("self",)).select_related(*PEOPLE).get(pk=meeting.pk)
        if row.is_ready and row.link_id is not None:
            row.trouble = ""
            row.save(update_fields=["trouble"])
            release_rooms(row)
            tell_of_place(row)


def believe(ask: Ask, made: Room) -> None:
    """Write what the vendor made, if the lesson still is what was asked for; else the room is closed again.

    Raises BookingNotPaid or MeetingNotWaiting when it is not, MeetingInTheMaking while the vendor needs longer.
    """
    with transaction.atomic():
        is_paid = Booking.objects.select_for_update().get(pk=ask.meeting.booking_id).is_paid
        meeting = Meeting.objects.select_for_update(of=("self",)).select_related(*PEOPLE).get(pk=ask.meeting.pk)
        room = VendorRoom.objects.select_for_update(of=("self",)).get(pk=ask.room.pk)
        is_noted = note_made(room, made)
        is_ours = is_noted and meeting.is_waiting and meeting.generation == room.generation
        is_wanted = is_ours and is_paid and meeting.time == ask.during
        if is_wanted and made.is_pending:
            _wait_for_vendor(meeting, room)
        elif is_wanted:
            _write_ready(meeting, room, made)
        elif is_noted and not is_ours and not is_held_in(meeting, room):  # unless somebody else was told the same
            release_room(room)
    if not is_wanted:
        raise MeetingNotWaiting if is_paid else BookingNotPaid
    if made.is_pending:
        raise MeetingInTheMaking
    log.info("meeting ready", extra={"booking": meeting.booking.reference, "provider": meeting.provider})


def _write_ready(meeting: Meeting, room: VendorRoom, made: Room) -> None:
    """Make the locked meeting ready, and tell those who know another place or another address."""
    is_known_elsewhere = meeting.seen_at is not None and made.join_url_student != meeting.join_url_student
    meeting.attempts += 1
    write_addresses(meeting, made)
    if is_known_elsewhere:
        meeting.seen_at = None
    meeting.save()
    release_rooms(meeting, but=room)
    if is_known_elsewhere:
        tell_of_new_room(meeting)
    else:
        tell_of_place(meeting)


def want_another_room(meeting: Meeting) -> None:
    """Let a waiting meeting have another room, with another key: the vendor has lost the one there was."""
    with transaction.atomic():
        row = Meeting.objects.waiting().select_for_update(of=("self",)).filter(pk=meeting.pk).first()
        if row is None or row.generation != meeting.generation:
            return
        row.rooms.filter(generation=row.generation).update(state=VendorRoom.State.CLOSED, closed_at=timezone.now())
        row.generation += 1
        row.external_id = ""
        row.save(update_fields=["generation", "external_id"])
    meeting.generation, meeting.external_id = row.generation, ""


def _wait_for_vendor(meeting: Meeting, room: VendorRoom) -> None:
    """Look again soon, then less often; a vendor that never gets done is given up. The rows are locked."""
    answers = ProviderCall.objects.filter(meeting=meeting, provider=room.provider, began_at__gte=room.asked_at)
    pending = answers.filter(outcome=ProviderCall.Outcome.PENDING).count()
    pause = timedelta(seconds=PENDING_PAUSES[pending - 1] if 0 < pending <= len(PENDING_PAUSES) else 60)
    meeting.external_id = room.external_id
    meeting.next_attempt_at = timezone.now() + pause
    meeting.save(update_fields=["external_id", "next_attempt_at"])
    if pause < timedelta(minutes=1):
        enqueue("meetings.provision_meeting", wait=pause + A_SECOND, meeting_id=meeting.pk)
