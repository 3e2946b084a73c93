from typing import Any

import pytest
from django.test import Client

from bookings.errors import DomainError, InvalidInput
from bookings.models import Booking, Change, Order, Tutor, User
from bookings.money import Money
from payments.gateways.base import Outcome
from payments.models import Payment, Refund
from payments.reviews import accept_payment, may_be_accepted, may_be_returned, return_payment
from payments.settlement import (
    record_payment_failed,
    record_payment_pending,
    record_payment_succeeded,
    record_payment_under_review,
)
from tests.factories import make_booking, make_order, make_payment
from tests.payments import midtrans
from tests.payments.test_settlement import report_of
from tests.race import race


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
    return_payment(odd, who=root, why="too much")
    refund = odd.refunds.get()
    odd.refresh_from_db()
    assert (refund.money, refund.reason, refund.status) == (
        Money(155_000, "IDR"),
        Refund.Reason.MISFIT,
        Refund.Status.PENDING,
    )
    assert (odd.status, odd.order.status) == (Payment.Status.SUCCEEDED, Order.Status.AWAITING_PAYMENT)


def test_money_of_another_currency_goes_back_in_it(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment, money=Money(900, "USD")))
    return_payment(payment, who=root, why="dollars")
    assert Refund.objects.get().money == Money(900, "USD")


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


def test_money_of_another_currency_pays_nothing(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment, money=Money(900, "USD")))
    with pytest.raises(DomainError, match="another currency"):
        accept_payment(payment, who=root, why="it is about as much")
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Payment.Status.NEEDS_REVIEW, Order.Status.AWAITING_PAYMENT)


def test_amount_that_cannot_be_read_is_taken_to_be_what_was_asked(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment, money=None))
    payment.refresh_from_db()
    assert (may_be_accepted(payment), may_be_returned(payment)) == (True, False)
    accept_payment(payment, who=root, why="I have looked at the gateway")
    payment.refresh_from_db()
    assert (payment.received, payment.order.status) == (Money(150_000, "IDR"), Order.Status.PAID)


@pytest.mark.parametrize("money", [Money(1, "IDR"), Money(155_000, "IDR")], ids=["too little", "too much"])
def test_what_came_is_kept_as_it_came_whatever_was_asked(payment: Payment, root: User, money: Money):
    record_payment_succeeded(payment, report_of(payment, money=money))
    accept_payment(payment, who=root, why="so it is")
    payment.refresh_from_db()
    assert (payment.money, payment.received, payment.order.money) == (Money(150_000, "IDR"), money, Money(150_000, "IDR"))


@pytest.mark.parametrize("decide", [accept_payment, return_payment])
def test_payment_without_money_is_not_decided_about(payment: Payment, root: User, decide: Any):
    record_payment_under_review(payment, report_of(payment, Outcome.REVIEW))
    with pytest.raises(DomainError, match="No money has come"):
        decide(payment, who=root, why="I believe it")


def test_money_accepted_for_an_order_that_is_paid_goes_back(payment: Payment, root: User):
    other = make_payment(payment.order)
    record_payment_succeeded(payment, report_of(payment, money=Money(155_000, "IDR")))
    record_payment_succeeded(other, report_of(other, external_id=midtrans.OTHER_TRANSACTION))
    accept_payment(payment, who=root, why="the fee")
    assert [(r.payment, r.money, r.reason) for r in Refund.objects.all()] == [
        (payment, Money(155_000, "IDR"), Refund.Reason.TWICE)
    ]


def test_money_that_the_gateway_took_back_cannot_be_sent_back(payment: Payment, root: User):
    record_payment_succeeded(payment, report_of(payment))
    record_payment_failed(payment, report_of(payment, Outcome.FAILED))
    payment.refresh_from_db()
    assert (may_be_accepted(payment), may_be_returned(payment)) == (True, False)
    with pytest.raises(DomainError, match="taken this money back already"):
        return_payment(payment, who=root, why="so it is")


def test_money_counted_elsewhere_cannot_be_sent_back_here(payment: Payment, kim: User, root: User):
    record_payment_succeeded(payment, report_of(payment))
    other = make_payment(make_order(kim))
    record_payment_succeeded(other, report_of(other))
    with pytest.raises(DomainError, match="counted with another payment"):
        return_payment(other, who=root, why="so it is")
    assert not Refund.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_admins_and_a_double_click_decide_once(odd: Payment, root: User):
    def press(number: int) -> object:
        return (accept_payment, return_payment)[number % 2](odd, who=root, why=f"press {number}")

    outcomes = race(press, threads=6)
    assert [type(one.error) for one in outcomes].count(type(None)) == 1
    assert {str(one.error) for one in outcomes if one.error} == {
        "Somebody has decided about this payment already. Please look at how it stands now."
    }
    assert odd.order.changes.filter(what="payment").count() == 1
    odd.order.refresh_from_db()
    assert Refund.objects.count() == (0 if odd.order.is_paid else 1)


@pytest.mark.django_db(transaction=True)
def test_decisions_about_two_payments_of_one_order_wait_for_one_another(odd: Payment, root: User):
    other = make_payment(odd.order)
    record_payment_succeeded(other, report_of(other, money=Money(155_000, "IDR"), external_id=midtrans.OTHER_TRANSACTION))
    outcomes = race(lambda number: accept_payment([odd, other][number], who=root, why="the fee"), threads=2)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert [refund.reason for refund in Refund.objects.all()] == [Refund.Reason.TWICE]


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
