"""Write lines of history, and read them in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from bookings.models import Booking, Change, Order, User

# What lines of history are about: each word that a verb writes, and how people read it.
SUBJECTS = {
    "status": _("status"),
    "placed": _("placed"),
    "time": _("time"),
    "gift": _("gift"),
    "proposal": _("another time"),
    "meeting link": _("meeting link"),
    "payment": _("payment"),
    "refund": _("refund"),
    "dispute": _("dispute"),
    "absence": _("absence"),
    "absence reported": _("absence reported"),
    "absence answered": _("absence answered"),
}
# Reasons that verbs write by themselves; `read_kept` says them again. What people write stays as it is.
REASONS = [
    gettext_noop("asked for"),
    gettext_noop("chosen by hand"),
    gettext_noop("given by hand"),
    gettext_noop("made for the demo"),
    gettext_noop("no payment page"),
    gettext_noop("nothing to pay"),
    gettext_noop("paid in the demo"),
    gettext_noop("placed by a program"),
    gettext_noop("strangers may know the link"),
    gettext_noop("the link was retired"),
    gettext_noop("to make room for another session"),
    gettext_noop("the session before it ran over"),
]
_VALUES: dict[str, dict[Any, Any]] = {
    "payment": {"needs_review": _("needs a look"), "succeeded": _("money received")},
    "refund": {
        "pending": _("to be sent back"),
        "submitted": _("asked of the gateway"),
        "succeeded": _("sent back"),
        "failed": _("failed"),
        "manual": _("to be sent back by hand"),
    },
    "dispute": {"open": _("open"), "won": _("won"), "lost": _("lost")},
    "absence": {
        "student_absent": _("the student was absent"),
        "tutor_absent": _("the tutor was absent"),
        "unclear": _("it is not clear who was absent"),
        "took_place": _("the session took place"),
        "no_room": _("there was no room"),
    },
    "absence reported": {"student": _("the student"), "tutor": _("the tutor"), "room": _("there was no room")},
}


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


def describe_subject(change: Change) -> str:
    """Return what the line is about in the reader's language."""
    return str(SUBJECTS.get(change.what, change.what))


def describe_value(change: Change, value: str) -> str:
    """Return what the line says before or after the arrow.

    Codes by their names, times in the reader's zone, all else as it stands.
    """
    if change.what in ("time", "proposal"):
        return _describe_time(value)
    if change.what == "status":
        names = dict(Booking.Status.choices if change.booking_id else Order.Status.choices)
    else:
        names = _VALUES.get(change.what, {})
    return str(names.get(value, value))


def _describe_time(value: str) -> str:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return value
    if instant.tzinfo is None:
        return value
    return date_format(timezone.localtime(instant), "FULL_DAY_TIME_FORMAT")


def _person(who: User | AnonymousUser | None) -> User | None:
    return who if isinstance(who, User) else None
