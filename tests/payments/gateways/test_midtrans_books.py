"""Several transactions under one order, reversals and odd numbers: from Midtrans' messages to our books."""

from typing import Any

import pytest

from bookings.doubles.server import Message
from bookings.models import Booking, Order
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.inquiries import ask_gateway
from payments.models import Payment
from tests.conftest import Drain
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.contract_books import PAID, post, state_of
from tests.payments.gateways.midtrans_bank import MidtransBank

Status = Payment.Status


@pytest.fixture
def bank(midtrans: MidtransDouble, settings: Any) -> MidtransBank:
    bank = MidtransBank(midtrans)
    use_bank(settings, bank)
    return bank


@pytest.fixture
def attempt(bank: MidtransBank, booking: Booking) -> Payment:
    payment = start_checkout(booking.order, gateway_name="midtrans")
    assert payment is not None
    return payment


def deliver(bank: MidtransBank, drain: Drain, *messages: Message) -> None:
    for message in messages:
        assert post(bank, message) == 200
    drain()


@pytest.mark.defect("CE-07")
@pytest.mark.parametrize("shown", [0, -1], ids=["the first is shown", "the last is shown"])
@pytest.mark.parametrize("ending", ["deny", "expire", "cancel"])
def test_late_end_of_one_try_does_not_undo_the_settlement_of_another(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain, shown: int, ending: str
):
    """An abandoned card page tells of its end 15 minutes later, when the payer has long paid by another method."""
    midtrans.shown = shown
    order_id = attempt.reference
    midtrans.pick(order_id, "credit_card")
    midtrans.pay(order_id, "gopay")
    deliver(bank, drain, *bank.messages)
    getattr(midtrans, ending)(order_id)
    deliver(bank, drain, bank.messages[-1])
    ask_gateway(attempt)
    assert state_of(attempt) == PAID


@pytest.mark.defect("CE-07")
@pytest.mark.parametrize("shown", [0, 1, -1])
def test_two_refused_cards_and_then_a_paid_one_are_paid(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain, shown: int
):
    midtrans.shown = shown
    for _card in range(2):
        midtrans.deny(attempt.reference)
        deliver(bank, drain, bank.messages[-1])
    assert state_of(attempt)[:2] == (Status.FAILED, Order.Status.AWAITING_PAYMENT)
    midtrans.pay(attempt.reference, "credit_card")
    deliver(bank, drain, bank.messages[-1])
    assert state_of(attempt) == PAID


def test_settlement_that_is_taken_back_is_looked_at_by_a_person(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain
):
    midtrans.pay(attempt.reference, "echannel")
    deliver(bank, drain, bank.messages[-1])
    midtrans.reverse(attempt.reference)
    deliver(bank, drain, bank.messages[-1], bank.messages[0])
    attempt.refresh_from_db()
    assert attempt.status == Status.NEEDS_REVIEW
    assert "took the money back" in attempt.note


@pytest.mark.defect("CE-01", "TB-30")
def test_message_that_was_bent_to_say_taken_back_is_not_believed(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain
):
    """The signature does not cover the status: a true message can be sent again with another one."""
    midtrans.pay(attempt.reference, "gopay")
    deliver(bank, drain, *bank.messages)
    true = bank.messages[-1]
    for word in (b"deny", b"expire", b"refund", b"chargeback"):
        deliver(bank, drain, Message(true.body.replace(b'"settlement"', b'"' + word + b'"'), true.headers))
    assert state_of(attempt) == PAID


def test_bent_message_of_a_waiting_payment_does_not_pay_it(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain
):
    midtrans.pick(attempt.reference, "bank_transfer")
    true = bank.messages[-1]
    deliver(bank, drain, Message(true.body.replace(b'"pending"', b'"settlement"'), true.headers))
    assert state_of(attempt)[:2] == (Status.PENDING, Order.Status.AWAITING_PAYMENT)


@pytest.mark.parametrize("echo", [True, False], ids=["echoed", "not echoed"])
def test_dana_numbers_orders_anew_but_echoes_ours(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain, echo: bool
):
    midtrans.pay(attempt.reference, "dana")
    midtrans.transaction(attempt.reference).changes |= {"order_id": "DANA-20260101-77"}
    if not echo:
        midtrans.transaction(attempt.reference).changes["custom_field1"] = None
    deliver(bank, drain, bank.messages[-1])
    assert state_of(attempt)[0] == (Status.SUCCEEDED if echo else Status.NEEDS_REVIEW)


def test_dana_payment_of_another_order_pays_nothing(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain
):
    midtrans.pick(attempt.reference, "dana")
    mine = bank.messages[-1]
    midtrans.pay(attempt.reference, "dana")
    midtrans.transaction(attempt.reference).changes |= {"order_id": "DANA-1", "custom_field1": "PAY-OTHERORDER-1"}
    deliver(bank, drain, mine)
    assert state_of(attempt)[0] != Status.SUCCEEDED


@pytest.mark.defect("CE-05")
@pytest.mark.parametrize(
    "changes",
    [{"gross_amount": "155000.00"}, {"gross_amount": "145000.00"}, {"currency": "USD"}, {"gross_amount": "no sum"}],
    ids=["a fee was added", "a promo was taken off", "another currency", "unreadable"],
)
def test_other_money_than_asked_for_is_kept_for_a_person(
    bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment, drain: Drain, changes: dict[str, str]
):
    midtrans.pick(attempt.reference, "qris")
    midtrans.transaction(attempt.reference).changes |= changes
    midtrans.pay(attempt.reference, "qris")
    deliver(bank, drain, bank.messages[-1])
    assert state_of(attempt)[:2] == (Status.NEEDS_REVIEW, Order.Status.AWAITING_PAYMENT)


def test_order_that_nobody_began_to_pay_is_never_told_of(bank: MidtransBank, midtrans: MidtransDouble, attempt: Payment):
    midtrans.expire(attempt.reference)
    assert bank.messages == []
    ask_gateway(attempt)
    assert state_of(attempt)[0] == Status.PENDING  # our own clock ends it
