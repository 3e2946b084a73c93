"""A payment that never counted goes back as a whole, by whatever ways: no fault of the books, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bookings.models import Order, Tutor, User
from bookings.money import Money
from payments.disputes import decide_dispute, record_disputes
from payments.earnings import settle_earnings
from payments.gateways.base import DisputeReport, DisputeState, PaymentReport, RefundReport, RefundState
from payments.models import Dispute, Payment, Refund
from payments.receipt_numbers import number_receipts
from payments.refund_decisions import drop_refund
from payments.refund_steps import fail_refund, finish_refund
from payments.refunds import refund_payment
from payments.reviews import accept_payment, return_payment
from payments.settlement import record_report
from payments.vendor_refunds import record_refunds
from tests.factories import make_booking, make_order, make_payment
from tests.payments.test_settlement import report_of

Found = Callable[[], list[str]]
FEE = 3
Way = Callable[[Refund, User], None]


@pytest.fixture
def order(ada: Tutor, sam: User) -> Order:
    """One session of Sam's for Rp150,000, to be paid."""
    order = make_order(sam)
    make_booking(sam, ada, order=order)
    return order


def take(order: Order, amount: int = 150_000, **told: Any) -> Payment:
    """A payment of the order that is paid, with what else is told of it at once."""
    payment = make_payment(order, number=order.payments.count() + 1)
    money = Money(amount, "IDR")
    record_report(payment, report_of(payment, money=money, external_id=f"T-{payment.pk}", **told))
    payment.refresh_from_db()
    return payment


@pytest.fixture
def misfit(order: Order, root: User) -> Refund:
    """A payment with a fee on top was sent back by the staff; then the order was paid as it should be."""
    refund = return_payment(take(order, 150_000 + FEE), who=root, why="too much")
    assert refund is not None
    take(order)
    return refund


@pytest.fixture
def second(order: Order) -> Refund:
    """The order was paid twice."""
    take(order)
    return take(order).refunds.get()


@pytest.fixture
def late(order: Order) -> Refund:
    """The money came for an order that had been called off."""
    order.bookings.update(status="declined")
    Order.objects.filter(pk=order.pk).update(status="cancelled")
    return take(order).refunds.get()


@pytest.fixture(params=["misfit", "second", "late"])
def whole(request: pytest.FixtureRequest) -> Refund:
    """A refund of a whole payment."""
    refund: Refund = request.getfixturevalue(request.param)
    return refund


def lose(refund: Refund, amount: int) -> None:
    sum_of = Money(amount, "IDR")
    record_disputes(refund.payment, [DisputeReport("dp_1", DisputeState.LOST, sum_of, status="lost")])


def send_back_there(payment: Payment, amount: int, number: str = "re_1") -> None:
    record_refunds(payment, [RefundReport(number, RefundState.SUCCEEDED, Money(amount, "IDR"), status="sent")])
    number_receipts()


def arrive(refund: Refund, who: User) -> None:
    finish_refund(refund)
    number_receipts()


def fail(refund: Refund, who: User) -> None:
    fail_refund(refund, detail="no funds")


def drop(refund: Refund, who: User) -> None:
    fail(refund, who)
    drop_refund(refund, who=who, why="The payer wants sessions for it")


def lose_all(refund: Refund, who: User) -> None:
    lose(refund, refund.amount)


def lose_a_part(refund: Refund, who: User) -> None:
    lose(refund, 50_000)


def send_a_part_there(refund: Refund, who: User) -> None:
    send_back_there(refund.payment, 50_000)


@pytest.mark.parametrize("way", [fail, drop, lose_all, lose_a_part, send_a_part_there, arrive])
def test_books_add_up_whatever_becomes_of_a_whole_refund(order: Order, root: User, whole: Refund, found: Found, way: Way):
    way(whole, root)
    settle_earnings(order.pk)
    assert found() == []


@pytest.mark.parametrize("way", [lose_a_part, send_a_part_there])
@pytest.mark.defect("IT-21")
def test_what_is_left_of_a_whole_payment_is_still_owed(whole: Refund, root: User, way: Way):
    key, owed = whole.key, whole.amount
    way(whole, root)
    whole.refresh_from_db()
    assert (whole.status, whole.amount, whole.key == key) == (Refund.Status.PENDING, owed - 50_000, False)


def test_the_answer_to_the_old_sum_is_known_for_what_it_is(second: Refund, root: User):
    """The gateway was being asked for all of it when it told of a part; it says no more than what it sent."""
    key = second.key
    send_a_part_there(second, root)
    sent = RefundReport("re_2", RefundState.SUCCEEDED, Money(100_000, "IDR"), key=key, status="sent")
    record_refunds(second.payment, [sent])
    second.refresh_from_db()
    assert (second.status, second.amount) == (Refund.Status.SUCCEEDED, 100_000)


@pytest.mark.parametrize("way", [lose_a_part, send_a_part_there])
def test_what_is_left_to_a_person_is_less(second: Refund, root: User, way: Way):
    Refund.objects.filter(pk=second.pk).update(status=Refund.Status.MANUAL)
    way(second, root)
    second.refresh_from_db()
    assert (second.status, second.amount, second.round) == (Refund.Status.MANUAL, 100_000, 1)


def test_the_rest_is_owed_again_when_the_bank_gives_back_what_it_took(whole: Refund, root: User, found: Found):
    lose_all(whole, root)
    send_a_part_there(whole, root)
    record_disputes(whole.payment, [DisputeReport("dp_1", DisputeState.WON, status="won")])
    settle_earnings(whole.payment.order_id)
    owed = whole.amount - 50_000
    whole.refresh_from_db()
    assert (whole.status, whole.amount, found()) == (Refund.Status.PENDING, owed, [])


def test_money_that_is_owed_back_only_in_part_is_found(second: Refund, found: Found):
    Refund.objects.filter(pk=second.pk).update(amount=100_000)
    settle_earnings(second.payment.order_id)
    assert found() == ["payment_for_nothing"]


def test_what_the_site_itself_gave_up_is_found(second: Refund, found: Found):
    Refund.objects.filter(pk=second.pk).update(status=Refund.Status.FAILED, finished_at=second.created_at)
    settle_earnings(second.payment.order_id)
    assert found() == ["payment_for_nothing"]


def test_a_refund_of_the_gateways_that_failed_there_is_owed_by_nobody(late: Refund, found: Found):
    Refund.objects.filter(pk=late.pk).update(status=Refund.Status.FAILED, reason=Refund.Reason.VENDOR)
    assert found() == ["payment_for_nothing"]


def test_what_went_back_there_before_the_decision_is_not_owed_again(order: Order, root: User, found: Found):
    odd = take(order, 150_000 + FEE)
    send_back_there(odd, 100_000)
    refund = return_payment(odd, who=root, why="too much")
    assert refund is not None
    take(order)
    drop(refund, root)
    settle_earnings(order.pk)
    assert (refund.amount, found()) == (50_000 + FEE, [])


def test_nothing_is_owed_of_money_that_had_gone_back_there_before_the_decision(order: Order, root: User, found: Found):
    odd = take(order, 150_000 + FEE)
    send_back_there(odd, 100_000)
    send_back_there(odd, 50_000 + FEE, "re_2")
    assert return_payment(odd, who=root, why="too much") is None
    odd.refresh_from_db()
    assert (odd.status, found()) == (Payment.Status.SUCCEEDED, [])


@pytest.mark.parametrize("parts", [(150_000,), (100_000, 50_000)])
def test_money_that_had_gone_back_when_it_was_heard_of_is_no_fault(order: Order, found: Found, parts: tuple[int, ...]):
    take(order)
    sent = [RefundReport(f"re_{part}", RefundState.SUCCEEDED, Money(part, "IDR")) for part in parts]
    take(order, refunds=sent)
    settle_earnings(order.pk)
    assert found() == []


def test_money_in_question_when_it_was_heard_of_is_a_fault_once_it_stays(order: Order, root: User, found: Found):
    take(order)
    take(order, disputes=[DisputeReport("dp_1", DisputeState.OPEN)])
    settle_earnings(order.pk)
    assert found() == []
    decide_dispute(Dispute.objects.get(), status=Dispute.Status.WON, who=root, why="The bank wrote")
    assert found() == ["order_paid_twice"]


def test_money_accepted_for_an_order_that_was_paid_meanwhile_goes_back(order: Order, root: User, found: Found):
    odd = take(order, 150_000 - FEE)
    take(order)
    accept_payment(odd, who=root, why="the fee")
    drop(odd.refunds.get(), root)
    settle_earnings(order.pk)
    assert (odd.refunds.get().reason, found()) == (Refund.Reason.TWICE, [])


def test_a_payment_that_was_reversed_and_one_made_instead_are_no_fault(order: Order, found: Found):
    first = take(order)
    record_report(first, PaymentReport(first.reference, "failed", "deny", first.external_id, first.money))  # type: ignore[arg-type]
    take(order)
    settle_earnings(order.pk)
    assert found() == []


def test_a_sum_that_the_staff_sent_back_of_a_payment_that_counted_leaves_it_counted(order: Order, root: User, found: Found):
    payment = take(order)
    refund = refund_payment(payment, amount=Money(150_000, "IDR"), who=root, why="as a kindness")
    drop(refund, root)
    make_payment(order, number=2, status="succeeded", succeeded_at=payment.succeeded_at)
    number_receipts()
    settle_earnings(order.pk)
    assert found() == ["order_paid_twice"]
