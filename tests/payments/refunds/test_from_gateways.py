"""What gateways tell of refunds, whoever asked for them: set and never added up, whatever the order of messages."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from bookings.models import Order, User
from bookings.money import Money
from payments.gateways.base import DisputeReport, DisputeState, RefundReport, RefundState
from payments.models import Payment, Refund
from payments.refund_decisions import record_refund_sent_by_hand, try_refund_again
from payments.settlement import record_report
from payments.vendor_refunds import record_refunds
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments.refunds.conftest import owe
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Refund.Status
PENDING, SUCCEEDED, FAILED = RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED


@pytest.fixture
def payment(order: Order) -> Payment:
    """Paid here; what the gateway says of it is told by the tests."""
    payment = make_payment(order)
    record_report(payment, report_of(payment))
    payment.refresh_from_db()
    return payment


def told(amount: int = 50_000, state: RefundState = SUCCEEDED, number: str = "re_1", key: str = "") -> RefundReport:
    return RefundReport(number, state, Money(amount, "IDR"), key, state.value)


def rows(payment: Payment) -> list[tuple[int, str, str, str]]:
    return [(one.amount, one.reason, one.status, one.external_id) for one in payment.refunds.order_by("pk")]


def refunded(payment: Payment) -> int:
    payment.refresh_from_db()
    return payment.refunded_amount


@pytest.mark.defect("CE-04")
def test_refund_made_in_the_gateways_own_pages_appears_once(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    drain()
    mailoutbox.clear()
    report = report_of(payment, refunds=[told(50_000)])
    assert record_report(payment, report) is True
    assert record_report(payment, report) is False
    drain()

    assert rows(payment) == [(50_000, "vendor", Status.SUCCEEDED, "re_1")]
    assert refunded(payment) == 50_000
    assert payment.status == Payment.Status.SUCCEEDED
    assert [mail.to for mail in mailoutbox if "A session may still stand for it" in mail.body] == [[root.email]]
    assert [mail.subject for mail in mailoutbox if mail.to == ["sam@example.com"]] == ["Rp50,000 has been sent back to you"]
    assert payment.refunds.get().receipt_number


@pytest.mark.defect("CE-04", "IT-21")
@pytest.mark.parametrize("order_of_states", list(permutations([PENDING, SUCCEEDED, FAILED])))
def test_order_of_messages_does_not_matter(payment: Payment, order_of_states: tuple[RefundState, ...]):
    for state in order_of_states:
        record_refunds(payment, [told(state=state)])
        record_refunds(payment, [told(state=state)])
    assert rows(payment) == [(50_000, "vendor", Status.FAILED, "re_1")]
    assert refunded(payment) == 0


def test_notices_of_begin_and_end_are_one_refund(payment: Payment):
    for state in (PENDING, SUCCEEDED, PENDING):
        record_refunds(payment, [told(state=state)])
    assert rows(payment) == [(50_000, "vendor", Status.SUCCEEDED, "re_1")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("CE-06", "IT-23")
def test_same_report_in_eight_threads_is_one_refund(payment: Payment):
    report = report_of(payment, refunds=[told(50_000), told(30_000, number="re_2")])
    outcomes = race(lambda _number: record_report(Payment.objects.get(pk=payment.pk), report), threads=8)
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert sum(bool(outcome.value) for outcome in outcomes) == 1
    assert rows(payment) == [(50_000, "vendor", Status.SUCCEEDED, "re_1"), (30_000, "vendor", Status.SUCCEEDED, "re_2")]
    assert refunded(payment) == 80_000


def test_ours_is_known_by_its_key_whatever_comes_first(payment: Payment):
    refund = owe(payment, 50_000)
    record_refunds(payment, [told(number="re_dashboard"), told(number="re_ours", key=refund.key)])
    assert rows(payment) == [
        (50_000, "other", Status.SUCCEEDED, "re_ours"),
        (50_000, "vendor", Status.SUCCEEDED, "re_dashboard"),
    ]


def test_number_that_comes_after_the_key_is_the_same_refund(payment: Payment):
    refund = owe(payment, 50_000)
    record_refunds(payment, [told(number=refund.key, key=refund.key, state=PENDING)])
    record_refunds(payment, [told(number="4711", key=refund.key)])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "4711")]


@pytest.mark.parametrize("status", [Status.MANUAL, Status.FAILED, Status.PENDING])
def test_what_a_person_sent_in_the_gateways_pages_is_ours_that_waits_for_it(payment: Payment, status: str):
    owe(payment, 50_000, status=status)
    record_refunds(payment, [told(50_000, key="made-there")])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "re_1")]
    assert refunded(payment) == 50_000


def test_what_was_recorded_by_hand_before_the_message_is_not_counted_again(payment: Payment, root: User):
    refund = owe(payment, 50_000, status=Status.MANUAL)
    record_refund_sent_by_hand(refund, who=root, note="In the gateway's own pages")
    record_refunds(payment, [told(50_000)])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "re_1")]


def test_refund_sent_by_hand_and_by_the_gateway_as_well_is_shown_to_staff(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    refund = owe(payment, 50_000, status=Status.MANUAL)
    record_refund_sent_by_hand(refund, who=root, note="Bank transfer")
    record_refunds(payment, [told(50_000, key=refund.key)])
    drain()
    assert any("was recorded as sent by hand, but the gateway" in mail.body for mail in mailoutbox)


@pytest.mark.defect("IT-21", "TB-28")
def test_what_went_back_there_takes_the_place_of_what_was_to_go(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    owe(payment, 60_000)
    owe(payment, 50_000)
    record_refunds(payment, [told(90_000)])
    drain()
    assert [(amount, status) for amount, _why, status, _number in rows(payment)] == [
        (60_000, Status.PENDING),
        (50_000, Status.FAILED),
        (90_000, Status.SUCCEEDED),
    ]
    given_up = payment.refunds.get(amount=50_000)
    assert (given_up.is_given_up, given_up.note) == (
        True,
        "Nothing is left of this payment: it has gone back at the gateway itself.",
    )
    assert refunded(payment) == 150_000
    assert any(f"({given_up.reference}) is not sent any more" in mail.body for mail in mailoutbox)


def test_more_than_was_paid_is_told_to_staff_once_and_breaks_nothing(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    for _time in range(2):
        record_refunds(payment, [told(150_000), told(10_000, number="re_2")])
    drain()
    assert refunded(payment) == 150_000
    assert len([mail for mail in mailoutbox if "more went back (re_2)" in mail.body]) == 1


@pytest.mark.parametrize("money", [None, Money(50_000, "USD"), Money(0, "IDR")], ids=["none", "other currency", "zero"])
def test_sum_that_cannot_be_read_is_told_to_staff_once(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any], money: Money | None
):
    for _time in range(2):
        record_refunds(payment, [replace(told(), money=money)])
    drain()
    assert rows(payment) == []
    assert len([mail for mail in mailoutbox if "not how much" in mail.body]) == 1


def test_sum_is_set_and_not_added(payment: Payment):
    refund = owe(payment, 50_000)
    for amount in (40_000, 45_000, 45_000):
        record_refunds(payment, [told(amount, key=refund.key)])
    assert rows(payment) == [(45_000, "other", Status.SUCCEEDED, "re_1")]
    assert refunded(payment) == 45_000


def test_refund_that_fails_after_it_had_arrived_needs_a_person_again(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    refund = owe(payment, 50_000)
    record_refunds(payment, [told(key=refund.key)])
    record_refunds(payment, [replace(told(key=refund.key, state=FAILED), detail="lost card")])
    drain()
    refund.refresh_from_db()
    assert (refund.status, refund.finished_at, refund.needs_person) == (Status.FAILED, None, True)
    assert refunded(payment) == 0
    assert any("did not reach the payer and is with the gateway again: lost card" in mail.body for mail in mailoutbox)


def test_late_words_about_a_round_that_failed_do_not_end_the_next(payment: Payment, root: User):
    refund = owe(payment, 50_000)
    first = told(key=refund.key)
    record_refunds(payment, [replace(first, state=FAILED)])
    refund = try_refund_again(Refund.objects.get(), who=root)
    assert refund.key == f"{refund.reference}-2"
    for state in (SUCCEEDED, PENDING, FAILED):
        record_refunds(payment, [replace(first, state=state)])
    assert rows(payment) == [(50_000, "other", Status.PENDING, "re_1")]
    record_refunds(payment, [replace(first, state=FAILED), told(number="re_2", key=refund.key)])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "re_2")]
    record_refunds(payment, [replace(first, state=FAILED)])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "re_2")]


def test_older_round_that_went_out_after_all_is_not_sent_again(payment: Payment, root: User):
    refund = owe(payment, 50_000, status=Status.FAILED)  # refused, so the gateway has no number for it
    key = refund.key
    try_refund_again(refund, who=root)
    record_refunds(payment, [told(key=key)])
    assert rows(payment) == [(50_000, "other", Status.SUCCEEDED, "re_1")]


@pytest.mark.defect("CE-04")
@pytest.mark.parametrize(
    "gone",
    [
        {"refunds": [told(150_000)]},
        {"refunds": [told(100_000), told(50_000, number="re_2", state=PENDING)]},
        {"disputes": [DisputeReport("dp_1", DisputeState.LOST, Money(150_000, "IDR"))]},
        {"disputes": [DisputeReport("dp_1", DisputeState.OPEN)]},
        {"refunds": [told(50_000)], "disputes": [DisputeReport("dp_1", DisputeState.OPEN, Money(100_000, "IDR"))]},
    ],
    ids=["refunded", "in parts", "lost", "charged back", "both"],
)
def test_money_that_is_gone_when_it_is_first_heard_of_confirms_nothing(
    order: Order, root: User, drain: Drain, mailoutbox: list[Any], gone: dict[str, Any]
):
    payment = make_payment(order)
    for _time in range(2):
        record_report(payment, report_of(payment, **gone))
    drain()
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.status, payment.received, order.status) == (
        Payment.Status.SUCCEEDED,
        Money(150_000, "IDR"),
        Order.Status.AWAITING_PAYMENT,
    )
    assert payment.note.startswith("When this payment was first heard of")
    assert (payment.refunds.count(), payment.disputes.count()) == (
        len(gone.get("refunds", [])),
        len(gone.get("disputes", [])),
    )
    assert len([mail for mail in mailoutbox if "first heard of" in mail.body]) == 1


def test_payment_of_which_a_part_is_gone_when_it_is_first_heard_of_pays_its_order(order: Order):
    payment = make_payment(order)
    record_report(payment, report_of(payment, refunds=[told(50_000)]))
    order.refresh_from_db()
    assert (order.status, rows(payment)) == (Order.Status.PAID, [(50_000, "vendor", Status.SUCCEEDED, "re_1")])


def test_second_payment_of_which_a_part_is_gone_owes_the_rest(payment: Payment, order: Order):
    second = make_payment(order)
    record_report(second, report_of(second, external_id="another", refunds=[told(50_000)]))
    assert rows(second) == [(50_000, "vendor", Status.SUCCEEDED, "re_1"), (100_000, "twice", Status.PENDING, "")]
    assert rows(payment) == []


def test_refunds_of_another_transaction_or_payment_are_not_ours(payment: Payment):
    others: list[dict[str, Any]] = [{"external_id": "another"}, {"reference": "PAY-OTHER-1"}]
    for changes in others:
        record_report(payment, report_of(payment, refunds=[told()], **changes))
    assert rows(payment) == []


def test_refund_of_a_payment_without_money_is_not_believed(order: Order):
    payment = make_payment(order)
    assert record_refunds(payment, [told()]) is False
    assert rows(payment) == []
