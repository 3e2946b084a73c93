"""Whatever went back, was taken or was given up, in whatever order: sessions share what is left, and never earn more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.errors import DomainError
from bookings.models import Booking, Order, Tutor, User
from bookings.money import Money
from payments.disputes import record_disputes
from payments.earnings import settle_earnings
from payments.gateways.base import DisputeReport, DisputeState, RefundReport, RefundState
from payments.models import Payment, Refund
from payments.proofs import prove_books
from payments.receipt_numbers import number_receipts
from payments.refund_decisions import drop_refund, record_refund_sent_by_hand, try_refund_again
from payments.refund_steps import fail_refund, finish_refund
from payments.refunds import owe_for_booking, refund_payment, refundable_sessions
from payments.settlement import record_report
from payments.vendor_refunds import record_refunds
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db
Step = tuple[str, int, int]


class Story:
    """An order of some sessions that are over, paid once; then whatever a step says, as far as it is allowed."""

    def __init__(self, prices: list[int], *, tutor: Tutor, student: User, staff: User) -> None:
        self.order, self.staff = make_order(student, total=sum(prices)), staff
        for day, price in enumerate(prices, 1):
            make_booking(student, tutor, order=self.order, price=price, during=an_hour(tomorrow(days=day)))
        self._pay()
        self.order.bookings.update(status=Booking.Status.COMPLETED)

    def take(self, step: Step) -> None:
        """Take a step: what, how much of it in percent, and of which; one that is refused changes nothing."""
        what, percent, which = step
        payments = list(self.order.payments.order_by("pk"))
        payment = payments[which % len(payments)] if what in AT_THE_BANK else payments[0]
        money = Money(max(1, payment.amount * percent // 100), "IDR")
        with suppress(DomainError), transaction.atomic():
            if what in DISPUTES:
                record_disputes(payment, [DisputeReport("dp_1", DISPUTES[what], money, status=what)])
            elif what in MOVES:
                self._move(which, MOVES[what])
            else:
                steps: dict[str, Callable[[Payment, Money, int], None]] = {
                    "pay again": self._pay,
                    "refund": self._refund,
                    "for a session": self._refund_session,
                    "there": self._send_back_there,
                    "cancel": self._cancel,
                }
                steps[what](payment, money, which)

    def _refund(self, payment: Payment, money: Money, _which: int) -> None:
        refund_payment(payment, amount=money, who=self.staff, why="so")

    def _pay(self, *_of: object) -> None:
        payment = make_payment(self.order, number=self.order.payments.count() + 1, amount=self.order.total)
        record_report(payment, report_of(payment, external_id=f"T-{payment.pk}"))

    def _refund_session(self, payment: Payment, money: Money, which: int) -> None:
        for booking in refundable_sessions(payment)[which : which + 1]:
            part = Money(min(money.amount, booking.net.amount), "IDR")
            refund_payment(payment, amount=part, who=self.staff, why="so", booking=booking)

    def _send_back_there(self, payment: Payment, money: Money, which: int) -> None:
        number = f"re_{Refund.objects.count()}_{which}"
        record_refunds(payment, [RefundReport(number, RefundState.SUCCEEDED, money, status="sent")])

    def _cancel(self, _payment: Payment, money: Money, which: int) -> None:
        held = self.order.bookings.filter(status=Booking.Status.COMPLETED, refund=None).order_by("pk")
        for booking in held[which : which + 1]:
            booking.status, booking.cancelled_at = Booking.Status.CANCELLED, timezone.now()
            booking.refund = min(money.amount, booking.net.amount)
            booking.save(update_fields=["status", "cancelled_at", "refund"])
            owe_for_booking(booking)

    def _move(self, which: int, step: Callable[[Refund, User], object]) -> None:
        for refund in Refund.objects.filter(payment__order=self.order).order_by("pk")[which : which + 1]:
            step(refund, self.staff)


def fail(refund: Refund, _who: User) -> None:
    if refund.is_under_way or refund.has_arrived:
        fail_refund(refund, detail="no funds")


def arrive(refund: Refund, _who: User) -> None:
    if refund.is_under_way:
        finish_refund(refund)


def drop(refund: Refund, who: User) -> None:
    drop_refund(refund, who=who, why="so")


def again(refund: Refund, who: User) -> None:
    try_refund_again(refund, who=who)


def by_hand(refund: Refund, who: User) -> None:
    record_refund_sent_by_hand(refund, who=who, note="by bank transfer")


def kept(order: Order) -> int:
    """Return what is left of the money that paid an order, reckoned anew from the rows."""
    left = 0
    for payment in order.payments.filter(succeeded_at__isnull=False):
        refunds = list(payment.refunds.all())
        if any(refund.is_of_whole for refund in refunds):
            continue
        back = sum(refund.amount for refund in refunds if refund.status != Refund.Status.FAILED)
        taken = sum(dispute.amount for dispute in payment.disputes.filter(status="lost"))
        left += max(0, payment.money_held.amount - back - taken)
    return left


def earned(order: Order) -> list[int]:
    return [sum(line.gross for line in booking.earnings.all()) for booking in order.bookings.order_by("pk")]


DISPUTES = {"lose": DisputeState.LOST, "open": DisputeState.OPEN, "win": DisputeState.WON}
MOVES = {"fail": fail, "arrive": arrive, "drop": drop, "again": again, "by hand": by_hand}
AT_THE_BANK = ("there", *DISPUTES)
STEPS = ["pay again", "refund", "for a session", "cancel", *AT_THE_BANK, *MOVES]
SEQUENCES = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 100), st.integers(0, 5)), min_size=1, max_size=8)
PRICES = st.lists(st.integers(1, 1_000), min_size=1, max_size=3)


@given(prices=PRICES, steps=SEQUENCES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sessions_never_earn_more_than_is_left(ada: Tutor, sam: User, root: User, prices: list[int], steps: list[Step]):
    with transaction.atomic():
        story = Story(prices, tutor=ada, student=sam, staff=root)
        settle_earnings(story.order.pk)
        assert earned(story.order) == prices
        for step in steps:
            story.take(step)
            settle_earnings(story.order.pk)
            assert all(0 <= gross <= price for gross, price in zip(earned(story.order), prices, strict=True))
            assert sum(earned(story.order)) <= kept(story.order)
        number_receipts()
        assert {finding.proof for finding in prove_books(before=timezone.now())} <= {"refund_of_session"}
        transaction.set_rollback(True)


@given(prices=PRICES, lost=st.integers(1, 100))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_bank_took_is_shared_in_proportion(ada: Tutor, sam: User, root: User, prices: list[int], lost: int):
    with transaction.atomic():
        story = Story(prices, tutor=ada, student=sam, staff=root)
        total = sum(prices)
        gone = max(1, total * lost // 100)
        story.take(("lose", lost, 0))
        settle_earnings(story.order.pk)
        assert sum(earned(story.order)) == total - gone
        exact = [price - gone * price / total for price in prices]
        assert all(abs(gross - share) < 1 for gross, share in zip(earned(story.order), exact, strict=True))
        transaction.set_rollback(True)
