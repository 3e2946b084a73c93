"""Refunds that a person decides on: in part or whole, with a reason, never more than is left, whoever else does the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from bookings.absence import Verdict, record_absence
from bookings.errors import AbsenceDecided, DomainError, InvalidInput
from bookings.models import Booking, Change, Order, User
from bookings.money import Money
from payments.disputes import record_disputes
from payments.errors import NothingLeft, PaymentDisputed, PaymentNotReceived, RefundTooLarge
from payments.gateways.base import DisputeReport, DisputeState
from payments.models import Payment, Refund
from payments.refund_decisions import drop_refund, record_refund_sent_by_hand, try_refund_again
from payments.refund_forms import RefundForm
from payments.refunds import left_to_refund, refund_payment, refund_what_is_left
from payments.settlement import record_report
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments.refunds.conftest import owe
from tests.payments.refunds.test_from_gateways import told
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Refund.Status
ALL, HALF = Money(150_000, "IDR"), Money(75_000, "IDR")


@pytest.fixture
def payment(order: Order) -> Payment:
    payment = make_payment(order)
    record_report(payment, report_of(payment))
    payment.refresh_from_db()
    return payment


def over(order: Order, status: str = Booking.Status.COMPLETED, **fields: Any) -> Booking:
    booking = order.bookings.get()
    ended = timezone.now() - timedelta(hours=2)
    during = (ended - timedelta(hours=1), ended)
    Booking.objects.filter(pk=booking.pk).update(status=status, during=during, blocks=during, **fields)
    booking.refresh_from_db()
    return booking


def test_part_goes_back_with_who_and_why(payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]):
    refund = refund_payment(payment, amount=HALF, who=root, why=" The microphone was broken ")
    assert (refund.money, refund.status, refund.reason, refund.why, refund.asked_by) == (
        HALF,
        Status.PENDING,
        Refund.Reason.OTHER,
        "The microphone was broken",
        root,
    )
    assert left_to_refund(payment) == HALF
    line = Change.objects.get(order=payment.order, what="refund")
    assert (line.who, line.became) == (root, "pending")
    assert "The microphone was broken" in line.why


def test_everything_that_is_left_goes_back_at_once(payment: Payment, root: User):
    refund_payment(payment, amount=Money(40_000, "IDR"), who=root, why="a part")
    assert refund_what_is_left(payment, who=root, why="the rest").money == Money(110_000, "IDR")
    with pytest.raises(NothingLeft):
        refund_what_is_left(payment, who=root, why="again")


@pytest.mark.parametrize(
    ("amount", "why", "error", "words"),
    [
        (Money(150_001, "IDR"), "why", RefundTooLarge, "Only Rp150,000 is left of this payment."),
        (Money(0, "IDR"), "why", InvalidInput, "above zero"),
        (Money(-5, "IDR"), "why", InvalidInput, "above zero"),
        (Money(100, "USD"), "why", InvalidInput, "in IDR"),
        (HALF, "  ", InvalidInput, "why"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    payment: Payment, root: User, amount: Money, why: str, error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        refund_payment(payment, amount=amount, who=root, why=why)
    assert not payment.refunds.exists()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Payment.Status.PENDING, PaymentNotReceived),
        (Payment.Status.FAILED, PaymentNotReceived),
        (Payment.Status.NEEDS_REVIEW, DomainError),
    ],
)
def test_only_money_that_came_goes_back(payment: Payment, root: User, status: str, error: type[Exception]):
    Payment.objects.update(status=status)
    with pytest.raises(error):
        refund_payment(payment, amount=HALF, who=root, why="why")


def test_nothing_goes_back_while_the_payers_bank_asks_for_it(payment: Payment, root: User):
    record_disputes(payment, [DisputeReport("dp_1", DisputeState.OPEN)])
    with pytest.raises(PaymentDisputed):
        refund_payment(payment, amount=HALF, who=root, why="why")


def test_what_the_bank_took_cannot_go_back_again(payment: Payment, root: User):
    record_disputes(payment, [DisputeReport("dp_1", DisputeState.LOST, Money(100_000, "IDR"))])
    with pytest.raises(RefundTooLarge, match="Only Rp50,000 is left"):
        refund_payment(payment, amount=HALF, who=root, why="why")


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-12", "IT-21", "TB-28")
@pytest.mark.parametrize("part", [150_000, 75_000, 40_000, 30_000])
def test_eight_admins_at_once_never_send_back_more_than_was_paid(payment: Payment, root: User, part: int):
    def work(_number: int) -> Refund:
        return refund_payment(Payment.objects.get(pk=payment.pk), amount=Money(part, "IDR"), who=root, why="all at once")

    outcomes = race(work, threads=8)
    refused = [outcome.error for outcome in outcomes if outcome.error]
    assert len(refused) == 8 - 150_000 // part
    left = Money(150_000 % part, "IDR")
    sentences = {str(error) for error in refused}
    assert sentences == {f"Only {left} is left of this payment." if left.amount else str(NothingLeft())}
    payment.refresh_from_db()
    assert payment.refunded_amount == sum(one.amount for one in payment.refunds.all()) == 150_000 - left.amount


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-12", "IT-35")
def test_database_itself_refuses_what_is_too_much(payment: Payment):
    outcomes = race(lambda _number: owe(payment, 40_000), threads=8)
    refused = [outcome.error for outcome in outcomes if outcome.error]
    assert [type(error) for error in refused] == [IntegrityError] * 5
    payment.refresh_from_db()
    assert payment.refunded_amount == 120_000


def test_session_that_is_over_bears_its_refund(payment: Payment, order: Order, root: User):
    booking = over(order)
    refund = refund_payment(payment, amount=HALF, who=root, why="half of it only", booking=booking)
    booking.refresh_from_db()
    assert (refund.booking, booking.money_back) == (booking, HALF)
    with pytest.raises(InvalidInput):
        refund_payment(payment, amount=HALF, who=root, why="once more", booking=booking)
    with pytest.raises(AbsenceDecided):  # it would decide about the same money again
        record_absence(booking, verdict=Verdict.TUTOR_ABSENT, who=root, why="late")


def test_session_to_come_is_cancelled_and_not_refunded(payment: Payment, order: Order, root: User):
    with pytest.raises(InvalidInput, match="leave the session out"):
        refund_payment(payment, amount=HALF, who=root, why="why", booking=order.bookings.get())


def test_session_takes_no_more_than_was_paid_for_it(payment: Payment, order: Order, root: User):
    booking = over(order, discount=100_000)
    with pytest.raises(InvalidInput, match="Only Rp50,000 was paid for this session"):
        refund_payment(payment, amount=HALF, who=root, why="why", booking=booking)


@pytest.mark.parametrize(
    ("typed", "sent"), [("75.000", 75_000), ("75,000", 75_000), ("75000", 75_000), ("", 150_000), (" ", 150_000)]
)
def test_form_reads_a_sum_or_takes_all(payment: Payment, root: User, typed: str, sent: int):
    form = RefundForm({"amount": typed, "why": "because"}, payment=payment)
    assert form.is_valid(), form.errors
    assert form.owe(root).amount == sent


@pytest.mark.parametrize("typed", ["-5", "1,5", "lots", "1e5", "٣", "0x10", "\x00", "9" * 40])
def test_form_says_in_one_sentence_what_is_wrong_with_a_sum(payment: Payment, root: User, typed: str):
    form = RefundForm({"amount": typed, "why": "because"}, payment=payment)
    assert not form.is_valid()
    assert len(form.errors["amount"]) >= 1


def test_form_wants_a_sum_for_a_session(payment: Payment, order: Order):
    booking = over(order)
    form = RefundForm({"amount": "", "why": "because", "booking": booking.pk}, payment=payment)
    assert not form.is_valid()
    assert RefundForm({"amount": "1", "why": "x", "booking": booking.pk}, payment=payment).is_valid()


def test_failed_refund_is_tried_again_with_another_key(payment: Payment, root: User):
    refund = owe(payment, 75_000, status=Status.FAILED, next_attempt_at=None)
    before = refund.key
    again = try_refund_again(refund, who=root)
    assert (again.status, again.round, again.key) == (Status.PENDING, 2, f"{before}-2")
    assert again.next_attempt_at is not None
    assert try_refund_again(owe(payment, 1, status=Status.MANUAL), who=root).round == 1


def test_failed_refund_is_not_tried_again_when_nothing_is_left(payment: Payment, root: User):
    refund = owe(payment, 75_000, status=Status.FAILED)
    refund_payment(payment, amount=Money(100_000, "IDR"), who=root, why="another way")
    with pytest.raises(RefundTooLarge, match="Only Rp50,000 is left"):
        try_refund_again(refund, who=root)
    refund_what_is_left(payment, who=root, why="the rest")
    for verb in (
        lambda: try_refund_again(refund, who=root),
        lambda: record_refund_sent_by_hand(refund, who=root, note="by bank"),
    ):
        with pytest.raises(NothingLeft):
            verb()


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUBMITTED])
def test_what_is_under_way_is_neither_tried_again_nor_dropped(payment: Payment, root: User, status: str):
    refund = owe(payment, 75_000, status=status)
    with pytest.raises(DomainError):
        try_refund_again(refund, who=root)
    with pytest.raises(DomainError):
        drop_refund(refund, who=root, why="no")


def test_dropped_refund_takes_nothing_and_needs_nobody(payment: Payment, root: User):
    refund = owe(payment, 75_000, status=Status.MANUAL)
    drop_refund(refund, who=root, why="The payer keeps it as a credit")
    drop_refund(refund, who=root, why="again")
    refund.refresh_from_db()
    assert (refund.is_given_up, refund.needs_person, refund.is_open) == (True, False, False)
    assert refund.note == "The payer keeps it as a credit"
    assert not Refund.objects.standing().exists()
    assert left_to_refund(payment) == ALL


def test_what_the_gateway_never_confirms_can_be_recorded_after_three_days(payment: Payment, root: User):
    refund = owe(payment, 75_000, status=Status.SUBMITTED, submitted_at=timezone.now() - timedelta(days=2))
    with pytest.raises(DomainError, match="wait for its answer"):
        record_refund_sent_by_hand(refund, who=root, note="seen at the gateway")
    Refund.objects.update(submitted_at=timezone.now() - timedelta(days=4))
    assert record_refund_sent_by_hand(refund, who=root, note="seen at the gateway").has_arrived


@pytest.mark.django_db(transaction=True)
def test_refund_recorded_by_hand_and_reported_at_once_is_one(payment: Payment, root: User):
    refund = owe(payment, 75_000, status=Status.MANUAL)

    def work(number: int) -> object:
        if number % 2:
            return record_refund_sent_by_hand(Refund.objects.get(pk=refund.pk), who=root, note="In the gateway's pages")
        report = report_of(payment, refunds=[told(75_000)])
        return record_report(Payment.objects.get(pk=payment.pk), report)

    assert [outcome.error for outcome in race(work, threads=8)] == [None] * 8
    assert [(one.amount, one.status) for one in payment.refunds.all()] == [(75_000, Status.SUCCEEDED)]
