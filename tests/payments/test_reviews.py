from typing import Any

import pytest
from django.test import Client

from bookings.errors import DomainError, InvalidInput
from bookings.models import Booking, Change, Order, Tutor, User
from bookings.money import Money
from payments.gateways.base import Outcome
from payments.models import Payment, Refund
from payments.reviews import accept_payment, return_payment
from payments.settlement import record_payment_failed, record_payment_pending, record_payment_succeeded
from tests.factories import make_booking, make_payment
from tests.payments import midtrans
from tests.payments.test_settlement import report_of


@pytest.fixture
def odd(payment: Payment) -> Payment:
    """Sam paid Rp155,000 where Rp150,000 was asked."""
    record_payment_succeeded(payment, report_of(payment, money=Money(155_000, "IDR")))
    payment.refresh_from_db()
    return payment


def test_accepted_money_pays_the_order_and_tells_who_decided(odd: Payment, root: User):
    accept_payment(odd, who=root, why="the fee of the gateway")
    odd.refresh_from_db()
    assert (odd.status, odd.received, odd.order.status) == (
        Payment.Status.SUCCEEDED,
        Money(155_000, "IDR"),
        Order.Status.PAID,
    )
    assert odd.order.bookings.get().status == Booking.Status.PAID
    line = Change.objects.get(order=odd.order, what="payment")
    assert (line.who, line.why) == (root, f"{odd.reference}: the fee of the gateway")
    assert not odd.refunds.exists()


def test_returned_money_is_owed_as_it_came_and_the_order_stays(odd: Payment, root: User):
    refund = return_payment(odd, who=root, why="too much")
    odd.refresh_from_db()
    assert (refund.money, refund.reason, refund.status) == (
        Money(155_000, "IDR"),
        Refund.Reason.OTHER,
        Refund.Status.PENDING,
    )
    assert (odd.status, odd.order.status) == (Payment.Status.SUCCEEDED, Order.Status.AWAITING_PAYMENT)


def test_money_of_another_currency_goes_back_in_it(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment, money=Money(900, "USD")))
    assert return_payment(payment, who=root, why="dollars").money == Money(900, "USD")


def test_money_accepted_too_late_is_owed_back(sam: User, kim: User, ada: Tutor, root: User):
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    make_booking(kim, ada, during=lost.time, status=Booking.Status.PAID)
    payment = make_payment(lost.order)
    record_payment_succeeded(payment, report_of(payment, money=Money(155_000, "IDR")))
    accept_payment(payment, who=root, why="the fee")
    assert [(r.money, r.reason) for r in payment.refunds.all()] == [(Money(155_000, "IDR"), Refund.Reason.LATE)]


def test_payment_that_had_paid_its_order_is_not_owed_back_when_it_is_accepted_again(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment))
    record_payment_failed(payment, report_of(payment, Outcome.FAILED))  # reversed, says the gateway
    accept_payment(payment, who=root, why="the bank says it is there")
    payment.refresh_from_db()
    assert (payment.status, payment.refunds.count()) == (Payment.Status.SUCCEEDED, 0)


@pytest.mark.parametrize("decide", [accept_payment, return_payment])
def test_decision_needs_a_reason_and_something_to_decide(odd: Payment, root: User, decide: Any):
    with pytest.raises(InvalidInput):
        decide(odd, who=root, why=" ")
    decide(odd, who=root, why="once")
    with pytest.raises(DomainError):
        decide(odd, who=root, why="twice")


def test_payment_without_money_cannot_be_accepted(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment, money=None))
    with pytest.raises(DomainError):
        accept_payment(payment, who=root, why="I believe it")


@pytest.mark.parametrize(("button", "word"), [("accept", "Accepted. The order is: paid."), ("return", "is to be sent back")])
def test_decision_is_made_in_the_admin(odd: Payment, root: User, client: Client, button: str, word: str):
    client.force_login(root)
    page = client.get(f"/admin/payments/payment/{odd.pk}/change/")
    assert f"/admin/payments/payment/{odd.pk}/{button}/" in page.text
    told = client.post(f"/admin/payments/payment/{odd.pk}/{button}/", {"text": "looked at it"}, follow=True)
    assert word in told.text
    assert f"/admin/payments/payment/{odd.pk}/{button}/" not in told.text


@pytest.mark.defect("CE-05")
def test_odd_money_is_known_by_its_own_transaction_not_by_an_earlier_try(payment: Payment, root: User):
    """Sam begins a bank transfer, then pays by card with a fee: what is decided is about the card."""
    transfer = report_of(payment, Outcome.PENDING, external_id=midtrans.OTHER_TRANSACTION)
    card = report_of(payment, money=Money(155_000, "IDR"), method="credit_card")
    record_payment_pending(payment, transfer)
    record_payment_succeeded(payment, card)

    accept_payment(payment, who=root, why="the fee of the gateway")

    assert record_payment_succeeded(payment, card) is False  # the same again, asked ten minutes later
    payment.refresh_from_db()
    assert (payment.status, payment.external_id, payment.method) == (
        Payment.Status.SUCCEEDED,
        midtrans.TRANSACTION,
        "credit_card",
    )
