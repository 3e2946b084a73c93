"""Money on the move, by chance: what the storm of storm.py leaves out. All of it is paid at the pretend bank."""

from __future__ import annotations

import random

from django.utils import timezone

from bookings.models import Order, SessionType, User
from bookings.money import Money
from payments import earnings, inquiries, receipt_numbers, refunds
from payments.disputes import decide_dispute
from payments.gateways.base import DisputeState
from payments.gateways.sandbox_ledger import Answer, Ledger
from payments.models import Dispute, Payment, Payout, Refund
from payments.payouts import make_payouts, mark_payout_paid, undo_payout
from payments.refund_decisions import drop_refund, record_refund_sent_by_hand, try_refund_again
from payments.refund_sending import send_refund
from payments.reviews import accept_payment, return_payment
from tests.factories import make_payment
from tests.storm import NUMBERS, Storm


class MoneyStorm(Storm):
    def __init__(self, dice: random.Random, people: list[User], types: list[SessionType]) -> None:
        super().__init__(dice, people, types)
        steps = {
            self.order: 4,
            self.pay: 6,
            self.pay_oddly: 1,
            self.look: 3,
            self.let_time_pass: 1,
            self.call_off: 3,
            self.begin: 2,
            self.complete: 1,
            self.decide: 1,
            self.refund: 2,
            self.send: 6,
            self.see_to_refund: 2,
            self.refund_at_the_bank: 1,
            self.dispute: 3,
            self.decide_dispute: 1,
            self.settle: 2,
            self.pay_out: 1,
            self.number: 1,
        }
        self.steps, self.weights = list(steps), list(steps.values())

    def _pay(self, order: Order) -> None:
        self._take(order, Money(order.total, order.currency))

    def pay_oddly(self) -> None:
        """A fee of the gateway came on top; somebody decides, at once or never."""
        for order in Order.objects.filter(status="awaiting_payment", total__gt=0).order_by("?")[:1]:
            payment = self._take(order, Money(order.total + self.dice.randrange(-3, 4), order.currency))
            self.dice.choice([accept_payment, return_payment])(payment, who=self.admin, why="so")

    def _take(self, order: Order, money: Money) -> Payment:
        number = next(NUMBERS)
        reference = f"{order.reference}-{number}"
        payment = make_payment(order, gateway="sandbox", number=number, reference=reference, next_check_at=timezone.now())
        Ledger(reference).write(Answer.PAID, money)
        for _copy in range(2):
            inquiries.ask_gateway(payment)
        return payment

    def look(self) -> None:
        """A message comes again, or the round asks."""
        for payment in Payment.objects.order_by("?")[:1]:
            inquiries.ask_gateway(payment)

    def refund(self) -> None:
        for payment in Payment.objects.filter(succeeded_at__isnull=False).order_by("?")[:1]:
            session = self.dice.choice([None, *refunds.refundable_sessions(payment)])
            amount = Money(self.dice.randrange(1, payment.amount), payment.currency)
            refunds.refund_payment(payment, amount=amount, who=self.admin, why="so", booking=session)

    def send(self) -> None:
        for refund in Refund.objects.filter(next_attempt_at__isnull=False).order_by("?")[:1]:
            send_refund(refund, attempts=refund.attempts)

    def see_to_refund(self) -> None:
        for refund in Refund.objects.order_by("?")[:2]:
            step = self.dice.randrange(3)
            if step == 0:
                record_refund_sent_by_hand(refund, who=self.admin, note="by bank transfer")
            elif step == 1:
                try_refund_again(refund, who=self.admin)
            else:
                drop_refund(refund, who=self.admin, why="so")

    def refund_at_the_bank(self) -> None:
        for payment in Payment.objects.filter(succeeded_at__isnull=False).order_by("?")[:1]:
            some = Money(self.dice.randrange(1, payment.amount), payment.currency)
            Ledger(payment.reference).send_back(some, key=f"bank-{self.dice.random()}")
            inquiries.ask_gateway(payment)

    def dispute(self) -> None:
        """The payer's bank asks for the money back, and decides some time."""
        for payment in Payment.objects.filter(succeeded_at__isnull=False).order_by("?")[:1]:
            is_open = Ledger(payment.reference).dispute is not None
            state = (
                self.dice.choice([DisputeState.WON, DisputeState.WON, DisputeState.LOST]) if is_open else DisputeState.OPEN
            )
            Ledger(payment.reference).write_dispute(state)
            inquiries.ask_gateway(payment)

    def decide_dispute(self) -> None:
        for dispute in Dispute.objects.open().order_by("?")[:1]:
            decide_dispute(dispute, status=Dispute.Status.WON, who=self.admin, why="so")

    def settle(self) -> None:
        earnings.settle_all_earnings()
        for booking in refunds.bookings_to_owe_for()[:5]:
            refunds.owe_for_booking(booking)

    def pay_out(self) -> None:
        make_payouts(until=timezone.now(), who=self.admin)
        for payout in Payout.objects.filter(status="open").order_by("?")[:1]:
            if self.dice.random() < 0.5:
                undo_payout(payout, who=self.admin)
            else:
                mark_payout_paid(payout, who=self.admin, note="by bank transfer")

    def number(self) -> None:
        receipt_numbers.number_receipts()


def come_to_rest() -> None:
    """Make the rounds until nothing is left for them."""
    for _round in range(4):
        inquiries.watch_refunds(now=timezone.now())
        for payment in Payment.objects.order_by("pk"):
            inquiries.ask_gateway(payment)
        for booking in refunds.bookings_to_owe_for():
            refunds.owe_for_booking(booking)
        for refund in Refund.objects.filter(next_attempt_at__isnull=False).order_by("pk"):
            send_refund(refund, attempts=refund.attempts)
        earnings.settle_all_earnings()
        receipt_numbers.number_receipts()
