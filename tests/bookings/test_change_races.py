"""Moves, cancellations, holds, payments and the closing of sessions at the very same moment, in real threads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.completion import complete_over
from bookings.errors import DomainError, NotMovable, SlotTaken
from bookings.holds import place_hold
from bookings.models import Booking, Change, Notice, Order, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import expire_unpaid, mark_order_paid, place_order
from bookings.rescheduling import move_booking
from meetings.models import Meeting
from payments.gateways.base import Outcome as Word
from payments.gateways.base import PaymentReport
from payments.models import Payment, Refund
from payments.settlement import record_report
from tests.factories import an_hour, make_booking, make_payment, make_user, tomorrow
from tests.race import Outcome, race

pytestmark = pytest.mark.django_db(transaction=True)
Status = Booking.Status
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=3)
ALL, NOTHING = Money(150_000, "IDR"), Money(0, "IDR")
ROUNDS = 6


def paid_sessions(tutor: Tutor, number: int) -> list[Booking]:
    """Sessions of that many students, each at an hour of its own."""
    return [
        make_booking(make_user(), tutor, during=an_hour(tomorrow(one, days=3)), status=Status.PAID) for one in range(number)
    ]


def errors(outcomes: list[Outcome]) -> list[type | None]:
    return [type(outcome.error) if outcome.error else None for outcome in outcomes]


@pytest.mark.defect("IT-34", "TB-19")
def test_of_many_moves_to_one_slot_one_wins(ada: Tutor):
    bookings = paid_sessions(ada, 8)
    movers = [booking.student if number % 2 else ada.user for number, booking in enumerate(bookings)]

    outcomes = race(lambda n: move_booking(bookings[n], starts_at=NEW, who=movers[n], why="so"), threads=8)

    assert sorted(errors(outcomes), key=str) == sorted([None, *[SlotTaken] * 7], key=str)
    assert Booking.objects.filter(during__startswith=NEW).count() == 1
    assert Booking.objects.filter(sequence=1).count() == Change.objects.filter(what="time").count() == 1


def test_one_session_moved_by_student_and_tutor_at_once_ends_at_one_time(ada: Tutor, sam: User):
    for round_ in range(ROUNDS):
        booking = make_booking(sam, ada, during=an_hour(tomorrow(1, days=3 + round_)), status=Status.PAID)
        moves = [(sam, tomorrow(5, days=3 + round_)), (ada.user, tomorrow(8, days=3 + round_))]
        outcomes = race(lambda n: move_booking(booking, starts_at=moves[n][1], who=moves[n][0], why="so"), threads=2)  # noqa: B023
        assert errors(outcomes) == [None, None]
        booking.refresh_from_db()
        assert booking.starts_at in (moves[0][1], moves[1][1])
        assert (booking.sequence, booking.moves) == (2, 1)


def test_two_sessions_swap_places_or_neither_moves_onto_the_other(ada: Tutor):
    """Each wants the other's time: whatever the order, nobody waits for ever and nobody overlaps."""
    first, second = paid_sessions(ada, 2)
    starts = [second.starts_at, first.starts_at]
    pair = [first, second]
    outcomes = race(lambda n: move_booking(pair[n], starts_at=starts[n], who=ada.user, why="swap"), threads=2)
    assert errors(outcomes) == [SlotTaken, SlotTaken]


def test_move_against_hold_gives_the_slot_to_one(maths: SessionType, sam: User, kim: User):
    won = []
    for round_ in range(ROUNDS):
        wanted = tomorrow(15, days=3 + round_)
        booking = make_booking(sam, maths.tutor, during=an_hour(tomorrow(12, days=3 + round_)), status=Status.PAID)

        def work(number: int, booking: Booking = booking, wanted: Any = wanted) -> object:
            if number:
                return move_booking(booking, starts_at=wanted, who=sam)
            return place_hold(maths, starts_at=wanted, student=kim)

        outcomes = race(work, threads=2)
        assert sorted(errors(outcomes), key=str) == sorted([None, SlotTaken], key=str)
        won.append(outcomes[0].error is None)
        Booking.objects.filter(status=Status.HELD).update(status=Status.CANCELLED)


@pytest.mark.defect("TB-17", "IT-27")
def test_cancelled_by_many_at_once_is_cancelled_once(ada: Tutor, sam: User):
    booking = make_booking(sam, ada, during=an_hour(OLD), status=Status.PAID)
    payment = pay(booking.order)

    outcomes = race(lambda _n: cancel_booking(booking, who=sam, seen=ALL), threads=8)

    assert errors(outcomes) == [None] * 8
    booking.refresh_from_db()
    assert (booking.status, booking.refund, booking.sequence) == (Status.CANCELLED, 150_000, 1)
    assert Change.objects.filter(booking=booking).count() == 1
    assert [(one.payment, one.money, one.booking) for one in Refund.objects.all()] == [(payment, ALL, booking)]
    assert Notice.objects.filter(fact=Notice.Fact.CANCELLED).count() == 2


def test_cancel_against_move_ends_cancelled_with_all_told_in_order(ada: Tutor, sam: User):
    for round_ in range(ROUNDS):
        booking = make_booking(sam, ada, during=an_hour(tomorrow(9, days=3 + round_)), status=Status.PAID)

        def work(number: int, booking: Booking = booking, round_: int = round_) -> object:
            if number:
                return move_booking(booking, starts_at=tomorrow(15, days=3 + round_), who=ada.user, why="so")
            return cancel_booking(booking, who=sam, seen=ALL)

        cancelled, moved = errors(race(work, threads=2))
        booking.refresh_from_db()
        assert (cancelled, booking.status) == (None, Status.CANCELLED)
        assert moved in (None, NotMovable)
        assert booking.sequence == (2 if moved is None else 1)
        assert not Meeting.objects.filter(booking=booking, status__in=["waiting", "ready"]).exists()


def pay(order: Order) -> Payment:
    """The gateway's word has come for this order, whatever state it is in."""
    payment = make_payment(order)
    payment.mark_succeeded(at=order.paid_at or order.created_at, received=payment.money)
    payment.save()
    return payment


def test_cancel_against_payment_of_an_unpaid_order_loses_no_money(maths: SessionType, sam: User):
    """Paid before it was cancelled, the money is owed back; paid after that, the payer has changed their mind."""
    seen = set()
    for round_ in range(ROUNDS):
        order = place_order(place_hold(maths, starts_at=tomorrow(9, days=2 + round_), student=sam).order)
        booking, payment = order.bookings.get(), make_payment(order)
        paid = PaymentReport(payment.reference, Word.PAID, money=payment.money, external_id=payment.reference)

        def work(number: int, booking: Booking = booking, payment: Payment = payment, paid: Any = paid) -> object:
            return record_report(payment, paid) if number else cancel_booking(booking, who=sam, seen=NOTHING)

        outcomes = race(work, threads=2)
        assert outcomes[1].error is None
        order.refresh_from_db()
        booking.refresh_from_db()
        refunds = [(refund.money, refund.reason) for refund in payment.refunds.all()]
        ends = [("cancelled", "cancelled", [(ALL, "cancelled")]), ("paid", "paid", [])]
        assert (order.status, booking.status, refunds) in (ends if outcomes[0].error is None else ends[1:])
        seen.add(order.status)
    assert seen <= {"cancelled", "paid"}


def test_cancel_against_expiry_frees_the_time_once(maths: SessionType, sam: User):
    for round_ in range(ROUNDS):
        order = place_order(place_hold(maths, starts_at=tomorrow(9, days=2 + round_), student=sam).order)
        booking, deadline = order.bookings.get(), order.expires_at or tomorrow()
        with time_machine.travel(deadline - timedelta(milliseconds=5)):

            def work(number: int, booking: Booking = booking, deadline: Any = deadline) -> object:
                return expire_unpaid(now=deadline) if number else cancel_booking(booking, who=sam, seen=NOTHING)

            outcomes = race(work, threads=2)
        assert all(outcome.error is None or isinstance(outcome.error, DomainError) for outcome in outcomes)
        booking.refresh_from_db()
        order.refresh_from_db()
        assert order.status == {"cancelled": "cancelled", "expired": "expired", "held": "awaiting_payment"}[booking.status]


def test_completion_against_cancel_and_move_leaves_one_end(ada: Tutor, sam: User):
    for round_ in range(ROUNDS):
        booking = make_booking(sam, ada, during=an_hour(tomorrow(9, days=3 + round_)), status=Status.PAID)
        over = booking.ends_at + timedelta(minutes=15)
        with time_machine.travel(booking.starts_at - timedelta(seconds=1)):
            seen = preview_cancellation(Booking.objects.with_people().get(pk=booking.pk), ada.user).back

            def work(number: int, booking: Booking = booking, over: Any = over, seen: Any = seen) -> object:
                if number == 0:
                    return complete_over(now=over)
                if number == 1:
                    return cancel_booking(booking, who=ada.user, why="so", seen=seen)
                return move_booking(booking, starts_at=booking.starts_at + timedelta(hours=5), who=ada.user, why="so")

            outcomes = race(work, threads=3)
        assert all(outcome.error is None or isinstance(outcome.error, DomainError) for outcome in outcomes)
        booking.refresh_from_db()
        assert booking.status in (Status.COMPLETED, Status.CANCELLED)
        ends = Change.objects.filter(booking=booking, what="status").values_list("became", flat=True)
        assert list(ends) == [booking.status]


def test_paid_order_survives_changes_of_its_sessions_at_once(maths: SessionType, sam: User):
    """Sessions of one order are moved and cancelled side by side: each change is whole."""
    for hour in (9, 11, 13):
        cart = place_hold(maths, starts_at=tomorrow(hour, days=3), student=sam).order
    order = mark_order_paid(place_order(cart))
    payment = pay(order)
    first, second, third = order.bookings.order_by("during")
    work = [
        lambda: move_booking(first, starts_at=tomorrow(15, days=4), who=sam),
        lambda: cancel_booking(second, who=sam, seen=ALL),
        lambda: cancel_booking(third, who=sam, seen=ALL),
    ]
    assert errors(race(lambda n: work[n](), threads=3)) == [None] * 3
    assert sorted(order.bookings.values_list("status", flat=True)) == ["cancelled", "cancelled", "paid"]
    assert {refund.booking for refund in payment.refunds.all()} == {second, third}
