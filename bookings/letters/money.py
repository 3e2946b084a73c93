"""What is said of money on its way back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from bookings.letters.telling import Telling


def say_money_back(told: Telling) -> list[str]:
    """Say to the payer, and to nobody else, what comes back of what was paid for the session."""
    booking = told.booking
    if not told.is_for_payer or booking.refund is None or booking.net.is_zero:
        return []
    words = {"money": booking.money_back, "paid": booking.net}
    if booking.money_back.is_zero:
        return [_("Nothing of the %(paid)s comes back.") % words]
    if booking.money_back == booking.net:
        return [_("All of it comes back to you: %(money)s. You need not do anything.") % words]
    return [_("Of the %(paid)s, %(money)s comes back to you. You need not do anything.") % words]
