"""What this app does when it hears news, and answers when it is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from bookings.models import Booking, SessionType
from bookings.signals import booking_cancelled, booking_moved, booking_paid, cancelling_begun, hiding_times, holding_slot
from bookings.spans import Span
from bookings.times import During
from meetings import planning, room_left
from meetings.errors import NoRoomYet
from meetings.roomless import had_room


@receiver(booking_paid, dispatch_uid="meetings.plan_meeting")
def plan_paid_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.plan_meeting(booking)


@receiver(booking_moved, dispatch_uid="meetings.move_meeting")
def move_moved_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.move_meeting(booking)


@receiver(booking_cancelled, dispatch_uid="meetings.drop_meeting")
def drop_cancelled_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.drop_meeting(booking)


@receiver(holding_slot, dispatch_uid="meetings.require_room")
def require_room(
    sender: type, session_type: SessionType, during: During, leaving_out: Booking | None = None, **kwargs: Any
) -> None:
    if room_left.is_asked():
        room_left.require_room(session_type.tutor, during, leaving_out=leaving_out)


@receiver(hiding_times, dispatch_uid="meetings.hide_full_times")
def hide_full_times(
    sender: type, tutors: list[int], within: During, now: datetime, leaving_out: Booking | None = None, **kwargs: Any
) -> dict[int, list[Span]]:
    return room_left.full_times(tutors, within=within, now=now, leaving_out=leaving_out) if room_left.is_asked() else {}


@receiver(cancelling_begun, dispatch_uid="meetings.keep_while_roomless")
def keep_while_roomless(sender: type, booking: Booking, **kwargs: Any) -> None:
    """A session that runs without a room stays: the staff hear of it at its end, and what goes back is all."""
    if not had_room(booking):
        raise NoRoomYet
