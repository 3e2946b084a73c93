from typing import Any

import pytest

from bookings.errors import DomainError, InvalidInput
from bookings.models import Change, Order, User
from bookings.money import Money
from payments.gateways.base import PaymentReport, RefundReport, RefundState
from payments.models import Payment, Refund
from payments.refund_decisions import record_refund_sent_by_hand
from payments.settlement import record_payment_succeeded, record_report
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments import midtrans
from tests.payments.test_settlement import report_of


@pytest.fixture
def owed(payment: Payment) -> Refund:
    """Sam paid twice; the second payment is to go back."""
    record_payment_succeeded(payment, report_of(payment))
    second = make_payment(payment.order)
    record_payment_succeeded(second, report_of(second, external_id=midtrans.OTHER_TRANSACTION))
    return second.refunds.get()


def gone_back(payment: Payment, money: Money, *, key: str = "") -> PaymentReport:
    """What a gateway says of a payment of which so much has gone back."""
    known = Payment.objects.get(pk=payment.pk).external_id
    refund = RefundReport(key or "re_1", RefundState.SUCCEEDED, money, key)
    return report_of(payment, external_id=known or midtrans.TRANSACTION, refunds=(refund,))


@pytest.mark.defect("CE-04")
def test_money_that_went_back_unasked_is_recorded_and_shown_to_staff(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    record_payment_succeeded(payment, report_of(payment))
    report = gone_back(payment, Money(50_000, "IDR"))
    assert record_report(payment, report) is True
    assert record_report(payment, report) is False  # gateways tell of it twice

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Payment.Status.SUCCEEDED, Order.Status.PAID)
    assert [(one.status, one.amount, one.reason) for one in payment.refunds.all()] == [("succeeded", 50_000, "vendor")]
    drain()
    assert len([mail for mail in mailoutbox if mail.to == [root.email]]) == 1


def test_payment_that_had_gone_back_before_it_was_heard_of_pays_nothing(payment: Payment):
    assert record_report(payment, gone_back(payment, payment.money)) is True
    payment.refresh_from_db()
    assert (payment.order.status, payment.refunded_amount) == (Order.Status.AWAITING_PAYMENT, payment.amount)


def test_return_of_what_was_owed_finishes_the_refund(owed: Refund):
    payment = owed.payment
    assert record_report(payment, gone_back(payment, owed.money, key=owed.key)) is True
    assert record_report(payment, gone_back(payment, owed.money, key=owed.key)) is False
    owed.refresh_from_db()
    payment.refresh_from_db()
    assert (owed.status, owed.finished_at is not None) == (Refund.Status.SUCCEEDED, True)
    assert payment.status == Payment.Status.SUCCEEDED


def test_refund_sent_by_hand_is_recorded_once_with_who_and_how(owed: Refund, root: User):
    record_refund_sent_by_hand(owed, who=root, note="Bank transfer 21 November")
    record_refund_sent_by_hand(owed, who=root, note="again")
    owed.refresh_from_db()
    assert (owed.status, owed.note) == (Refund.Status.SUCCEEDED, "Bank transfer 21 November")
    line = Change.objects.get(what="refund", became=Refund.Status.SUCCEEDED)
    assert (line.order, line.who, line.was, line.why) == (owed.payment.order, root, "pending", "Bank transfer 21 November")


def test_refund_sent_by_hand_needs_a_word_of_how(owed: Refund, root: User):
    with pytest.raises(InvalidInput):
        record_refund_sent_by_hand(owed, who=root, note="  ")


def test_refund_that_the_gateway_works_on_is_not_sent_by_hand(owed: Refund, root: User):
    Refund.objects.update(status=Refund.Status.SUBMITTED)
    with pytest.raises(DomainError):
        record_refund_sent_by_hand(owed, who=root, note="Bank transfer")


def test_gateways_message_after_a_refund_by_hand_changes_nothing(owed: Refund, root: User):
    record_refund_sent_by_hand(owed, who=root, note="In the gateway's own pages")
    record_report(owed.payment, gone_back(owed.payment, owed.money))
    assert [one.status for one in owed.payment.refunds.all()] == [Refund.Status.SUCCEEDED]
