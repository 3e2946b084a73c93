"""Write down where lessons are to be held: the wish, never a call to anybody outside.

The job that makes the wish true is stored in the same transaction. Provisioning looks at the booking again, so
news that comes late, twice or in the wrong order does no harm.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.jobs import enqueue, enqueue_once
from bookings.models import Booking
from bookings.models.bookings import BookingQuerySet
from meetings.chain import POOL, chain_of
from meetings.models import Meeting, VendorRoom
from meetings.pool import free_link
from meetings.rooms import release_rooms

log = logging.getLogger("linkpool.meetings")


@transaction.atomic
def plan_meeting(booking: Booking) -> Meeting | None:
    """Write that a paid booking needs a meeting. A second call changes nothing; an unpaid booking gets None."""
    booking = Booking.objects.select_related("tutor", "order").get(pk=booking.pk)
    if not booking.is_paid:
        return None
    now = timezone.now()
    wish = {
        "provider": chain_of(booking.tutor)[0],
        "told_provider": booking.tutor.meeting_provider,
        "during": booking.during,
        "paid_at": booking.order.charged_at or booking.order.paid_at,
        "requested_at": now,
        "next_attempt_at": now,
    }
    meeting, is_new = Meeting.objects.select_for_update().get_or_create(booking=booking, defaults=wish)
    if meeting.status == Meeting.Status.CANCELLED:  # dropped for a booking that turned out to be paid
        _let_wait_again(meeting, booking)
        is_new = True
    if is_new:
        provide_soon(meeting)
    return meeting


def plan_paid_meeting(booking: Booking) -> Meeting:
    """As `plan_meeting`, for those who need the meeting now, or that of a session that is over. Raises BookingNotPaid.

    One whose session moved a moment ago follows it first: the address that it has is that of the old time.
    """
    over = Meeting.objects.filter(booking=booking, booking__status=Booking.Status.COMPLETED, status__in=Meeting.HOLDING)
    meeting = plan_meeting(booking) or over.first()
    if meeting is None:
        raise BookingNotPaid
    if meeting.is_live and meeting.time != meeting.booking.time:
        move_meeting(meeting.booking)
        meeting.refresh_from_db()
    return meeting


@transaction.atomic
def drop_meeting(booking: Booking) -> None:
    """Call the meeting off and let others have its link. A second call changes nothing."""
    meeting = Meeting.objects.select_for_update().filter(booking=booking).first()
    if meeting is None or not meeting.is_live:
        return
    meeting.mark_cancelled()
    meeting.save(update_fields=["status", "next_attempt_at"])
    release_rooms(meeting)
    log.info("meeting cancelled", extra={"booking": booking.reference})
    tell_links_came_free()


@transaction.atomic
def move_meeting(booking: Booking) -> None:
    """Let the meeting wait for a place at the booking's new time. A second call changes nothing.

    The tutor's wish is tried first again: a fallback is not kept. A room that was made there gets the new time.
    """
    booking = Booking.objects.select_related("tutor").get(pk=booking.pk)
    meeting = Meeting.objects.select_for_update().filter(booking=booking).first()
    if meeting is None or not meeting.is_live or meeting.time == booking.time:
        return
    _let_wait_again(meeting, booking)
    provide_soon(meeting)
    tell_links_came_free()


def provide_soon(meeting: Meeting) -> None:
    """Have a job provide the meeting. One that needs nobody but the pool does not stand in line behind vendors."""
    enqueue("meetings.provision_meeting", priority=0 if meeting.provider == POOL else None, meeting_id=meeting.pk)


def tell_links_came_free() -> None:
    """Have the meetings that wait for a link tried again, once this transaction is committed.

    A hint: the round of every minute finds them as well.
    """
    transaction.on_commit(partial(enqueue_once, "meetings.provision_waiting"), robust=True)


def bookings_without_meeting(now: datetime) -> BookingQuerySet:
    """Return paid bookings to come that nobody planned a meeting for: their news was lost."""
    to_come = Booking.objects.paid().filter(during__endswith__gt=now)
    return to_come.filter(Q(meeting=None) | Q(meeting__status=Meeting.Status.CANCELLED)).order_by("during", "pk")


def sessions_without_address(now: datetime) -> BookingQuerySet:
    """Return the paid sessions that are not over and have no address, the earliest first."""
    to_come = Booking.objects.paid().filter(during__endswith__gt=now)
    return to_come.exclude(meeting__status__in=Meeting.HOLDING).order_by("during", "pk")


def _let_wait_again(meeting: Meeting, booking: Booking) -> None:
    """Start afresh at the wish, in the room that was made there if there is one. The row is locked."""
    wish = chain_of(booking.tutor)[0]
    room = meeting.rooms.filter(generation=meeting.generation, provider=wish, state=VendorRoom.State.MADE).first()
    generation = meeting.generation
    free_link(meeting)
    if room is not None:
        meeting.generation = generation
    else:
        meeting.seen_at = None
        meeting.join_url_tutor = meeting.join_url_student = ""
    meeting.provider, meeting.external_id, meeting.during = wish, "", booking.during
    meeting.trouble = meeting.last_error = ""
    meeting.passed_over, meeting.attempts = [], 0
    meeting.save()
    release_rooms(meeting, but=room)
