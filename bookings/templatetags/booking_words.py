"""What a booking's state, its people and its history are called on a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.history import describe_subject, describe_value
from bookings.kept import read_kept
from bookings.lengths import seconds_in_words
from bookings.models import Booking, Change, User

register = template.Library()

FIRST_WARNING, LAST_WARNING = timedelta(minutes=5), timedelta(minutes=1)
TODAY = timedelta(hours=6)  # what ends later than this is told with its day

_ABSENCE = {
    "student_absent": gettext_lazy("Decided: the student was absent"),
    "tutor_absent": gettext_lazy("Decided: the tutor was absent"),
    "unclear": gettext_lazy("Decided: it is not clear who was absent"),
    "took_place": gettext_lazy("Decided: the session took place"),
    "no_room": gettext_lazy("Decided: there was no room, so the session did not take place"),
}
_NOTED = {
    "absence reported": gettext_lazy("An absence was reported"),
    "absence answered": gettext_lazy("The report was answered"),
}

_HAPPENED = {
    Booking.Status.REQUESTED: gettext_lazy("The tutor was asked"),
    Booking.Status.ACCEPTED: gettext_lazy("Accepted"),
    Booking.Status.PAID: gettext_lazy("Paid"),
    Booking.Status.COMPLETED: gettext_lazy("The session is over"),  # whether anybody came is another question
    Booking.Status.EXPIRED: gettext_lazy("Not paid in time, so the time was released"),
    Booking.Status.DECLINED: gettext_lazy("Declined"),
    Booking.Status.CANCELLED: gettext_lazy("Cancelled"),
    Booking.Status.NO_SHOW_STUDENT: gettext_lazy("The student did not come"),
    Booking.Status.NO_SHOW_TUTOR: gettext_lazy("The tutor did not come"),
}


@register.inclusion_tag("includes/_status.html")
def booking_status(booking: Booking) -> dict[str, Any]:
    """Show the state of a booking as a badge, in the words of somebody who did not write it."""
    now = timezone.now()
    if booking.status in Booking.KEPT:
        return _status_of_kept(booking)
    if booking.status == Booking.Status.PAID and booking.ends_at <= now:
        return {"status": Booking.Status.COMPLETED, "label": _("over")}
    if booking.status == Booking.Status.PAID and booking.starts_at <= now:
        return {"status": booking.status, "label": _("running now")}
    return {"status": booking.status, "label": booking.get_status_display()}


@register.inclusion_tag("includes/_deadline.html", takes_context=True)
def deadline(context: Context, until: datetime, text: str) -> dict[str, Any]:
    """Show until when something is kept, how long that is, and a warning before it ends (at 5 minutes and at 1).

    The first warning is the server's, so that it is there without scripts as well; with them it changes by itself.
    """
    left = until - timezone.now()
    stage = "last" if left <= LAST_WARNING else "near" if left <= FIRST_WARNING else "calm"
    how = "TIME_FORMAT" if timezone.localdate(until) == timezone.localdate() else "WEEKDAY_TIME_FORMAT"
    at = date_format(timezone.localtime(until), how)
    return {"until": until, "at": at, "text": text, "stage": stage, "current_zone": context.get("current_zone", "")}


def _status_of_kept(booking: Booking) -> dict[str, Any]:
    if not booking.is_kept:
        return {"status": Booking.Status.EXPIRED, "label": _("expired")}
    if booking.waits_for_student:
        return {"status": booking.status, "label": _("another time proposed")}
    if booking.waits_for_tutor:
        return {"status": booking.status, "label": _("waiting for the tutor")}
    if booking.status == Booking.Status.ACCEPTED:
        return {"status": booking.status, "label": _("accepted, to be paid")}
    return {"status": booking.status, "label": _("waiting for payment")}


@register.filter
def public_name(person: User) -> str:
    """Return the name that others may read: never the e-mail address."""
    return person.full_name or _("(no name yet)")


@register.filter
def in_words(change: Change) -> str:
    """Say what a line of history means."""
    if change.was == Booking.Status.REQUESTED and change.became == Booking.Status.EXPIRED:
        return _("Not answered in time, so the time was released")
    if change.what == "proposal":
        return _("Another time was proposed: %(time)s") % {"time": _time_in_words(change.became)}
    if change.what == "status" and change.became in _HAPPENED:
        return str(_HAPPENED[Booking.Status(change.became)])
    if change.what == "absence reported" and change.became == "room":
        return _("There was no room for the session")
    if change.what in _NOTED:
        return str(_NOTED[change.what])
    if change.what == "absence":
        return str(_ABSENCE.get(change.became, change.became))
    if change.what == "meeting link":  # which one is for those who keep the links
        return _("The place of the session was changed") if change.was else _("The session was given a place")
    if change.what == "time" and (was := describe_value(change, change.was)) != change.was:
        became = describe_value(change, change.became)
        return _("Moved from %(was)s to %(became)s") % {"was": was, "became": became}
    if change.was and change.became:
        return _("%(what)s: from %(was)s to %(became)s") % {
            "what": describe_subject(change),
            "was": describe_value(change, change.was),
            "became": describe_value(change, change.became),
        }
    return f"{describe_subject(change)} {describe_value(change, change.became)}".strip()


@register.filter
def length_of_time(seconds: float) -> str:
    """Say a measured time in seconds as people read it."""
    return seconds_in_words(seconds)


@register.filter
def kept_words(text: str) -> str:
    """Say in the reader's language what a row keeps in English."""
    return read_kept(text)


def _time_in_words(instant: str) -> str:
    """Return an instant of the history (as ISO 8601) in the reader's zone."""
    return date_format(timezone.localtime(datetime.fromisoformat(instant)), "LONG_DATETIME_FORMAT")


@register.simple_tag
def told_who(change: Change, booking: Booking, reader: User) -> str:
    """Say who did it as far as the reader needs to know; names of staff stay inside."""
    if change.who_id is None or change.what == "absence":  # always decided by our team, as its sentence says
        return ""
    if change.who_id == reader.pk:
        return _("by you")
    if change.who_id == booking.student_id:
        return _("by the student")
    if change.who_id == booking.order.payer_id:
        return _("by the payer")
    return _("by the tutor") if change.who_id == booking.tutor.user_id else _("by our team")
