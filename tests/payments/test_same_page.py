"""Whoever pays twice on one page gets the second payment back by itself, whatever is told first and however often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from bookings.models import Order
from bookings.money import Money
from payments.inquiries import ask_gateway
from payments.models import Payment, Refund
from payments.proofs import prove_books
from payments.reconciliation import Kind, compare, reconcile
from payments.refund_sending import enqueue_due_refunds
from payments.settlement import record_report
from payments.webhooks import apply_event, receive_webhook
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments import midtrans
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.refunds.conftest import midtrans_bank, open_page, order
from tests.payments.test_settlement import report_of
from tests.race import race

__all__ = ["midtrans_bank", "order"]  # fixtures
PRICE = Money(150_000, "IDR")


def stands(order: Order) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """The payments of an order: state, what of it goes back, and why."""
    payments = order.payments.order_by("number")
    return [(p.status, p.refunded_amount, [(r.reason, r.amount) for r in p.refunds.all()]) for p in payments]


PAID_ONCE = [("succeeded", 0, []), ("succeeded", PRICE.amount, [("twice", PRICE.amount)])]


@pytest.mark.django_db
@pytest.mark.defect("TB-13")
@pytest.mark.parametrize("is_heard", [True, False], ids=["by messages", "by asking"])
def test_second_transaction_on_a_page_goes_back_by_itself(
    midtrans_bank: MidtransBank, order: Order, drain: Drain, is_heard: bool
):
    payment, double = open_page(midtrans_bank, order), midtrans_bank.midtrans
    first = double.pay(payment.reference)
    ask_gateway(payment)
    second = double.pay_late(payment.reference, "gopay")
    if is_heard:
        for message in [*double.messages, *double.messages]:
            apply_event(receive_webhook("midtrans", message.headers(), message.body).pk)
    else:
        payment.refresh_from_db()
        ask_gateway(payment)
    assert stands(order) == PAID_ONCE

    for _round in range(3):
        drain()
        midtrans_bank.confirm_refunds(payment.reference)
        Refund.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
        enqueue_due_refunds(now=timezone.now())
        for one in order.payments.all():
            ask_gateway(one)

    page = double.pages[payment.reference]
    assert [(one.id, one.refunded) for one in page.transactions] == [(first, 0), (second, PRICE.amount)]
    assert [(r.payment.external_id, r.status) for r in Refund.objects.all()] == [(second, "succeeded")]
    assert stands(order) == PAID_ONCE
    assert prove_books(before=timezone.now()) == []


@pytest.mark.django_db
def test_right_money_beside_odd_money_pays_the_order(payment: Payment):
    """It came while a person had to look at what did not fit: it was as good as lost."""
    record_report(payment, report_of(payment, money=Money(1_000, "IDR")))
    record_report(payment, report_of(payment, external_id=midtrans.OTHER_TRANSACTION))
    payment.order.refresh_from_db()
    assert payment.order.is_paid
    assert stands(payment.order) == [("needs_review", 0, []), ("succeeded", 0, [])]


@pytest.mark.django_db
def test_odd_money_beside_the_right_one_is_looked_at_alone(payment: Payment):
    record_report(payment, report_of(payment))
    record_report(payment, report_of(payment, external_id=midtrans.OTHER_TRANSACTION, money=Money(1_000, "IDR")))
    assert stands(payment.order) == [("succeeded", 0, []), ("needs_review", 0, [])]


@pytest.mark.django_db
def test_number_of_another_page_is_counted_there_alone(payment: Payment):
    other = make_payment(payment.order, external_id=midtrans.OTHER_TRANSACTION)
    record_report(payment, report_of(payment))
    assert record_report(payment, report_of(payment, external_id=other.external_id)) is False
    assert stands(payment.order) == [("succeeded", 0, []), ("pending", 0, [])]


@pytest.mark.django_db
def test_second_transaction_is_a_difference_until_it_is_recorded(midtrans_bank: MidtransBank, order: Order):
    payment = open_page(midtrans_bank, order)
    midtrans_bank.midtrans.pay(payment.reference)
    ask_gateway(payment)
    second = midtrans_bank.midtrans.pay_late(payment.reference, "gopay")
    payment.refresh_from_db()
    [told] = compare(payment).found
    assert (told.kind, second in told.there) == (Kind.PAID_THERE, True)
    assert reconcile(payment).left == []
    assert compare(payment).found == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-13")
def test_both_transactions_told_at_once_by_many_workers_end_as_one_payment_each(payment: Payment):
    a = report_of(payment)
    b = report_of(payment, external_id=midtrans.OTHER_TRANSACTION)

    told = [replace(a, others=(b,)), replace(b, others=(a,))]
    outcomes = race(lambda number: record_report(payment, told[number % 2]), threads=8)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert stands(payment.order) == PAID_ONCE
