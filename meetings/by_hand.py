"""Addresses that people give: a tutor pastes the one of a room of their own, or the staff do it for them.

A session whose tutor has no other provider, or none that can hold it, waits until somebody does; who is to give it is
asked at once and reminded a day and two hours before the start, and then the staff hear of it as well.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.history import record_booking_change
from bookings.kept import in_english
from bookings.models import Booking, Notice, User
from bookings.notices import tell, version_of
from bookings.times import During
from meetings import planning
from meetings.addresses import normalise_address
from meetings.chain import MANUAL
from meetings.errors import AddressInUse, AddressOfPool, AddressWanted, SessionOver
from meetings.models import Meeting, MeetingLink
from meetings.news import tell_of_new_room, tell_of_place
from meetings.places import name_of_host, place_in_english
from meetings.pool import free_link
from meetings.rooms import release_rooms

log = logging.getLogger("linkpool.meetings")

ADDRESS_LOCK = 76004  # whoever gives an address keeps others from giving the same one at that moment
STAGES = (("day", timedelta(hours=24)), ("hours", timedelta(hours=2)))  # from when on the staff are told as well


@transaction.atomic
def give_address(booking: Booking, address: str, *, who: User) -> Meeting:
    """Hold the session at this address from now on, whatever it had. The same address again changes nothing.

    Possible until the door closes, before and while people meet. The others of the session are told if it had another
    place, or was to have one. Raises LinkAddressRefused, AddressOfPool, AddressInUse, BookingNotPaid, SessionOver.
    """
    address = normalise_address(address)
    booking = Booking.objects.select_for_update(of=("self",)).with_people().get(pk=booking.pk)
    booking.require_paid()
    now = timezone.now()
    if now >= booking.join_closes_at:
        raise SessionOver
    planning.plan_meeting(booking)
    meeting = Meeting.objects.select_for_update().get(booking=booking)
    meeting.booking = booking
    if _is_there_already(meeting, booking, address):
        return meeting
    _refuse_a_shared_room(meeting, booking.time, address)
    _write_address(meeting, booking, address, who=who, now=now)
    return meeting


def _is_there_already(meeting: Meeting, booking: Booking, address: str) -> bool:
    is_mine = meeting.provider == MANUAL and meeting.status in Meeting.HOLDING and meeting.time == booking.time
    return is_mine and meeting.join_url_student == address


def _refuse_a_shared_room(meeting: Meeting, during: During, address: str) -> None:
    """Two sessions at once must not meet in one room. Others who give this very address wait until we are done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ADDRESS_LOCK, address])
    if MeetingLink.objects.filter(url=address).exists():
        raise AddressOfPool
    # Wherever the other's address comes from: a tutor may paste the one that a vendor made for another session.
    others = Meeting.objects.filter(status=Meeting.Status.READY, link=None).exclude(pk=meeting.pk)
    then = others.filter(during__endswith__gt=during.start, during__startswith__lt=during.end)
    if then.filter(Q(join_url_student=address) | Q(join_url_tutor=address)).exists():
        raise AddressInUse


def _write_address(meeting: Meeting, booking: Booking, address: str, *, who: User, now: datetime) -> None:
    was = (place_in_english(meeting) or meeting.provider) if meeting.status in Meeting.HOLDING else ""
    # A room that another one takes the place of after the end was there to come to: see roomless.had_room.
    ready_at = (meeting.ready_at or meeting.requested_at) if was and now >= booking.ends_at else now
    release_rooms(meeting)
    waited_since = meeting.requested_at, meeting.paid_at
    free_link(meeting)
    if not was:
        meeting.requested_at, meeting.paid_at = waited_since
    meeting.provider = MANUAL
    meeting.during = booking.during
    meeting.external_id = ""
    meeting.join_url_tutor = meeting.join_url_student = address
    meeting.status = Meeting.Status.READY
    meeting.ready_at = ready_at
    meeting.next_attempt_at = meeting.seen_at = None
    meeting.trouble = meeting.last_error = ""
    meeting.save()
    became = name_of_host(address)
    record_booking_change(booking, what="meeting link", was=was, became=became, why="given by hand", who=who)
    log.info("address given", extra={"booking": booking.reference})
    if was:
        planning.tell_links_came_free()
        tell_of_new_room(meeting, but=who)
    else:
        tell_of_place(meeting, but=who)


def ask_for_address(meeting: Meeting) -> None:
    """Have the tutor asked for an address, and near the start the staff told; then look again at the next reminder.

    Always raises AddressWanted, unless somebody has given one meanwhile.
    """
    now = timezone.now()
    with transaction.atomic():
        Booking.objects.select_for_update(no_key=True).get(pk=meeting.booking_id)  # before its meeting: notices name it
        waiting = Meeting.objects.waiting().filter(pk=meeting.pk).select_for_update(of=("self",))
        locked = waiting.select_related("booking__tutor__user").first()
        if locked is None:
            return
        _write_wish(locked, now=now)
        ask_tutor(locked, now=now)
        _tell_staff(locked, now=now)
    raise AddressWanted


def _write_wish(meeting: Meeting, *, now: datetime) -> None:
    later = [meeting.time.start - ahead for _name, ahead in STAGES if meeting.time.start - ahead > now]
    meeting.trouble = Meeting.Trouble.BY_HAND
    meeting.last_error = in_english(AddressWanted.message)
    meeting.next_attempt_at = min(later, default=meeting.time.end)
    Meeting.objects.filter(pk=meeting.pk).update(
        trouble=meeting.trouble,
        last_error=meeting.last_error,
        next_attempt_at=meeting.next_attempt_at,
        attempts=F("attempts") + 1,
    )


def _stage(meeting: Meeting, *, now: datetime) -> tuple[str, datetime]:
    """Which reminder is due last, and since when; the first request counts from the wish itself."""
    passed = [(name, meeting.time.start - ahead) for name, ahead in STAGES if meeting.time.start - ahead <= now]
    name, since = passed[-1] if passed else ("", meeting.requested_at)
    return (name, since) if since > meeting.requested_at else ("", meeting.requested_at)


def ask_tutor(meeting: Meeting, *, now: datetime) -> None:
    """Ask the tutor for an address, once for each time that the session begins to wait, and once at each reminder.

    How often vendors were asked meanwhile changes nothing. Its booking is locked by the caller, before the meeting.
    """
    booking = meeting.booking
    stage, _since = _stage(meeting, now=now)
    key = f"{version_of(booking)}:{meeting.requested_at.timestamp():.0f}:{stage}"
    tell(Notice.Fact.ADDRESS_WANTED, to=[booking.tutor.user], booking=booking, key=key)


def _tell_staff(meeting: Meeting, *, now: datetime) -> None:
    """Once a day before, and once more two hours before."""
    passed = [meeting.time.start - ahead for _name, ahead in STAGES if meeting.time.start - ahead <= now]
    if not passed:
        return
    unaware = Q(alerted_at=None) | Q(alerted_at__lt=passed[-1])
    Meeting.objects.filter(unaware, pk=meeting.pk).update(alerted_at=now)  # alarms.watch mails them within a minute
