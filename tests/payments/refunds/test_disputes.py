"""Disputes: flagged, told, decided by the gateway or a person, once, in whatever order their words come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from bookings.errors import DomainError, InvalidInput
from bookings.models import Change, Order, User
from bookings.money import Money
from payments.disputes import decide_dispute, record_disputes
from payments.gateways.base import DisputeReport, DisputeState, Outcome
from payments.models import Dispute, Payment, Refund
from payments.refund_decisions import drop_refund
from payments.refunds import left_to_refund, owe_for_booking
from payments.reviews import return_payment
from payments.settlement import record_report
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments.refunds.conftest import hear, open_page, owe
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Dispute.Status
OPEN, WON, LOST = DisputeState.OPEN, DisputeState.WON, DisputeState.LOST
ALL = Money(150_000, "IDR")


@pytest.fixture
def payment(order: Order) -> Payment:
    payment = make_payment(order)
    record_report(payment, report_of(payment))
    payment.refresh_from_db()
    return payment


def told(state: DisputeState = OPEN, number: str = "dp_1", money: Money | None = ALL) -> DisputeReport:
    return DisputeReport(number, state, money, status=f"word for {state}", reason="fraudulent")


def is_flagged(payment: Payment) -> bool:
    return Order.objects.filter(payments=payment, disputed_at__isnull=False).exists()


@pytest.mark.defect("CE-04")
def test_dispute_flags_the_order_and_tells_the_staff_once(payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]):
    drain()
    mailoutbox.clear()
    report = report_of(payment, disputes=[told()])
    assert record_report(payment, report) is True
    assert record_report(payment, report) is False
    drain()
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.money, dispute.reason) == (Status.OPEN, ALL, "fraudulent")
    assert is_flagged(payment)
    [mail] = mailoutbox
    assert "within the days that it names there" in mail.body
    line = Change.objects.get(what="dispute")
    assert (line.order, line.became) == (payment.order, "open")


@pytest.mark.parametrize("end", [WON, LOST])
@pytest.mark.parametrize("first", [True, False])
def test_end_is_the_same_whatever_comes_first(payment: Payment, end: DisputeState, first: bool):
    states = [end, OPEN] if first else [OPEN, end]
    for state in [*states, *states]:
        record_disputes(payment, [told(state)])
    assert [one.status for one in Dispute.objects.all()] == [end.value]
    assert not is_flagged(payment)
    assert left_to_refund(payment) == (ALL if end is WON else Money(0, "IDR"))


@pytest.mark.django_db(transaction=True)
def test_same_dispute_in_eight_threads_is_one(payment: Payment):
    report = report_of(payment, disputes=[told(), told(number="dp_2")])
    outcomes = race(lambda _number: record_report(Payment.objects.get(pk=payment.pk), report), threads=8)
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert Dispute.objects.count() == 2


@pytest.mark.parametrize("closed_first", list(permutations(["dp_1", "dp_2"])))
def test_order_stays_flagged_until_the_last_one_is_over(payment: Payment, closed_first: tuple[str, str]):
    record_disputes(payment, [told(number=number, money=Money(50_000, "IDR")) for number in closed_first])
    record_disputes(payment, [told(WON, closed_first[0])])
    assert is_flagged(payment)
    record_disputes(payment, [told(WON, closed_first[1])])
    assert not is_flagged(payment)


def test_lost_money_of_which_a_part_was_to_go_back_leaves_what_fits(payment: Payment):
    older, newer = owe(payment, 50_000), owe(payment, 60_000)
    record_disputes(payment, [told(LOST, money=Money(90_000, "IDR"))])
    for refund in (older, newer):
        refund.refresh_from_db()
    assert (older.status, newer.is_given_up) == (Refund.Status.PENDING, True)
    assert left_to_refund(payment) == Money(10_000, "IDR")


def test_session_cancelled_after_the_bank_took_the_money_owes_nothing(payment: Payment, order: Order):
    record_disputes(payment, [told(LOST)])
    booking = order.bookings.get()
    order.bookings.update(status="cancelled", refund=150_000, cancelled_at=timezone.now())
    assert owe_for_booking(booking) is None
    assert not Refund.objects.exists()


@pytest.mark.parametrize("status", [Status.WON, Status.LOST])
def test_person_decides_where_the_gateway_tells_no_end(payment: Payment, root: User, status: Dispute.Status):
    record_disputes(payment, [told()])
    dispute = decide_dispute(Dispute.objects.get(), status=status, who=root, why="Letter of the bank")
    decide_dispute(dispute, status=status, who=root, why="again")
    record_disputes(payment, [told()])  # the gateway goes on saying "chargeback"
    dispute.refresh_from_db()
    assert (dispute.status, dispute.note, is_flagged(payment)) == (status, "Letter of the bank", False)
    line = Change.objects.get(what="dispute", became=status)
    assert (line.who, line.was) == (root, "open")


def test_decision_wants_a_reason_and_an_open_dispute(payment: Payment, root: User):
    record_disputes(payment, [told()])
    dispute = Dispute.objects.get()
    with pytest.raises(InvalidInput):
        decide_dispute(dispute, status=Status.WON, who=root, why=" ")
    decide_dispute(dispute, status=Status.WON, who=root, why="yes")
    with pytest.raises(DomainError):
        decide_dispute(dispute, status=Status.LOST, who=root, why="no")


def test_gateways_own_word_of_the_end_counts_more_than_a_persons(payment: Payment, root: User):
    record_disputes(payment, [told()])
    decide_dispute(Dispute.objects.get(), status=Status.WON, who=root, why="so they said")
    record_disputes(payment, [told(LOST)])
    assert Dispute.objects.get().status == Status.LOST


@pytest.mark.defect("CE-04")
def test_money_that_was_not_lost_after_all_is_owed_again(payment: Payment, order: Order, root: User):
    """Somebody records a loss too soon; the session's money must not be forgotten when the bank says otherwise."""
    refund = owe(payment, 150_000, booking=order.bookings.get(), reason=Refund.Reason.CANCELLED)
    dropped_by_hand = owe_and_drop(payment, root)
    record_disputes(payment, [told()])
    decide_dispute(Dispute.objects.get(), status=Status.LOST, who=root, why="so they said")
    assert Refund.objects.get(pk=refund.pk).is_given_up
    for _copy in range(2):
        record_disputes(payment, [told(WON)])
    refund.refresh_from_db()
    assert (refund.status, refund.finished_at, refund.next_attempt_at is not None) == (Refund.Status.PENDING, None, True)
    dropped_by_hand.refresh_from_db()
    assert dropped_by_hand.is_given_up
    assert left_to_refund(payment).is_zero


def owe_and_drop(payment: Payment, who: User) -> Refund:
    refund = owe(payment, 1_000, status=Refund.Status.FAILED)
    return drop_refund(refund, who=who, why="a mistake")


def test_chargeback_at_midtrans_is_a_dispute_that_a_person_ends(midtrans_bank: Any, order: Order, root: User):
    payment = open_page(midtrans_bank, order)
    midtrans_bank.pay(payment.reference)
    hear(midtrans_bank, payment)
    midtrans_bank.dispute(payment.reference)
    for _time in range(2):
        hear(midtrans_bank, payment)
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.money, payment.status) == (Status.OPEN, ALL, Payment.Status.SUCCEEDED)
    decide_dispute(dispute, status=Status.LOST, who=root, why="Midtrans wrote")
    hear(midtrans_bank, payment)
    assert Dispute.objects.get().status == Status.LOST


def test_reversal_says_what_is_to_be_done_and_can_send_nothing_back(
    payment: Payment, order: Order, root: User, drain: Drain, mailoutbox: list[Any]
):
    report = report_of(payment, Outcome.FAILED, status="deny")
    for _time in range(2):
        record_report(payment, report)
    drain()
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.status, order.status) == (Payment.Status.NEEDS_REVIEW, Order.Status.PAID)
    assert "ask the payer to pay again, or cancel them" in payment.note
    assert [(one.status, one.money) for one in payment.disputes.all()] == [(Status.LOST, ALL)]
    assert len([mail for mail in mailoutbox if "took the money back" in mail.body]) == 1
    with pytest.raises(DomainError, match="taken this money back already"):
        return_payment(payment, who=root, why="send it back")
