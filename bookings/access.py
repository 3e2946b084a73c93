"""Who may: every page but the public ones is for people who have logged in (LoginRequiredMiddleware)."""

from __future__ import annotations

from django.http import HttpRequest

from bookings.models import Booking, User
from bookings.policies import Side


class PersonRequest(HttpRequest):
    """A request that has passed LoginRequiredMiddleware: its user is a person."""

    user: User


def side_of(booking: Booking, who: User) -> Side | None:
    """Say for whom this person would change the booking; None for strangers. Wants the booking `with_people`.

    Whoever takes part in it has a part's rights and no more, even if they belong to the staff.
    """
    if who.pk == booking.tutor.user_id:
        return Side.TUTOR
    if who.pk in (booking.student_id, booking.order.payer_id):
        return Side.STUDENT
    return Side.STAFF if who.is_staff and who.has_perm("bookings.change_booking") else None
