"""Where something stands in the week of a tutor's home, and what it is called there."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

from bookings.models import Booking
from bookings.weeks import Entry, OpenSpan, Week

register = template.Library()

_KINDS: dict[str, str] = {
    Booking.Status.PAID: "booked",
    Booking.Status.REQUESTED: "wait",
    Booking.Status.ACCEPTED: "wait",
    Booking.Status.HELD: "held",
}


@register.simple_tag
def place(block: OpenSpan | Entry, week: Week) -> str:
    """Return the classes that put a block on the grid, which begins with the week's first row (see week_rows.css)."""
    return f"at-{block.row - week.first_row} for-{block.rows}"


@register.inclusion_tag("bookings/teaching/_week_entry.html")
def week_entry(entry: Entry) -> dict[str, Any]:
    """Show a booking of the week: whose it is, what, and how it stands unless it is simply booked."""
    booking = entry.booking
    return {"entry": entry, "booking": booking, "kind": _KINDS.get(booking.status, "over"), "label": _label(booking)}


def _label(booking: Booking) -> str:
    if booking.waits_for_tutor:
        return _("to answer")
    if booking.waits_for_student:
        return _("proposed")
    if booking.status == Booking.Status.ACCEPTED:
        return _("accepted, to be paid")
    if booking.status == Booking.Status.HELD:
        return _("being paid")
    return "" if booking.is_paid else str(booking.get_status_display())
