"""How an order stands, as its payer should read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Prefetch, Q, prefetch_related_objects

from bookings.digests import digest
from bookings.models import Booking, Change, Order
from bookings.money import Money
from payments.happenings import Happening, tell_happenings
from payments.models import Dispute, Payment, Refund


class State(StrEnum):
    ASKED = "asked"  # the tutor, or the student, has yet to agree to the time
    WAITING = "waiting"  # to be paid until the deadline; nothing has been tried yet
    UNDERWAY = "underway"  # a payment page is open, or was used
    FAILED = "failed"  # the last try was refused, or broken off
    NO_PAGE = "no_page"  # the last try got no payment page
    LAPSED = "lapsed"  # the last payment page is over, the order is not
    PAID = "paid"
    PARTLY = "partly"  # paid too late for some of its times: the others are booked, the rest goes back
    CALLED_OFF = "called_off"  # paid, and none of its sessions stands any more
    DISPUTED = "disputed"  # the payer's bank asks for the money back
    TAKEN = "taken"  # paid, and the payer's bank has taken money back: the sessions stand until a person decides
    CHECKING = "checking"  # the deadline is over, but an attempt may still turn out to be paid
    EXPIRED = "expired"
    UNANSWERED = "unanswered"  # nobody agreed to the time before its deadline
    DECLINED = "declined"  # the tutor said no
    CANCELLED = "cancelled"
    RETURNED = "returned"  # money came for an order that could not be paid any more, and goes back
    REVIEW = "review"  # money came that does not fit: a person looks at it


MOST_TAKEN_AGAIN = 5  # times that are looked up on one page
TO_PAY = (State.WAITING, State.UNDERWAY, State.FAILED, State.NO_PAGE, State.LAPSED)


@dataclass(frozen=True)
class Story:
    """An order with its sessions, its attempts (newest first) and the money on its way back."""

    order: Order
    bookings: Sequence[Booking]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    changes: Sequence[Change]
    now: datetime

    @property
    def state(self) -> State:
        if self.order.disputed_at is not None:
            return State.DISPUTED
        if self.order.is_paid:
            return self._state_of_paid()
        if any(payment.status == Payment.Status.NEEDS_REVIEW for payment in self.payments):
            return State.REVIEW
        if self.order.placed_at is None and self.is_in_time:
            return State.ASKED
        return self._state_of_last_try() if self.is_in_time else self._state_of_unpaid()

    def _state_of_paid(self) -> State:
        if self.is_called_off:
            return State.CALLED_OFF
        if self.is_taken_back:
            return State.TAKEN
        return State.PARTLY if self.lost else State.PAID

    def _state_of_last_try(self) -> State:
        last = self.last_try
        if last is None or last.has_money:
            return State.WAITING
        if not last.checkout_url and last.note:
            return State.NO_PAGE
        if last.status == Payment.Status.FAILED:
            return State.FAILED
        return State.UNDERWAY if last.is_pending and last.superseded_at is None else State.LAPSED

    def _state_of_unpaid(self) -> State:
        if self.refunds:
            return State.RETURNED
        if self.order.status == Order.Status.CANCELLED:
            is_declined = any(booking.status == Booking.Status.DECLINED for booking in self.bookings)
            return State.DECLINED if is_declined else State.CANCELLED
        if self.order.placed_at is None:
            return State.UNANSWERED
        under_way = any(payment.is_pending and payment.next_check_at for payment in self.payments)
        return State.CHECKING if under_way else State.EXPIRED

    @property
    def is_in_time(self) -> bool:
        """True until the order's deadline, to be paid or to be answered."""
        deadline = self.order.expires_at
        return self.order.is_awaiting_payment and deadline is not None and self.now < deadline

    @property
    def is_all_back(self) -> bool:
        """True when whatever was to go back has arrived."""
        return all(refund.has_arrived for refund in self.refunds)

    @property
    def is_called_off(self) -> bool:
        """True when none of its sessions stands any more."""
        return bool(self.bookings) and all(one.status == Booking.Status.CANCELLED for one in self.bookings)

    @property
    def open_page(self) -> Payment | None:
        """The attempt whose page the payer can go back to."""
        return next((payment for payment in self.payments if payment.page_is_open(self.now)), None)

    @property
    def last_try(self) -> Payment | None:
        """The payer's newest attempt."""
        return self.payments[0] if self.payments else None

    @property
    def begun(self) -> list[Payment]:
        """The attempts on whose page a payment was begun that is not known to be over: its money may be on its way."""
        return [payment for payment in self.payments if payment.is_begun(self.now)]

    @property
    def has_money(self) -> bool:
        """True when money came for it, whatever became of that."""
        return any(payment.succeeded_at is not None or payment.received is not None for payment in self.payments)

    @property
    def taken_back(self) -> Money:
        """What the payer's bank has taken back."""
        lost = [one.money for one in self.disputes if one.status == Dispute.Status.LOST]
        return sum((one for one in lost if one.currency == self.order.currency), Money(0, self.order.currency))

    @property
    def is_taken_back(self) -> bool:
        """True when the bank has taken money that the order needs; a second payment may have been meant."""
        if self.taken_back.is_zero:
            return False
        came = [payment.money_held for payment in self.payments if payment.has_money]
        here = sum((one for one in came if one.currency == self.order.currency), Money(0, self.order.currency))
        never_counted = [one.money for one in self.refunds if one.booking_id is None and one.reason == Refund.Reason.TWICE]
        spare = sum((one for one in never_counted if one.currency == self.order.currency), Money(0, self.order.currency))
        return (here - self.taken_back - spare).amount < self.order.total

    @property
    def lost(self) -> list[Booking]:
        """The sessions whose times were given up, and were sold again if money came all the same."""
        return [booking for booking in self.bookings if booking.status == Booking.Status.EXPIRED]

    @property
    def to_take_again(self) -> list[Booking]:
        """The sessions that were ordered, not called off, and are not booked; none that would have begun by now."""
        if self.state not in (State.PARTLY, State.RETURNED, State.EXPIRED):
            return []
        lost = [booking for booking in self.lost if booking.starts_at > self.now]
        return lost[:MOST_TAKEN_AGAIN]

    @property
    def can_be_paid(self) -> bool:
        return self.state in TO_PAY

    @property
    def is_settled(self) -> bool:
        """True when nothing will change while the payer looks on."""
        return not self.can_be_paid and self.state is not State.CHECKING

    @property
    def asks_every(self) -> int:
        """How often the page asks for news, in seconds; 0 when there will be none."""
        if not self.is_settled:
            return 2
        slow = self.state in (State.REVIEW, State.ASKED, State.DISPUTED) or any(refund.is_open for refund in self.refunds)
        return 30 if slow else 0

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
            disputes=self.disputes,
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
        parts += [f"{dispute.pk}{dispute.status}" for dispute in self.disputes]
        parts += [f"{booking.reference}{booking.status}" for booking in self.bookings]
        parts += [f"{payment.reference}begun" for payment in self.begun]
        parts.append(self.open_page.reference if self.open_page else "")
        return digest(*parts)


def tell_story(order: Order, *, now: datetime) -> Story:
    """Load an order's story in a fixed number of queries."""
    (story,) = tell_stories([order], now=now)
    changes = Change.objects.filter(Q(order=order) | Q(booking__order=order)).select_related("who").order_by("at", "pk")
    return replace(story, changes=list(changes))


def tell_stories(orders: Iterable[Order], *, now: datetime) -> list[Story]:
    """Load the stories of several orders in four queries, without their changes."""
    orders = list(orders)
    bookings = Booking.objects.select_related("tutor__user", "student", "session_type", "refunded").order_by("during", "pk")
    standing = Refund.objects.standing().select_related("payment", "booking").order_by("pk")
    prefetch_related_objects(
        orders,
        Prefetch("bookings", bookings, "told_bookings"),
        Prefetch("payments", Payment.objects.order_by("-number"), "told_payments"),
        Prefetch("told_payments__refunds", standing, "told_refunds"),
        Prefetch("told_payments__disputes", Dispute.objects.order_by("pk"), "told_disputes"),
    )
    return [_story_of(order, now) for order in orders]


def _story_of(order: Any, now: datetime) -> Story:
    payments = order.told_payments
    refunds = [refund for payment in payments for refund in payment.told_refunds]
    return Story(
        order=order,
        bookings=_without_put_back(order, order.told_bookings),
        payments=payments,
        refunds=sorted(refunds, key=lambda refund: refund.pk),
        disputes=[dispute for payment in payments for dispute in payment.told_disputes],
        changes=[],
        now=now,
    )


def _without_put_back(order: Order, bookings: list[Booking]) -> list[Booking]:
    """Leave out times that were taken out of the cart: they were never part of the order."""
    put_back = [b for b in bookings if b.status == Booking.Status.CANCELLED and b.cancelled_at is None]
    return [booking for booking in bookings if booking not in put_back or order.status == Order.Status.CANCELLED]
