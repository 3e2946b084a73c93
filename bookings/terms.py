"""Until when a session can be cancelled for free: what its moves have left of the rule (policies.py)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from bookings.models import Booking
from bookings.policies import usual_free_until


def free_until(booking: Booking) -> datetime:
    """Return until when a student's cancellation costs nothing."""
    return booking.moved_free_until or usual(booking.starts_at)


def usual(starts_at: datetime) -> datetime:
    """Return the same for a session at that time which was never moved."""
    return usual_free_until(starts_at, free_hours=settings.CANCEL_FREE_HOURS)
