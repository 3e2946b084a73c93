"""Everything that can happen to the money of one order, all at once: nobody waits for ever, and never too much goes back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db.models import Sum

from bookings.errors import DomainError
from bookings.models import Order, User
from bookings.money import Money
from payments.disputes import decide_dispute, record_disputes
from payments.gateways.base import DisputeReport, DisputeState, RefundState
from payments.models import Dispute, Payment, Refund
from payments.refund_decisions import drop_refund, record_refund_sent_by_hand, send_refund_now, try_refund_again
from payments.refund_sending import enqueue_due_refunds
from payments.refunds import refund_payment
from payments.settlement import record_report
from tests.factories import make_payment
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.sandbox_bank import SandboxBank
from tests.payments.refunds.conftest import open_page
from tests.payments.refunds.test_from_gateways import told
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.defect("TB-12", "TB-28", "IT-21", "IT-35")
@pytest.mark.parametrize("seed", range(3))
def test_storm_never_sends_back_more_than_was_paid(order: Order, root: User, settings: Any, seed: int):
    bank = SandboxBank()
    use_bank(settings, bank)
    first, second = open_page(bank, order), make_payment(order, gateway="sandbox")
    for payment in (first, second):
        record_report(payment, report_of(payment, external_id=f"of-{payment.reference}"))
    outcomes = race(lambda number: _do_much(random.Random(seed * 100 + number), order, root), threads=8)
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert Refund.objects.count() > 5
    for payment in Payment.objects.all():
        counted = payment.refunds.exclude(status=Refund.Status.FAILED).aggregate(all=Sum("amount"))["all"] or 0
        assert payment.refunded_amount == counted <= payment.money_held.amount
    order.refresh_from_db()
    assert (order.disputed_at is not None) == Dispute.objects.open().exists()


def _do_much(dice: random.Random, order: Order, root: User) -> None:
    for _step in range(12):
        payment = dice.choice(list(order.payments.all()))
        refund = Refund.objects.filter(payment__order=order).order_by("?").first()
        try:
            _do_something(dice, payment, refund, root)
        except DomainError:  # a refusal is an answer
            continue


def _do_something(dice: random.Random, payment: Payment, refund: Refund | None, root: User) -> None:
    sums = [told(dice.choice([10_000, 40_000]), number=f"re_{dice.randrange(3)}", state=dice.choice([*RefundState]))]
    states = [DisputeReport(f"dp_{dice.randrange(2)}", dice.choice([*DisputeState]), Money(20_000, "IDR"))]
    dispute = Dispute.objects.filter(payment=payment).first()
    what = dice.randrange(8)
    if what == 0:
        refund_payment(payment, amount=Money(dice.choice([30_000, 70_000]), "IDR"), who=root, why="storm")
    elif what == 1:
        record_report(payment, report_of(payment, external_id=payment.external_id, refunds=sums, disputes=states))
    elif what == 2:
        enqueue_due_refunds(now=payment.created_at)
    elif what == 3:
        record_disputes(payment, states)
    elif what == 4 and dispute is not None:
        decide_dispute(dispute, status=dice.choice([Dispute.Status.WON, Dispute.Status.LOST]), who=root, why="storm")
    elif refund is not None:
        verb = dice.choice(
            [
                send_refund_now,
                lambda one: try_refund_again(one, who=root),
                lambda one: drop_refund(one, who=root, why="storm"),
                lambda one: record_refund_sent_by_hand(one, who=root, note="storm"),
            ]
        )
        verb(refund)
