"""A parent of the demo who books for a child, and an invitation that nobody has answered yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from bookings.availability import open_slots
from bookings.families import accept_invitation, invite_student
from bookings.holds import kept_unpaid, place_hold
from bookings.models import Booking, SessionType, StudentLink, User
from bookings.orders import place_order
from bookings.times import During
from config.demo.people import Cast
from config.demo.sessions import pay

GRANDMOTHER = "grandmother@example.com"


def make_family(cast: Cast) -> Booking | None:
    """Return a paid session that the parent booked for the child; make the leave and the session if they are missing.

    None when somebody has ended the leave, or the parent is about to pay for something: that stays as it is.
    """
    _make_leave(cast)
    found = Booking.objects.paid().filter(student=cast.child, order__payer=cast.parent).order_by("during")
    ahead = found.filter(during__startswith__gt=timezone.now()).first()
    if ahead is not None:
        return ahead
    leave = StudentLink.objects.between(payer=cast.parent.pk, student=cast.child.pk)
    if not leave.exists() or kept_unpaid(cast.parent, now=timezone.now()).exists():
        return None
    session_type = cast.maths.session_types.get(slug="maths-lesson")
    hold = place_hold(session_type, starts_at=_first_open(session_type, cast.child), student=cast.child, payer=cast.parent)
    return pay(place_order(hold.order), at=timezone.now()).bookings.get(pk=hold.pk)


def _make_leave(cast: Cast) -> None:
    if not StudentLink.objects.filter(payer=cast.parent).exists():
        accept_invitation(invite_student(cast.parent, name="Raka", email=cast.child.email), person=cast.child)
        invite_student(cast.parent, name="Nenek", email=GRANDMOTHER)


def _first_open(session_type: SessionType, student: User) -> datetime:
    now = timezone.now()
    within = During(now + timedelta(days=1), now + timedelta(days=21))
    return open_slots(session_type, within=within, student=student)[0].start
