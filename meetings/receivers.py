"""What this app does when it hears news."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from bookings.models import Booking
from bookings.signals import booking_cancelled, booking_moved, booking_paid
from meetings import planning


@receiver(booking_paid, dispatch_uid="meetings.plan_meeting")
def plan_paid_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.plan_meeting(booking)


@receiver(booking_moved, dispatch_uid="meetings.move_meeting")
def move_moved_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.move_meeting(booking)


@receiver(booking_cancelled, dispatch_uid="meetings.drop_meeting")
def drop_cancelled_meeting(sender: type, booking: Booking, **kwargs: Any) -> None:
    planning.drop_meeting(booking)
