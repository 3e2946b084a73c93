"""Make planned meetings true: claim one that is due, ask its provider, write the result.

A claim is a lease: `next_attempt_at` is put off while somebody works on the meeting, so a worker that dies gives
it back by itself. Nothing is locked while a vendor is asked. The booking is looked at again before a result is
believed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Case, F, Value, When
from django.urls import reverse
from django.utils import timezone

from bookings.errors import BookingNotPaid, DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept, in_english
from bookings.models import Booking
from meetings import by_hand, planning, pool
from meetings.errors import AddressWanted, LinkSearchFailed, MeetingInTheMaking, MeetingNotWaiting, NoLinkLeft
from meetings.models import Meeting
from meetings.models.meetings import MeetingQuerySet
from meetings.providers import get_provider, is_offered
from meetings.providers.base import Person, Room, RoomMaker, RoomRequest

log = logging.getLogger("linkpool.meetings")

OUR_TROUBLE = Kept("Something went wrong on our side; see the log.")
LEASE = timedelta(minutes=2)
POOL_AGAIN = timedelta(minutes=1)
VENDOR_AGAIN, VENDOR_AGAIN_AT_MOST = timedelta(seconds=30), timedelta(hours=1)
TRIES_BEFORE_ALERT = 3
BATCH = 200


@dataclass
class Tally:
    """How a round over the waiting meetings went; `errors` are (booking reference, sentence)."""

    ready: int
    errors: list[tuple[str, str]]

    @property
    def total(self) -> int:
        return self.ready + len(self.errors)


def provision_meeting(meeting: Meeting) -> Meeting:
    """Make one meeting ready now, and return it as it is then. A ready one is returned quietly.

    Raises NoLinkLeft, ProviderTrouble, BookingNotPaid, MeetingNotWaiting, or MeetingInTheMaking when another
    worker is at it; what went wrong is written down, and the job of every minute tries again.
    """
    if not _is_from_pool(meeting):
        claimed = _claim(Meeting.objects.waiting().filter(pk=meeting.pk), now=timezone.now())
        if claimed is None and Meeting.objects.waiting().filter(pk=meeting.pk).exists():
            raise MeetingInTheMaking
        meeting = claimed or meeting
    _provide(meeting)
    meeting.refresh_from_db()
    return meeting


def assign_from_pool(meeting: Meeting) -> pool.Assignment:
    """Give the meeting a pool link whatever its provider, as a person or a program asks. Raises as `assign_link`."""
    try:
        return pool.ask_for_link(meeting)
    except NoLinkLeft as error:
        note_trouble(meeting, error)
        raise


def provision_due(*, now: datetime, limit: int = BATCH) -> Tally:
    """Try every waiting meeting whose turn has come, the earliest lesson first. One's trouble stops no other."""
    tally = Tally(ready=0, errors=[])
    while tally.total < limit and (meeting := _claim(Meeting.objects.due(now), now=now)) is not None:
        try:
            _provide(meeting)
            tally.ready += 1
        except (DatabaseError, LinkSearchFailed):
            raise
        except DomainError as error:
            tally.errors.append((meeting.booking.reference, str(error)))
        except Exception as error:
            log.exception("provisioning failed", extra={"booking": meeting.booking.reference})
            note_trouble(meeting, error)
            tally.errors.append((meeting.booking.reference, meeting.last_error))
    return tally


def _claim(meetings: MeetingQuerySet, *, now: datetime) -> Meeting | None:
    """Take the first of these meetings that is due and that nobody else is working on."""
    with transaction.atomic():
        free = meetings.filter(next_attempt_at__lte=now).select_for_update(skip_locked=True, of=("self",))
        meeting = free.select_related("booking__tutor__user", "booking__student").first()
        if meeting is not None:
            meeting.next_attempt_at = now + LEASE
            meeting.save(update_fields=["next_attempt_at"])
        return meeting


def _provide(meeting: Meeting) -> None:
    """Raises what `provision_meeting` raises, after writing it down."""
    try:
        if meeting.provider == planning.MANUAL:
            by_hand.ask_for_address(meeting)
        elif _is_from_pool(meeting):
            if pool.ask_for_link(meeting).was_there:
                return  # told of when it was given
        else:
            _make_room(meeting)
    except BookingNotPaid:
        planning.drop_meeting(meeting.booking)
        raise
    except MeetingNotWaiting:
        if not Meeting.objects.filter(pk=meeting.pk, status=Meeting.Status.READY).exists():
            raise
    except (LinkSearchFailed, AddressWanted):
        raise
    except DomainError as error:
        note_trouble(meeting, error)
        raise
    else:
        log.info("meeting ready", extra={"booking": meeting.booking.reference, "provider": meeting.provider})


def _is_from_pool(meeting: Meeting) -> bool:
    """True for pool meetings, and for those whose provider this site no longer offers."""
    return not is_offered(meeting.provider) or not isinstance(get_provider(meeting.provider), RoomMaker)


def _make_room(meeting: Meeting) -> None:
    maker = get_provider(meeting.provider)
    if not isinstance(maker, RoomMaker) or not meeting.is_waiting:
        raise MeetingNotWaiting
    Booking.objects.get(pk=meeting.booking_id).require_paid()
    _write_room(meeting, maker.create(_request_for(meeting), None))


def _request_for(meeting: Meeting) -> RoomRequest:
    booking = meeting.booking
    return RoomRequest(
        key=f"{booking.reference}-{meeting.generation}",
        reference=booking.reference,
        title=booking.name,
        during=meeting.time,
        time_zone=booking.tutor.time_zone,
        tutor=Person(str(booking.tutor), booking.tutor.user.email),
        student=Person(str(booking.student), booking.student.email),
        join_url=settings.SITE_URL + reverse("meetings:join", args=[booking.reference]),
    )


def _write_room(meeting: Meeting, room: Room) -> None:
    """Believe the vendor only if the lesson still is what was asked for; else close the room again."""
    with transaction.atomic():
        is_paid = Booking.objects.select_for_update().get(pk=meeting.booking_id).is_paid
        asked_for = Meeting.objects.waiting().filter(pk=meeting.pk, generation=meeting.generation)
        if is_paid and asked_for.update(
            status=Meeting.Status.READY,
            external_id=room.external_id,
            join_url_tutor=room.join_url_tutor,
            join_url_student=room.join_url_student,
            ready_at=timezone.now(),
            next_attempt_at=None,
            last_error="",
            attempts=F("attempts") + 1,
        ):
            return
        enqueue("meetings.cancel_room", provider=meeting.provider, external_id=room.external_id)
    raise MeetingNotWaiting if is_paid else BookingNotPaid


def note_trouble(meeting: Meeting, error: Exception) -> None:
    """Write why the meeting waits and when to try again, and tell the admins once."""
    now = timezone.now()
    reason = in_english(error.message) if isinstance(error, DomainError) else OUR_TROUBLE()
    meeting.last_error = reason[:500]
    again = now + _pause_after(meeting, error)
    with transaction.atomic():
        mine = Meeting.objects.waiting().filter(pk=meeting.pk)
        # If links came free meanwhile the turn was brought forward: that must not be undone here.
        unless_woken = Case(When(next_attempt_at=meeting.next_attempt_at, then=Value(again)), default=F("next_attempt_at"))
        mine.update(attempts=F("attempts") + 1, last_error=meeting.last_error, next_attempt_at=unless_woken)
        if isinstance(error, NoLinkLeft) or meeting.attempts + 1 >= TRIES_BEFORE_ALERT:
            tell_admins(meeting, now=now)


def tell_admins(meeting: Meeting, *, now: datetime) -> None:
    """Note that this meeting needs the admins: alarms.watch mails them within a minute, many meetings in one mail."""
    Meeting.objects.filter(pk=meeting.pk, alerted_at=None).update(alerted_at=now)


def _pause_after(meeting: Meeting, error: Exception) -> timedelta:
    if isinstance(error, NoLinkLeft):
        return POOL_AGAIN
    doubled: timedelta = VENDOR_AGAIN * 2 ** min(meeting.attempts, 10)
    return min(doubled, VENDOR_AGAIN_AT_MOST)
