"""What to offer whoever could not have a time: the free times closest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from bookings.availability import look_around
from bookings.models import Booking, StudentLink
from bookings.times import During

MOST_TIMES = 3  # for each session


@dataclass(frozen=True)
class Nearest:
    """A session that could not be had, and the free times closest to it, in the order of time (UTC).

    `for_whom` is the reference of the leave by which its payer books for its student; empty for oneself.
    """

    booking: Booking
    times: Sequence[During]
    for_whom: str = ""

    @property
    def is_listed(self) -> bool:
        """True while the tutor takes bookings."""
        tutor = self.booking.tutor
        return tutor.is_approved and not tutor.is_paused and tutor.user.is_active

    @property
    def all_times(self) -> str:
        """Where all open times are: at the tutor's, or at the others' if this one takes no bookings now."""
        if not self.is_listed:
            return reverse("bookings:tutor_list")
        query = {"type": self.booking.session_type.slug, **({"for": self.for_whom} if self.for_whom else {})}
        return f"{self.booking.tutor.get_absolute_url()}?{urlencode(query)}"

    def address_of(self, starts_at: datetime) -> str:
        """Return where a start can be taken with one press, also after logging in."""
        return f"{self.all_times}&{urlencode({'slot': starts_at.isoformat().replace('+00:00', 'Z')})}"


def nearest_times(bookings: Sequence[Booking], *, most: int = MOST_TIMES) -> list[Nearest]:
    """Return what is free near each of these bookings of one payer, of what is still sold and may be booked for them.

    Wants the bookings `with_people`. Two queries, however many they are.
    """
    if not bookings:
        return []
    leaves = _leaves(bookings)
    for booking in bookings:
        booking.session_type.tutor = booking.tutor  # loaded once, with its person
    empty = [Nearest(one, (), leaves.get(one.student_id, "")) for one in bookings]
    may_have = [one.booking for one in empty if one.is_listed and _is_on_sale(one.booking, leaves)]
    wishes = [(booking.session_type, booking.starts_at, booking.student_id) for booking in may_have]
    around = look_around(wishes, most=most)
    found = {booking.pk: free.nearest for booking, free in zip(may_have, around, strict=True)}
    return [replace(one, times=found.get(one.booking.pk, ())) for one in empty]


def _is_on_sale(booking: Booking, leaves: Mapping[int, str]) -> bool:
    return booking.session_type.is_active and booking.student_id in leaves


def _leaves(bookings: Sequence[Booking]) -> dict[int, str]:
    """Return by the student's key the leave to book for them; the payer needs none."""
    payer = bookings[0].order.payer_id
    standing = StudentLink.objects.standing().filter(payer=payer)
    return {payer: ""} | {link.student_id: link.reference for link in standing if link.student_id is not None}
