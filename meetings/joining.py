"""The door of a meeting: who stands before it learns when it opens, and gets through only while it is open.

The raw address of a meeting leaves the site here, as a redirect, and in the answers of the API. Nowhere else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from bookings.models import Booking, User
from meetings.chain import MANUAL
from meetings.errors import MeetingNotWaiting
from meetings.models import Attendance, Meeting

log = logging.getLogger("linkpool.meetings")
LOOK_AGAIN_AT_MOST = timedelta(hours=1)
PREPARED_SOON, PREPARED_LATE = timedelta(seconds=5), timedelta(seconds=30)
PAYING = timedelta(seconds=30)  # somebody may be paying in another tab
BEING_MADE = timedelta(minutes=2)  # around a try, things change within seconds
COMING = timedelta(seconds=20)  # how often an open door looks for the other one


class State(StrEnum):
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    EARLY = "early"
    PREPARING = "preparing"
    OPEN = "open"
    CLOSED = "closed"


_STATE_OF_BOOKING = {
    Booking.Status.HELD: State.UNPAID,
    Booking.Status.REQUESTED: State.UNPAID,
    Booking.Status.ACCEPTED: State.UNPAID,
    Booking.Status.EXPIRED: State.CANCELLED,
    Booking.Status.DECLINED: State.CANCELLED,
    Booking.Status.CANCELLED: State.CANCELLED,
    Booking.Status.COMPLETED: State.CLOSED,
    Booking.Status.NO_SHOW_STUDENT: State.CLOSED,
    Booking.Status.NO_SHOW_TUTOR: State.CLOSED,
}


@dataclass(frozen=True)
class Door:
    """What somebody finds who comes now. `meeting` may be missing; `is_ready` says that its address is known."""

    state: State
    opens_at: datetime
    closes_at: datetime
    meeting: Meeting | None
    is_ready: bool

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def may_open(self) -> bool:
        """True while it is worth waiting here."""
        return self.state in (State.EARLY, State.PREPARING)

    def look_again_in(self, now: datetime) -> int | None:
        """Seconds after which something may be different, at most an hour; None when nothing will."""
        if self.state is State.CLOSED and not self.is_ready and now < self.closes_at:
            return int(PREPARED_LATE.total_seconds())  # an address may still be given by hand
        if self.state in (State.CANCELLED, State.CLOSED):
            return None
        if self.state is State.UNPAID:
            return int(PAYING.total_seconds())
        if not self.is_ready:
            return int((PREPARED_SOON if self._is_being_made(now) else PREPARED_LATE).total_seconds())
        if self.is_open:
            return int(min(self.closes_at - now, COMING).total_seconds()) + 1
        return int(min(self.opens_at - now, LOOK_AGAIN_AT_MOST).total_seconds()) + 1

    def _is_being_made(self, now: datetime) -> bool:
        if self.meeting is None:
            return True
        tried_at = self.meeting.next_attempt_at or self.meeting.requested_at
        return now - self.meeting.requested_at < BEING_MADE or abs(now - tried_at) < BEING_MADE


def find_door(booking: Booking, *, now: datetime) -> Door:
    """Return the door of the booking as it is now. Looks at the link only while the join window is open."""
    meeting: Meeting | None = getattr(booking, "meeting", None)
    # A link that was given for another time is not this session's: it moved a moment ago, and gets one for its time.
    is_ready = meeting is not None and meeting.status in Meeting.HOLDING and meeting.time == booking.time
    opens_at, closes_at = booking.join_opens_at, booking.join_closes_at
    state = _STATE_OF_BOOKING.get(Booking.Status(booking.status))
    if state is None and now >= (closes_at if is_ready else booking.ends_at):  # no room is looked for after the end
        state = State.CLOSED
    if state is None and now < opens_at:
        state = State.EARLY
    if state is None and not is_ready:
        state = State.PREPARING
    if state is None and meeting is not None and (others_until := _used_by_others_until(meeting, now)):
        # A window may reach into the lesson before or after ours on the same link: nobody walks into that.
        state = State.CLOSED if now >= booking.ends_at else State.EARLY
        opens_at = max(opens_at, others_until)
    return Door(state or State.OPEN, opens_at, closes_at, meeting, is_ready)


def _used_by_others_until(meeting: Meeting, now: datetime) -> datetime | None:
    """When the lesson that takes place in the same room right now ends; None if there is none.

    The rooms of vendors are each session's own; links are not, nor is a room of the tutor's that a person gave.
    """
    if meeting.link_id is not None:
        there = Meeting.objects.holding_links().filter(link=meeting.link_id, reserved__contains=now)
    elif meeting.provider == MANUAL:
        of_tutor = Meeting.objects.filter(booking__tutor=meeting.booking.tutor_id, booking__blocks__contains=now)
        there = of_tutor.filter(status__in=Meeting.HOLDING, provider=MANUAL, join_url_student=meeting.join_url_student)
    else:
        return None
    other = there.filter(during__contains=now).exclude(pk=meeting.pk).first()
    return other.time.end if other else None


@transaction.atomic
def hand_out_address(booking: Booking, user: User, *, now: datetime) -> str:
    """Return the raw address for one of the two parties, and note that it is known from now on; empty while the door
    is shut.

    The meeting's row is locked, so that it is not given another link between the look and the note.
    """
    # Without its link: one joined before the wait for the lock would be the one it had before.
    meeting = Meeting.objects.filter(booking=booking).select_for_update().first()
    if meeting is None:
        return ""
    booking.meeting = meeting
    if not find_door(booking, now=now).is_open:
        return ""
    if meeting.seen_at is None:
        meeting.seen_at = now
        meeting.save(update_fields=["seen_at"])
    return meeting.address_for(is_tutor=user.pk == booking.tutor.user_id)


@transaction.atomic
def tell_address(meeting: Meeting) -> Meeting:
    """Return the meeting as it is now, its address noted as known: for the owner's programs, which may ask at any time.

    Raises MeetingNotWaiting if it was called off, or lost its address, a moment ago.
    """
    locked = Meeting.objects.select_for_update().get(pk=meeting.pk)
    if locked.status not in Meeting.HOLDING:
        raise MeetingNotWaiting
    if locked.seen_at is None:
        locked.seen_at = timezone.now()
        locked.save(update_fields=["seen_at"])
    return locked


def record_attendance(meeting: Meeting, user: User, *, now: datetime) -> None:
    """Note that this person went through the open door. The first time is kept."""
    first = {"opened_at": now, "last_opened_at": now}
    row, is_new = Attendance.objects.get_or_create(meeting=meeting, user=user, defaults=first)
    if not is_new:
        Attendance.objects.filter(pk=row.pk).update(last_opened_at=now, times_opened=F("times_opened") + 1)
    log.info("door opened", extra={"booking": meeting.booking.reference, "user": user.pk})


def other_came_at(door: Door, booking: Booking, user: User) -> datetime | None:
    """When the other of the two last went through the door of this very time; None for everybody but the two.

    Whether they are still inside only the vendor knows.
    """
    others = {booking.student_id: booking.tutor.user_id, booking.tutor.user_id: booking.student_id}
    if not door.is_open or door.meeting is None or user.pk not in others:
        return None
    came = door.meeting.attendances.filter(user=others[user.pk], last_opened_at__gte=booking.join_opens_at)
    return came.values_list("last_opened_at", flat=True).first()
