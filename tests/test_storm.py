"""Many people, workers and admins at once, each doing something at random: nothing breaks, and the books are right.

Whatever goes wrong here is made into a test of its own, step by step (see bookings/test_locks.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.completion import complete_over
from bookings.errors import DomainError
from bookings.holds import Wanted, place_hold, release_hold
from bookings.models import Booking, Change, Order, PromoCode, SessionType, User
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once, place_order, release_order
from bookings.promo_codes import put_code, take_code_out
from bookings.rescheduling import move_booking
from meetings import provisioning, upkeep
from meetings.links import cordon_link, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment, Refund
from payments.settlement import record_report
from payments.tasks import owe_refunds
from tests.factories import make_code, make_link, make_payment, make_session_type, make_tutor, make_user, tomorrow
from tests.race import race

THREADS, STEPS = 6, 120


class Storm:
    """What somebody may do at any moment; each step asks what there is, and may come too late."""

    def __init__(self, dice: random.Random, students: list[User], types: list[SessionType]) -> None:
        self.dice, self.students, self.types = dice, students, types
        steps: dict[Callable[[], object], int] = {
            self.hold: 4,
            self.order: 1,
            self.place: 2,
            self.type_code: 2,
            self.release: 1,
            self.give_up: 1,
            self.let_time_pass: 2,
            self.pay: 4,
            self.call_off: 2,
            self.move: 3,
            self.complete: 1,
            self.keep_links: 2,
            self.work: 3,
        }
        self.steps, self.weights = list(steps), list(steps.values())

    def step(self) -> None:
        with suppress(DomainError):  # somebody else was faster: they are told so
            self.dice.choices(self.steps, self.weights)[0]()

    def hold(self) -> None:
        wanted = Wanted(self.dice.choice(self.types), tomorrow(self.dice.randrange(5)))
        place_hold(wanted.session_type, starts_at=wanted.starts_at, student=self.dice.choice(self.students))

    def order(self) -> None:
        hours = self.dice.sample(range(5), 2)
        wanted = [Wanted(self.dice.choice(self.types), tomorrow(hour)) for hour in hours]
        code = self.dice.choice([None, PromoCode.objects.get()])
        order_at_once(wanted, student=self.dice.choice(self.students), code=code)

    def place(self) -> None:
        for cart in Order.objects.carts().order_by("?")[:1]:
            order = place_order(cart)
            if order.money.is_zero:
                mark_order_paid(order, why="nothing to pay")

    def type_code(self) -> None:
        """Put the code into a cart, or take it out: one that is used up would keep the cart from being placed."""
        for cart in Order.objects.carts().select_related("payer").order_by("?")[:1]:
            if put_code(cart.payer, "storm") is not None:
                take_code_out(cart.payer)

    def release(self) -> None:
        for hold in Booking.objects.filter(order__status="cart", status="held").order_by("?")[:1]:
            release_hold(hold.reference, payer=hold.student)

    def give_up(self) -> None:
        for order in Order.objects.filter(status="awaiting_payment").order_by("?")[:1]:
            release_order(order, why="no payment page")

    def let_time_pass(self) -> None:
        """End somebody's deadline now; then the sweeper may come, or not."""
        past = timezone.now() - timedelta(seconds=1)
        for one in Order.objects.filter(status__in=["cart", "awaiting_payment"]).order_by("?")[:1]:
            with transaction.atomic():
                Order.objects.select_for_update().get(pk=one.pk)
                Order.objects.filter(pk=one.pk, status="awaiting_payment").update(expires_at=past)
                for hold in one.bookings.filter(status="held").order_by("pk").select_for_update():
                    Booking.objects.filter(pk=hold.pk).update(held_until=past)
        if self.dice.random() < 0.5:
            expire_unpaid(now=timezone.now())

    def pay(self) -> None:
        """The gateway says "paid", twice, about any order, however late and however often it was paid before."""
        for order in Order.objects.exclude(status="cart").filter(total__gt=0).order_by("?")[:1]:
            number = self.dice.randrange(1, 30_000)
            payment = make_payment(order, number=number, reference=f"{order.reference}-{number}", gateway="sandbox")
            report = PaymentReport(payment.reference, Outcome.PAID, "paid", payment.reference, payment.money)
            record_report(payment, report)
            record_report(payment, report)

    def call_off(self) -> None:
        """Somebody cancels what the page showed a moment ago, paid or not."""
        for booking in Booking.objects.filter(status__in=["paid", "held"]).with_people().order_by("?")[:1]:
            who = self.dice.choice([booking.student, booking.tutor.user])
            seen = preview_cancellation(booking, who).back
            cancel_booking(booking, who=who, why="so", seen=seen)

    def move(self) -> None:
        for booking in Booking.objects.paid().with_people().order_by("?")[:1]:
            who = self.dice.choice([booking.student, booking.tutor.user])
            move_booking(
                booking, starts_at=tomorrow(self.dice.randrange(7), days=self.dice.choice([1, 2])), who=who, why="so"
            )

    def complete(self) -> None:
        complete_over(now=tomorrow(2))

    def keep_links(self) -> None:
        for link in MeetingLink.objects.order_by("?")[:1]:
            self.dice.choice([cordon_link, uncordon_link, uncordon_link, retire_link])(link)
        if MeetingLink.objects.available().count() < 2:
            make_link(label=f"Room of {self.dice.random()}", url=f"https://meet.test/{self.dice.random()}")

    def work(self) -> None:
        now = timezone.now()
        self.dice.choice([lambda: upkeep.make_round(now), lambda: upkeep.wake_waiting(now), self._provision])()

    def _provision(self) -> None:
        for meeting in Meeting.objects.waiting().order_by("?")[:1]:
            provisioning.provision_meeting(meeting)


@pytest.mark.django_db(transaction=True)
def test_storm_of_everything_leaves_the_books_right():
    students, types = [make_user() for _ in range(4)], [make_session_type(make_tutor()) for _ in range(3)]
    SessionType.objects.filter(pk=types[0].pk).update(first_one_free=True)
    make_code("STORM", uses_allowed=4)
    for _number in range(3):
        make_link()

    def live(number: int) -> None:
        storm = Storm(random.Random(number), students, types)
        for _step in range(STEPS):
            storm.step()

    assert [outcome.error for outcome in race(live, threads=THREADS)] == [None] * THREADS

    assert Order.objects.filter(status="paid").exists()
    assert Change.objects.filter(what="time").exists()
    assert Refund.objects.exclude(booking=None).exists()
    assert Order.objects.filter(promo_code__isnull=False, discount__gt=0).exclude(status="cart").exists()
    owe_refunds(timestamp=0)
    for order in Order.objects.all():
        _look_through(order)
    upkeep.make_round(timezone.now() + timedelta(minutes=5))
    for meeting in Meeting.objects.filter(status="ready").select_related("booking"):
        assert (meeting.booking.status in ("paid", "completed"), meeting.time) == (True, meeting.booking.time)


def _look_through(order: Order) -> None:
    """Each payment either pays the order, once, or goes back, once; sessions stand as their order does."""
    payments = list(order.payments.all())
    kept = [payment for payment in payments if not payment.refunds.filter(booking=None).exists()]
    assert {payment.status for payment in payments} <= {Payment.Status.SUCCEEDED}
    assert all(payment.refunds.filter(booking=None).count() <= 1 for payment in payments)
    assert len(kept) == (1 if order.is_paid and order.total else 0)
    bookings = list(order.bookings.all())
    sold = [one for one in bookings if one.status != "cancelled" or one.cancelled_at is not None]
    if order.status in ("awaiting_payment", "paid", "expired"):
        assert (order.total, order.discount) == (sum(one.net.amount for one in sold), sum(one.discount for one in sold))
    states = {booking.status for booking in bookings}
    assert states <= ({"paid", "cancelled", "completed"} if order.is_paid else {"held", "expired", "cancelled"})
    due = {(booking, booking.refund) for booking in bookings if booking.refund}
    back = Refund.objects.filter(payment__order=order).exclude(booking=None)
    assert {(refund.booking, refund.amount) for refund in back} == due
    assert not due or {refund.payment for refund in back} == set(kept)
