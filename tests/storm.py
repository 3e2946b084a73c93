"""What somebody may do at any moment, by chance: the storm of test_storm.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from bookings.absence import Verdict
from bookings.acceptance import accept_booking, accept_proposal, decline_booking, decline_proposal, propose_time
from bookings.asking import request_booking, withdraw_request
from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.completion import complete_over
from bookings.errors import DomainError
from bookings.families import end_link
from bookings.holds import Wanted, place_hold, release_hold
from bookings.models import Booking, Notice, Order, PromoCode, SessionType, StudentLink, User
from bookings.notice_mails import mail_notice
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once, place_order, release_order
from bookings.promo_codes import put_code, take_code_out
from bookings.reminders import remind
from bookings.rescheduling import move_booking
from meetings import provisioning, upkeep
from meetings.links import cordon_link, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink, NoShowReport
from meetings.no_shows import answer_report, decide_report, decide_unreported, report_absence
from payments import closing
from payments.gateways.base import Outcome, PaymentReport
from payments.settlement import record_report
from tests.factories import an_hour, give_leave, make_link, make_payment, tomorrow

NUMBERS = count(1)  # of attempts: thrown by dice, some order would get the same one twice


def go_on(storm: Storm, *, until: Callable[[], bool]) -> None:
    """Let one go on alone for as long as chance has left something out that the storm is for."""
    for _step in range(2_000):
        if until():
            return
        storm.step()
    raise AssertionError("something that the storm is for never came about")


class Storm:
    """What somebody may do at any moment; each step asks what there is, and may come too late."""

    def __init__(self, dice: random.Random, people: list[User], types: list[SessionType]) -> None:
        self.dice, self.admin, self.students = dice, people[0], people[1:]
        self.types = [one for one in types if not one.tutor.approves_first]
        self.asked_first = [one for one in types if one.tutor.approves_first]
        steps: dict[Callable[[], object], int] = {
            self.hold: 5,
            self.order: 2,
            self.place: 2,
            self.type_code: 2,
            self.release: 1,
            self.give_up: 1,
            self.let_time_pass: 2,
            self.pay: 4,
            self.pay_late: 3,
            self.close_pages: 1,
            self.call_off: 1,
            self.move: 3,
            self.complete: 1,
            self.keep_links: 2,
            self.work: 3,
            self.ask: 3,
            self.answer: 4,
            self.withdraw: 1,
            self.begin: 3,
            self.report: 4,
            self.decide: 2,
            self.tell: 2,
            self.end_leave: 1,
        }
        self.steps, self.weights = list(steps), list(steps.values())

    def step(self) -> None:
        with suppress(DomainError):  # somebody else was faster: they are told so
            self.dice.choices(self.steps, self.weights)[0]()

    def hold(self) -> None:
        wanted = Wanted(self.dice.choice(self.types), tomorrow(self.dice.randrange(5)))
        student, payer = self.dice.choice(self.students), self.dice.choice([None, self.students[0]])
        place_hold(wanted.session_type, starts_at=wanted.starts_at, student=student, payer=payer)

    def order(self) -> None:
        hours = self.dice.sample(range(5), self.dice.choice([2, 3]))
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
            release_hold(hold.reference, payer=hold.order.payer)

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
                for hold in one.bookings.filter(status__in=Booking.KEPT).order_by("pk").select_for_update():
                    Booking.objects.filter(pk=hold.pk).update(held_until=past)
        if self.dice.random() < 0.5:
            expire_unpaid(now=timezone.now())

    def pay(self) -> None:
        """The gateway says "paid", twice, about any order, however late and however often it was paid before."""
        for order in Order.objects.exclude(status="cart").filter(total__gt=0, placed_at__isnull=False).order_by("?")[:1]:
            self._pay(order)

    def pay_late(self) -> None:
        """An order of several sessions is paid after its end: some of them may have been sold again."""
        over = Order.objects.filter(status__in=["expired", "cancelled"], placed_at__isnull=False, total__gt=0)
        for order in over.annotate(sessions=Count("bookings")).filter(sessions__gt=1).order_by("?")[:1]:
            self._pay(order)

    def _pay(self, order: Order) -> None:
        number, now = next(NUMBERS), timezone.now()
        fields = {"number": number, "reference": f"{order.reference}-{number}", "next_check_at": now}
        payment = make_payment(order, gateway="sandbox", **fields)
        report = PaymentReport(payment.reference, Outcome.PAID, "paid", payment.reference, payment.money)
        record_report(payment, report)
        record_report(payment, report)

    def close_pages(self) -> None:
        """The round of the minute finds the attempts whose order is over."""
        closing.make_round(timezone.now())

    def call_off(self) -> None:
        """Somebody cancels what the page showed a moment ago, paid or not."""
        for booking in Booking.objects.filter(status__in=["paid", *Booking.KEPT]).with_people().order_by("?")[:1]:
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

    def ask(self) -> None:
        """Ask a tutor who approves first, alone or as whoever pays for somebody."""
        student, payer = self.dice.choice(self.students), self.dice.choice([None, self.students[0]])
        wanted = Wanted(self.dice.choice(self.asked_first), tomorrow(self.dice.randrange(5)))
        code = self.dice.choice([None, PromoCode.objects.get()])
        request_booking(wanted.session_type, starts_at=wanted.starts_at, student=student, payer=payer, code=code)

    def answer(self) -> None:
        for booking in Booking.objects.filter(status="requested").with_people().order_by("?")[:1]:
            answers = [self._accept, self._accept_proposal, self._propose, self._decline, self._decline_proposal]
            self.dice.choices(answers, [4, 3, 3, 1, 1])[0](booking)

    def _accept(self, booking: Booking) -> None:
        accept_booking(booking, who=booking.tutor.user)

    def _accept_proposal(self, booking: Booking) -> None:
        accept_proposal(booking, who=booking.student)

    def _propose(self, booking: Booking) -> None:
        propose_time(booking, starts_at=tomorrow(self.dice.randrange(7)), who=booking.tutor.user)

    def _decline(self, booking: Booking) -> None:
        decline_booking(booking, who=booking.tutor.user, why="so")

    def _decline_proposal(self, booking: Booking) -> None:
        decline_proposal(booking, who=booking.student)

    def withdraw(self) -> None:
        for booking in Booking.objects.filter(status__in=["requested", "accepted"]).with_people().order_by("?")[:1]:
            withdraw_request(booking, who=booking.student)

    def begin(self) -> None:
        """Let a paid session have begun, some hours or days ago."""
        for booking in Booking.objects.paid().order_by("?")[:1]:
            past = an_hour(timezone.now() - timedelta(hours=self.dice.randrange(1, 200), minutes=-10))
            with suppress(IntegrityError), transaction.atomic():
                Order.objects.select_for_update().get(pk=booking.order_id)
                still = Booking.objects.paid().select_for_update(of=("self",)).filter(pk=booking.pk)
                if still:
                    still.update(during=(past.start, past.end), blocks=(past.start, past.end))

    def report(self) -> None:
        for booking in Booking.objects.filter(status__in=["paid", "completed"]).with_people().order_by("?")[:3]:
            who = self.dice.choice([booking.student, booking.tutor.user])
            with suppress(DomainError):
                report_absence(booking, who=who, statement="I waited for the whole hour alone.")

    def decide(self) -> None:
        """Answer a report and decide about it, or record what an admin knows."""
        for report in NoShowReport.objects.filter(decision="").select_related("booking").order_by("?")[:1]:
            booking = Booking.objects.with_people().get(pk=report.booking_id)
            asked = booking.tutor.user if report.absent == "tutor" else booking.student
            with suppress(DomainError):
                answer_report(report, who=asked, answer="I was there, and nobody else was.")
            decide_report(report, decision=self.dice.choice([*Verdict]).value, who=self.admin, note="so it was")
        for booking in Booking.objects.filter(during__startswith__lt=timezone.now()).order_by("?")[: self.dice.randrange(2)]:
            decide_unreported(booking, absent=self.dice.choice(["tutor", "student"]), who=self.admin, note="so it was")

    def tell(self) -> None:
        """Remind of tomorrow's sessions as if the hour had come, and make mails, some of them again."""
        remind(now=tomorrow(self.dice.randrange(5), days=self.dice.choice([1, 2])) - timedelta(hours=3))
        for notice in Notice.objects.order_by("?")[:3]:
            mail_notice(notice.pk)

    def end_leave(self) -> None:
        """The student takes the leave back from whoever pays, and gives it anew."""
        for link in StudentLink.objects.standing().order_by("?")[:1]:
            student = link.student or self.admin  # a link that stands has its student
            end_link(link, who=student)
            with suppress(IntegrityError):  # given by another one at this very moment
                give_leave(payer=link.payer, student=student)
