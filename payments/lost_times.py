"""What the payer of a late order is told beside the money: what is booked all the same, and what is free near the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.letters.telling import name_of, role_of, say_instant, say_session, say_time
from bookings.models import Booking, Order
from bookings.nearest import Nearest, nearest_times
from payments.models import Refund

MOST_SESSIONS = 10  # of one order
LATELY = timedelta(days=1)


@dataclass(frozen=True)
class Offer:
    """A free time in a letter: when, and where it can be taken."""

    when: str
    address: str


@dataclass(frozen=True)
class LostTime:
    """A session that its payer could not have, in words for a letter."""

    session: str
    offers: Sequence[Offer]
    all_times: Offer


def lost_sessions(order: Order) -> list[Booking]:
    """Return the sessions of an order that were released unpaid, or had gone before the money came; none of long ago."""
    lost = order.bookings.filter(status=Booking.Status.EXPIRED, during__endswith__gt=timezone.now() - LATELY)
    return list(lost.with_people().order_by("during", "pk")[:MOST_SESSIONS])


def tell_lost_times(refund: Refund) -> list[LostTime]:
    """Return the times that this refund is for, with the nearest free ones, in the reader's language and zone."""
    if refund.reason != Refund.Reason.LATE:
        return []
    lost = lost_sessions(refund.payment.order)
    asked = [booking for booking in lost if refund.booking_id in (None, booking.pk)]
    return [_tell(near) for near in nearest_times(asked)]


def tell_kept_times(refund: Refund) -> list[str]:
    """Return the other sessions of the order, which are booked all the same; none where the whole of it goes back."""
    if refund.reason != Refund.Reason.LATE or refund.booking_id is None:
        return []
    kept = refund.payment.order.bookings.paid().with_people().order_by("during", "pk")
    return [_say(booking) for booking in kept]


def _tell(near: Nearest) -> LostTime:
    booking = near.booking
    offers = [Offer(say_instant(slot.start), settings.SITE_URL + near.address_of(slot.start)) for slot in near.times]
    tutor = _("All times of %(tutor)s") % {"tutor": name_of(booking.tutor.user)}
    all_times = Offer(tutor if near.is_listed else _("See all tutors"), settings.SITE_URL + near.all_times)
    return LostTime(_say(booking), offers, all_times)


def _say(booking: Booking) -> str:
    words = {"session": say_session(booking, role_of(booking.order.payer, booking)), "when": say_time(booking.time)}
    return _("%(session)s: %(when)s") % words
