"""Times that were kept too long: which they are, and taking them again with one click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from bookings.errors import DomainError
from bookings.holds import HOLDS_AT_ONCE, place_hold
from bookings.models import Booking, Order, User


@dataclass(frozen=True)
class Cart:
    """What a payer sees in their cart at one moment: times still kept, and those kept too long (not begun yet)."""

    kept: Sequence[Booking]
    lapsed: Sequence[Booking]

    @property
    def first_to_go(self) -> datetime | None:
        """When the first of the kept times is released."""
        return min((hold.held_until for hold in self.kept if hold.held_until), default=None)


@dataclass(frozen=True)
class Retaken:
    """What became of a cart's lapsed times: `taken` are the new holds, `gone` the old ones that could not be had again."""

    taken: Sequence[Booking]
    gone: Sequence[Booking]


def read_cart(payer: User) -> Cart:
    """Return what is in this person's cart, in the order of time. Takes one query.

    A lapsed time that is kept again is not told twice; of old ones only the newest are remembered.
    """
    in_cart = Booking.objects.filter(order__payer=payer, order__status=Order.Status.CART).with_people()
    either = [Booking.Status.HELD, Booking.Status.EXPIRED]
    holds = list(in_cart.filter(status__in=either, during__startswith__gt=timezone.now()).order_by("-pk"))
    kept = [hold for hold in holds if hold.is_hold_open]
    seen = {_wish_of(hold) for hold in kept}
    lapsed = []
    for hold in holds:
        if not hold.is_hold_open and _wish_of(hold) not in seen:
            seen.add(_wish_of(hold))
            lapsed.append(hold)
    return Cart(_in_time(kept), _in_time(lapsed[:HOLDS_AT_ONCE]))


def take_again(payer: User) -> Retaken:
    """Hold every lapsed time of the cart that is still to be had, each for HOLD_MINUTES from now.

    Each is a transaction of its own: the tutors are locked one by one, in whatever order, and one that is gone
    undoes no other. A second call finds them kept and changes nothing.
    """
    taken, gone = [], []
    for hold in read_cart(payer).lapsed:
        try:
            taken.append(_take(hold, payer))
        except DomainError:
            gone.append(hold)
    return Retaken(taken, gone)


def is_sold(hold: Booking) -> bool:
    """True while what was held can be held again: it is on sale, its tutor listed, and not one who approves first."""
    tutor = hold.tutor
    listed = tutor.is_approved and not tutor.is_paused and tutor.user.is_active
    return hold.session_type.is_active and listed and not tutor.approves_first


def _take(hold: Booking, payer: User) -> Booking:
    if not is_sold(hold):
        raise DomainError
    hold.session_type.tutor = hold.tutor
    return place_hold(hold.session_type, starts_at=hold.starts_at, student=hold.student, payer=payer)


def _wish_of(hold: Booking) -> tuple[int, datetime, int]:
    return (hold.session_type_id, hold.starts_at, hold.student_id)


def _in_time(holds: list[Booking]) -> list[Booking]:
    return sorted(holds, key=lambda hold: (hold.starts_at, hold.pk))
