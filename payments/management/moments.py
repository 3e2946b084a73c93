"""Dates and times as operators type them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time

from django.utils import timezone

FORMS = "Write a date (2026-03-01) or a time (2026-03-01T14:30, with or without an offset such as +07:00 or Z)."


def past_moment(text: str) -> datetime:
    """Return the instant in UTC; a date is its first moment, and what names no offset is meant in the site's zone.

    Raises ArgumentTypeError with the sentence for the operator: not a time, or one that is yet to come.
    """
    try:
        moment = _read(text.strip())
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"“{text[:40]}” is not a date or time. {FORMS}") from None
    if moment > timezone.now():
        raise ArgumentTypeError(f"“{text[:40]}” is yet to come. {FORMS}")
    return moment


def _read(text: str) -> datetime:
    try:
        moment = datetime.combine(date.fromisoformat(text), time.min)
    except ValueError:
        moment = datetime.fromisoformat(text)
    aware = moment.replace(tzinfo=timezone.get_default_timezone()) if moment.tzinfo is None else moment
    return aware.astimezone(UTC)


def shown(moment: datetime) -> str:
    """Return a moment as the site's zone reads it, with its offset."""
    return timezone.localtime(moment, timezone.get_default_timezone()).isoformat(sep=" ", timespec="minutes")
