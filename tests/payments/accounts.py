"""Lines of tutors' accounts, made as plainly as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.models import Booking, Tutor, User
from bookings.times import During
from payments.models import Earning
from tests.factories import make_booking, make_order

MARCH_2 = datetime(2026, 3, 2, 3, tzinfo=UTC)


def earn(student: User, tutor: Tutor, net: int = 150_000, *, at: datetime = MARCH_2, fee: int = 0, **fields: Any) -> Earning:
    """A session of an hour that is over, with its first line, due a week after it."""
    during = During(at, at + timedelta(hours=1))
    price = {"price": net + fee} if net + fee >= 0 else {}
    booking = fields.pop("booking", None) or make_booking(
        student,
        tutor,
        order=make_order(student, status="paid", total=max(0, net + fee)),
        status=Booking.Status.COMPLETED,
        during=during,
        currency=fields.get("currency", "IDR"),
        **price,
    )
    defaults = {"currency": "IDR", "fee_percent": 0, "due_at": during.end + timedelta(days=7)}
    return Earning.objects.create(booking=booking, tutor=tutor, gross=net + fee, fee=fee, net=net, **{**defaults, **fields})
