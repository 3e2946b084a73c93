"""Who may: every page but the public ones is for people who have logged in (config.middleware.LoginMiddleware)."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from bookings.models import Booking, Tutor, User
from bookings.policies import Side


class PersonRequest(HttpRequest):
    """A request that has passed LoginMiddleware: its user is a person."""

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


def own_tutor(request: PersonRequest) -> Tutor:
    """Return the reader as a tutor. Raises Http404 for everybody who does not teach."""
    return get_object_or_404(Tutor.objects.select_related("user"), user=request.user)
