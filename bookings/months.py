"""Months of a clock: their bounds, and the ones beside them. Values only."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bookings.times import During, day_bounds


def month_bounds(month: date, zone: ZoneInfo) -> During:
    """Return the whole month of that date, by the clock of the zone."""
    first = month.replace(day=1)
    return day_bounds(first, month_after(first) - timedelta(days=1), zone)


def month_after(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)
