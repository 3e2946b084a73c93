"""What a tutor earned in a month: what was paid, what went back, what the site keeps, what remains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BooleanField, Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from bookings.models import Booking, Tutor
from bookings.models.bookings import BookingQuerySet
from bookings.money import Money
from bookings.times import During, day_bounds


@dataclass(frozen=True)
class Earnings:
    """The sums of some sessions in one currency, in minor units."""

    currency: str
    sessions: int
    paid_amount: int
    back_amount: int
    fee_percent: int

    @property
    def paid(self) -> Money:
        """What payers paid, discounts taken off."""
        return Money(self.paid_amount, self.currency)

    @property
    def back(self) -> Money:
        """What goes back to payers, as decided."""
        return Money(self.back_amount, self.currency)

    @property
    def stays(self) -> Money:
        return self.paid - self.back

    @property
    def fee(self) -> Money:
        """What the site keeps of what stays; half a minor unit is rounded up."""
        return Money((self.stays.amount * self.fee_percent + 50) // 100, self.currency)

    @property
    def remains(self) -> Money:
        return self.stays - self.fee


@dataclass(frozen=True)
class MonthEarnings:
    """A month's sessions by currency: those that have begun, and those still to come."""

    so_far: list[Earnings]
    to_come: list[Earnings]


def earnings_of(tutor: Tutor, *, during: During, now: datetime) -> MonthEarnings:
    """Return what the sessions that start in this time (UTC) earn. One query, however many they are."""
    begun = Case(When(during__startswith__lte=now, then=Value(True)), default=Value(False), output_field=BooleanField())
    rows = (
        paid_for(tutor)
        .filter(during__startswith__gte=during.start, during__startswith__lt=during.end)
        .annotate(has_begun=begun)
        .order_by("currency")
        .values("currency", "has_begun")
        .annotate(count=Count("pk"), paid=Sum(F("price") - F("discount")), back=Sum(Coalesce("refund", 0)))
    )
    found = [(row["has_begun"], _earnings(row)) for row in rows]
    return MonthEarnings([one for begun, one in found if begun], [one for begun, one in found if not begun])


def paid_for(tutor: Tutor) -> BookingQuerySet:
    """Return the tutor's bookings that were paid for, whatever became of them since."""
    stands = Q(status__in=[Booking.Status.PAID, *Booking.OVER])
    called_off = Q(status=Booking.Status.CANCELLED, cancelled_at__isnull=False, order__paid_at__isnull=False)
    return Booking.objects.filter(stands | called_off, tutor=tutor)


def month_bounds(month: date, zone: ZoneInfo) -> During:
    """Return the whole month of that date, by the clock of the zone."""
    first = month.replace(day=1)
    return day_bounds(first, month_after(first) - timedelta(days=1), zone)


def month_after(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def _earnings(row: Mapping[str, Any]) -> Earnings:
    return Earnings(
        currency=row["currency"],
        sessions=row["count"],
        paid_amount=row["paid"],
        back_amount=row["back"],
        fee_percent=settings.PLATFORM_FEE_PERCENT,
    )
