"""How an order stands, as its payer should read it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q

from bookings.models import Booking, Change, Order
from bookings.money import Money
from payments.happenings import Happening, tell_happenings
from payments.models import Payment, Refund


class State(StrEnum):
    ASKED = "asked"  # the tutor, or the student, has yet to agree to the time
    WAITING = "waiting"  # to be paid until the deadline
    PAID = "paid"
    CHECKING = "checking"  # the deadline is over, but an attempt may still turn out to be paid
    EXPIRED = "expired"
    UNANSWERED = "unanswered"  # nobody agreed to the time before its deadline
    DECLINED = "declined"  # the tutor said no
    CANCELLED = "cancelled"
    REVIEW = "review"  # money came that does not fit: a person looks at it


@dataclass(frozen=True)
class Story:
    """An order with its sessions, its attempts (newest first) and the money on its way back."""

    order: Order
    bookings: Sequence[Booking]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    changes: Sequence[Change]
    now: datetime

    @property
    def state(self) -> State:
        if self.order.is_paid:
            return State.PAID
        if any(payment.status == Payment.Status.NEEDS_REVIEW for payment in self.payments):
            return State.REVIEW
        if self.order.status == Order.Status.CANCELLED:
            is_declined = any(booking.status == Booking.Status.DECLINED for booking in self.bookings)
            return State.DECLINED if is_declined else State.CANCELLED
        if self.order.placed_at is None:
            return State.ASKED if self.is_in_time else State.UNANSWERED
        if self.is_in_time:
            return State.WAITING
        under_way = any(payment.is_pending and payment.next_check_at for payment in self.payments)
        return State.CHECKING if under_way and not self.refunds else State.EXPIRED

    @property
    def is_in_time(self) -> bool:
        """True until the order's deadline, to be paid or to be answered."""
        deadline = self.order.expires_at
        return self.order.is_awaiting_payment and deadline is not None and self.now < deadline

    @property
    def is_called_off(self) -> bool:
        """True when none of its sessions stands any more."""
        return bool(self.bookings) and all(one.status == Booking.Status.CANCELLED for one in self.bookings)

    @property
    def open_page(self) -> Payment | None:
        """The attempt whose page the payer can go back to."""
        return next((payment for payment in self.payments if payment.page_is_open(self.now)), None)

    @property
    def is_settled(self) -> bool:
        """True when nothing will change while the payer looks on."""
        return self.state not in (State.WAITING, State.CHECKING)

    @property
    def last_try_failed(self) -> bool:
        """True when the payer's newest attempt was refused."""
        return bool(self.payments) and self.payments[0].status == Payment.Status.FAILED

    @property
    def money_back(self) -> Money:
        """What has gone back, or is on its way, of all that was paid."""
        sums = [refund.money for refund in self.refunds if refund.money.currency == self.order.currency]
        return sum(sums, Money(0, self.order.currency))

    @property
    def next_session(self) -> Booking | None:
        """The paid session that comes next, or is running."""
        return next((booking for booking in self.bookings if booking.is_paid and booking.ends_at > self.now), None)

    def happenings(self, ways: Mapping[str, str]) -> list[Happening]:
        """What happened so far, oldest first. `ways` are the names of the gateways."""
        return tell_happenings(
            self.order,
            bookings=self.bookings,
            payments=self.payments,
            refunds=self.refunds,
            changes=self.changes,
            ways=ways,
        )

    @property
    def version(self) -> str:
        """Changes with whatever the page shows, so that a page that is up to date need not be sent again."""
        parts = [
            self.state,
            *[f"{payment.reference}{payment.status}{bool(payment.checkout_url)}" for payment in self.payments],
        ]
        parts += [f"{refund.reference}{refund.status}" for refund in self.refunds]
        parts += [f"{booking.reference}{booking.status}" for booking in self.bookings]
        parts.append(self.open_page.reference if self.open_page else "")
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def tell_story(order: Order, *, now: datetime) -> Story:
    """Load an order's story in four queries."""
    bookings = order.bookings.select_related("tutor__user", "student").order_by("during", "pk")
    payments = list(order.payments.order_by("-number"))
    refunds = Refund.objects.filter(payment__order=order).select_related("payment", "booking").order_by("pk")
    changes = Change.objects.filter(Q(order=order) | Q(booking__order=order)).select_related("who").order_by("at", "pk")
    return Story(
        order=order,
        bookings=_without_put_back(order, list(bookings)),
        payments=payments,
        refunds=list(refunds),
        changes=list(changes),
        now=now,
    )


def _without_put_back(order: Order, bookings: list[Booking]) -> list[Booking]:
    """Leave out times that were taken out of the cart: they were never part of the order."""
    put_back = [b for b in bookings if b.status == Booking.Status.CANCELLED and b.cancelled_at is None]
    return [booking for booking in bookings if booking not in put_back or order.status == Order.Status.CANCELLED]
