"""Which of a person's bookings stand in which list: what is coming, what is over, what came to nothing. Questions only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Prefetch, Q, QuerySet, Value, When

from bookings.models import Booking, Order, StudentLink, User
from bookings.models.bookings import BookingQuerySet
from bookings.retaking import Cart, read_cart

_Status = Booking.Status
_OVER = [_Status.COMPLETED, _Status.NO_SHOW_STUDENT, _Status.NO_SHOW_TUTOR]
_ENDED = [_Status.EXPIRED, _Status.DECLINED, _Status.CANCELLED]

MOST_UPCOMING, MOST_PAST = 5, 3
LATELY = timedelta(days=30)  # what came to nothing before then is no news


def coming(bookings: BookingQuerySet, *, now: datetime) -> BookingQuerySet:
    """What will take place or waits for somebody, first what waits for payment."""
    kept, will_be = Q(status__in=Booking.KEPT, held_until__gt=now), Q(status=_Status.PAID, during__endswith__gt=now)
    to_pay = When(status__in=[_Status.HELD, _Status.ACCEPTED], then=Value(0))
    waiting = Case(to_pay, default=Value(1), output_field=IntegerField())
    return _ordered(bookings).filter(kept | will_be).order_by(waiting, "during", "pk")


def past(bookings: BookingQuerySet, *, now: datetime) -> BookingQuerySet:
    """What is over, the latest first."""
    over = Q(status__in=_OVER) | Q(status=_Status.PAID, during__endswith__lte=now)
    return _ordered(bookings).filter(over).order_by("-during", "-pk")


def dropped(bookings: BookingQuerySet, *, now: datetime) -> BookingQuerySet:
    """What came to nothing, the latest first."""
    lapsed = Q(status__in=Booking.KEPT, held_until__lte=now)
    return _ordered(bookings).filter(Q(status__in=_ENDED) | lapsed).order_by("-during", "-pk")


@dataclass(frozen=True)
class Agenda:
    """What a student's or payer's home page shows. What they teach stands on pages of its own."""

    cart: Cart
    to_pay: Sequence[Order]
    to_answer: Sequence[Booking]
    asked: Sequence[Booking]
    next: Booking | None
    upcoming: Sequence[Booking]
    past: Sequence[Booking]
    dropped: Sequence[Booking]
    invitations: Sequence[StudentLink]

    @property
    def has_sessions(self) -> bool:
        """True when anything is booked, asked for, or has ever been."""
        lists = (self.to_pay, self.to_answer, self.asked, self.upcoming, self.past, self.dropped)
        return self.next is not None or any(lists)


def read_agenda(person: User, *, now: datetime) -> Agenda:
    """Return what this person has before them as student or payer. Takes 8 queries, however much it is."""
    mine = Booking.objects.of_learners(person).with_people()
    door_open = now - timedelta(minutes=settings.JOIN_CLOSES_MINUTES)
    paid = list(mine.paid().filter(during__endswith__gt=door_open).order_by("during", "pk")[: MOST_UPCOMING + 3])
    first = next((booking for booking in paid if booking.ends_at > now), paid[0] if paid else None)
    asked = list(mine.filter(status=_Status.REQUESTED, held_until__gt=now).order_by("held_until", "pk"))
    return Agenda(
        cart=read_cart(person),
        to_pay=list(_to_pay(person, now)),
        to_answer=[booking for booking in asked if booking.waits_for_student],
        asked=[booking for booking in asked if booking.waits_for_tutor],
        next=first,
        upcoming=[booking for booking in paid if booking != first and booking.ends_at > now][:MOST_UPCOMING],
        past=list(past(mine, now=now)[:MOST_PAST]),
        dropped=list(dropped(mine, now=now).filter(during__endswith__gt=now - LATELY)[:MOST_PAST]),
        invitations=list(StudentLink.objects.open(now).sent_to(person).select_related("payer")),
    )


def _to_pay(person: User, now: datetime) -> QuerySet[Any]:
    """Orders that this person can pay now, the most urgent first, each with its sessions."""
    sessions = Booking.objects.filter(status__in=[_Status.HELD, _Status.ACCEPTED]).with_people().order_by("during", "pk")
    orders = Order.objects.to_pay(now).filter(payer=person).order_by("expires_at", "pk")
    return orders.prefetch_related(Prefetch("bookings", queryset=sessions, to_attr="sessions"))


def _ordered(bookings: BookingQuerySet) -> BookingQuerySet:
    """Leave out carts, and times taken out of one: they were never bookings, and nobody cancelled them."""
    put_back = Q(status=_Status.CANCELLED, cancelled_at=None)
    return bookings.exclude(order__status=Order.Status.CART).exclude(put_back)
