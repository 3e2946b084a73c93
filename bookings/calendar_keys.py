"""Private calendars: an address that nobody can guess, made, replaced and taken back by its owner; and what it shows.

The key opens the calendar to whoever has it, as calendar programs cannot log in. It is 256 random bits, found by a
unique index, so there is nothing to compare and nothing to learn from how long it takes.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import datetime, timedelta

from django.db.models import Q

from bookings.models import Booking, User
from bookings.models.bookings import BookingQuerySet

log = logging.getLogger("linkpool.calendars")

PAST_SHOWN = timedelta(days=90)
CANCELLED_SHOWN = timedelta(days=30)
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_Status = Booking.Status
_HELD = (_Status.PAID, _Status.COMPLETED, _Status.NO_SHOW_STUDENT, _Status.NO_SHOW_TUTOR)


def renew_calendar_key(user: User) -> str:
    """Give the person a new private calendar; the address they had before stops working at once. Returns the key."""
    user.calendar_key = secrets.token_urlsafe(32)
    user.save(update_fields=["calendar_key"])
    log.info("calendar address made", extra={"user": user.pk})
    return user.calendar_key


def revoke_calendar_key(user: User) -> None:
    """Close the private calendar. A second call changes nothing."""
    user.calendar_key = None
    user.save(update_fields=["calendar_key"])
    log.info("calendar address revoked", extra={"user": user.pk})


def owner_of_calendar(key: str) -> User | None:
    """Return whose calendar the key opens; None for a wrong, replaced or revoked one, or a closed account."""
    return User.objects.filter(calendar_key=key, is_active=True).first() if _KEY.fullmatch(key) else None


def sessions_of_calendar(user: User, *, now: datetime) -> BookingQuerySet:
    """Return what the calendar of this person shows: sessions to come and of the last 90 days.

    What was cancelled in the last 30 days is shown as cancelled, so that those who took it over take it out again.
    """
    held = Q(status__in=_HELD, during__endswith__gt=now - PAST_SHOWN)
    settled = Q(confirmed_at__isnull=False) | Q(order__paid_at__isnull=False)
    cancelled = Q(status=_Status.CANCELLED, cancelled_at__gt=now - CANCELLED_SHOWN) & settled
    shown = Booking.objects.visible_to(user).filter(held | cancelled)
    return shown.with_people().order_by("during", "pk")
