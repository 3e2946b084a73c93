"""Write lines of history, and read them in words."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format

from bookings.models import Booking, Change, Order, User


def record_order_change(
    order: Order, *, what: str, was: str = "", became: str = "", why: str = "", who: User | None = None
) -> None:
    """Add a line to the order's history. `who` is None when the site itself acts."""
    Change.objects.create(order=order, what=what, was=was[:200], became=became[:200], why=why[:500], who=_person(who))


def record_booking_change(
    booking: Booking, *, what: str, was: str = "", became: str = "", why: str = "", who: User | None = None
) -> None:
    """Add a line to the booking's history. `who` is None when the site itself acts."""
    Change.objects.create(booking=booking, what=what, was=was[:200], became=became[:200], why=why[:500], who=_person(who))


def describe_value(change: Change, value: str) -> str:
    """Return what the line says before or after the arrow.

    Statuses by their names, times in the reader's zone, all else as it stands.
    """
    if change.what == "time":
        return _describe_time(value)
    if change.what != "status":
        return value
    names = Booking.Status.choices if change.booking_id else Order.Status.choices
    return str(dict(names).get(value, value))


def _describe_time(value: str) -> str:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return value
    if instant.tzinfo is None:
        return value
    return date_format(timezone.localtime(instant), "l j F Y, H:i")


def _person(who: User | AnonymousUser | None) -> User | None:
    return who if isinstance(who, User) else None
