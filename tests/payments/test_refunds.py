from typing import Any

import pytest

from bookings.errors import DomainError, InvalidInput
from bookings.models import Change, Order, User
from bookings.money import Money
from payments.gateways.base import Outcome
from payments.models import Payment, Refund
from payments.refund_decisions import record_refund_sent_by_hand
from payments.returned_money import record_payment_returned
from payments.settlement import record_payment_succeeded
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


def returned(payment: Payment, money: Money, status: str = "refund") -> Any:
    return report_of(payment, Outcome.RETURNED, returned=money, status=status, external_id=payment.external_id)


@pytest.mark.defect("CE-04")
@pytest.mark.parametrize("status", ["refund", "partial_refund", "chargeback", "partial_chargeback"])
def test_money_that_went_back_unasked_is_shown_to_staff(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any], status: str
):
    record_payment_succeeded(payment, report_of(payment))
    report = returned(payment, Money(50_000, "IDR"), status)
    assert record_payment_returned(payment, report) is True
    assert record_payment_returned(payment, report) is False  # gateways tell of it twice

    payment.refresh_from_db()
    assert payment.status == Payment.Status.NEEDS_REVIEW
    assert payment.note == f"The gateway sent back Rp50,000 ({status}) without being asked here."
    assert payment.order.status == Order.Status.PAID
    drain()
    assert len([mail for mail in mailoutbox if mail.to == [root.email]]) == 1


def test_return_of_a_payment_never_seen_as_paid_is_shown_to_staff(payment: Payment):
    assert record_payment_returned(payment, returned(payment, payment.money)) is True
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Payment.Status.NEEDS_REVIEW, Order.Status.AWAITING_PAYMENT)


def test_return_of_what_was_owed_finishes_the_refund(owed: Refund):
    payment = owed.payment
    assert record_payment_returned(payment, returned(payment, owed.money)) is True
    assert record_payment_returned(payment, returned(payment, owed.money)) is False
    owed.refresh_from_db()
    payment.refresh_from_db()
    assert (owed.status, owed.finished_at is not None) == (Refund.Status.SUCCEEDED, True)
    assert payment.status == Payment.Status.SUCCEEDED


def test_return_of_less_than_was_owed_is_shown_to_staff(owed: Refund):
    record_payment_returned(owed.payment, returned(owed.payment, Money(1, "IDR")))
    owed.refresh_from_db()
    assert (owed.status, owed.payment.status) == (Refund.Status.PENDING, Payment.Status.NEEDS_REVIEW)


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
    assert record_payment_returned(owed.payment, returned(owed.payment, owed.money)) is False
