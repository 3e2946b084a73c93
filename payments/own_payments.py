"""What a person has paid: order by order, year by year. Questions only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from bookings.models import Order, User
from bookings.money import Money
from bookings.times import day_bounds
from payments.gateways import listed_gateways
from payments.models import Payment
from payments.stories import Story, tell_stories


@dataclass(frozen=True)
class OwnOrder:
    """An order in a list: its story, when it was paid (or placed), and the name of the way it was paid."""

    story: Story
    at: datetime
    way: str

    @property
    def order(self) -> Order:
        return self.story.order

    @property
    def what(self) -> str:
        """What the order is for; more than one session: see `others`."""
        return self.story.bookings[0].name if self.story.bookings else ""

    @property
    def others(self) -> int:
        return max(0, len(self.story.bookings) - 1)


@dataclass(frozen=True)
class YearTotal:
    """What was received of a person in a year in one currency, and what of that went back or is to."""

    received: Money
    back: Money


def orders_with_money(payer: User) -> QuerySet[Any]:
    """Return the orders that this person paid or tried to pay, the latest first, each with `at`."""
    tried = Payment.objects.filter(order=OuterRef("pk"))
    placed = Order.objects.filter(payer=payer, placed_at__isnull=False).exclude(status=Order.Status.CART)
    placed = placed.filter(Q(paid_at__isnull=False) | Exists(tried))
    return placed.annotate(at=Coalesce("paid_at", "placed_at")).order_by("-at", "-pk")


def years_of(orders: QuerySet[Any], zone: ZoneInfo) -> list[int]:
    """Return the years of the reader's calendar in which there is something to list, the latest first."""
    return [moment.year for moment in orders.datetimes("at", "year", order="DESC", tzinfo=zone)]


def in_year(orders: QuerySet[Any], year: int, zone: ZoneInfo) -> QuerySet[Any]:
    """Keep the orders of one year of the reader's calendar."""
    during = _bounds(year, zone)
    return orders.filter(at__gte=during[0], at__lt=during[1])


def totals_of(payer: User, year: int | None, zone: ZoneInfo) -> list[YearTotal]:
    """Return what was received, and what went back of it, by currency; `year` None: ever."""
    received = Payment.objects.filter(order__payer=payer, status=Payment.Status.SUCCEEDED)
    if year is not None:
        start, end = _bounds(year, zone)
        received = received.filter(succeeded_at__gte=start, succeeded_at__lt=end)
    came_in = Coalesce(NullIf("received_currency", Value("")), "currency")  # not always in what was asked for
    sums = received.values(came_in=came_in).annotate(
        taken=Sum(Coalesce("received_amount", "amount", output_field=BigIntegerField())), back=Sum("refunded_amount")
    )
    return [
        YearTotal(Money(int(one["taken"]), one["came_in"]), Money(int(one["back"]), one["came_in"]))
        for one in sums.order_by("came_in")
    ]


def load_rows(orders: Iterable[Order], *, now: datetime) -> list[OwnOrder]:
    """Load what a list shows of these orders, in a fixed number of queries."""
    labels = {gateway.name: str(gateway.label) for gateway in listed_gateways()}
    stories = tell_stories(orders, now=now)
    return [
        OwnOrder(story, story.order.paid_at or story.order.placed_at or now, _way_of(story, labels)) for story in stories
    ]


def _way_of(story: Story, labels: dict[str, str]) -> str:
    received = [payment for payment in story.payments if payment.status == Payment.Status.SUCCEEDED]
    payment = received[-1] if received else story.last_try  # the first that was received paid the order
    return labels.get(payment.gateway, payment.gateway) if payment else ""


def _bounds(year: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    during = day_bounds(date(year, 1, 1), date(year, 12, 31), zone)
    return during.start, during.end
