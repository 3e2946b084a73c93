"""Tell people what happened: write it down in the transaction of the change; mail and pages are made from the rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bookings.models import Booking, Notice, Order, User


def tell(
    fact: Notice.Fact,
    *,
    to: Iterable[User],
    booking: Booking | None = None,
    order: Order | None = None,
    key: str = "",
    **details: Any,
) -> list[Notice]:
    """Note that these people are to be told of a fact, each once: the same fact and key again adds nothing.

    The key defaults to the booking in its present version, or to the order. `details` are plain JSON values.
    Call it in the transaction of the change. Returns the notices that are new.
    """
    key = key or (f"{booking.reference}:{booking.sequence}" if booking else order.reference if order else "")
    told = []
    for person in dict.fromkeys(to):
        rows = {"booking": booking, "order": order, "details": details}
        notice, is_new = Notice.objects.get_or_create(to=person, fact=fact, key=key, defaults=rows)
        if is_new:
            told.append(notice)
    return told


def parties_of(booking: Booking) -> list[User]:
    """Return who is concerned by a booking: student, tutor and payer, each once. Wants the booking `with_people`."""
    return list(dict.fromkeys([booking.student, booking.tutor.user, booking.order.payer]))
