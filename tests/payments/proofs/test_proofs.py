"""Each proof finds the fault that it is for, names the rows, and says nothing of books that add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, Change, Order, Tutor, User
from payments.earnings import settle_earnings
from payments.models import Dispute, Earning, Payment, Payout, ReceiptCounter, Refund
from payments.proofs import ALL, prove_books
from payments.receipt_numbers import number_receipts
from tests.factories import make_booking, make_order, make_payment, make_tutor, make_user
from tests.payments.proofs.conftest import START, Books

Found = Callable[[], list[str]]


def test_books_that_add_up_are_left_alone(books: Books, found: Found):
    assert found() == []


def test_nothing_at_all_adds_up(db: None, found: Found):
    assert found() == []


def add_line(books: Books, **fields: Any) -> Earning:
    defaults = {"booking": books.held, "tutor": books.held.tutor, "kind": "correction", "currency": "IDR", "fee_percent": 0}
    return Earning.objects.create(**{**defaults, "gross": 0, "fee": 0, "net": 0, "due_at": START, **fields})


def lose_the_payment(books: Books) -> None:
    other = make_order(books.order.payer, status="paid", total=books.order.total, paid_at=START)
    Payment.objects.update(order=other)
    make_booking(books.order.payer, books.held.tutor, order=other, status="completed", price=300_000)


def pay_again(books: Books) -> None:
    make_payment(books.order, status="succeeded", succeeded_at=START, received_amount=300_000, received_currency="IDR")
    number_receipts()


def pay_for_nothing(books: Books) -> None:
    given_up = make_order(books.order.payer, status="expired")
    make_payment(given_up, status="succeeded", succeeded_at=START)
    number_receipts()


def take_less(books: Books) -> None:
    Payment.objects.update(received_amount=299_999)


def lose_a_session(books: Books) -> None:
    make_booking(make_user(), make_tutor(), order=books.order, status="expired", price=0)


def pay_a_session_alone(books: Books) -> None:
    unpaid = make_order(books.order.payer, total=0)
    make_booking(make_user(), make_tutor(), order=unpaid, status="completed", price=0)


def change_the_total(books: Books) -> None:
    Order.objects.filter(pk=books.order.pk).update(total=299_000)


def change_a_currency(books: Books) -> None:
    make_booking(make_user(), make_tutor(), order=books.order, status="completed", currency="USD", price=0)


def forget_a_refund(books: Books) -> None:
    Payment.objects.update(refunded_amount=0)


def refund_what_never_came(books: Books) -> None:
    never = make_payment(make_order(books.order.payer, status="expired"))
    Refund.objects.create(payment=never, amount=1_000, reason="other")


def owe_more(books: Books) -> None:
    Booking.objects.filter(pk=books.held.pk).update(status="no_show_tutor", refund=150_000)
    books.held.refresh_from_db()


def drop_a_number(books: Books) -> None:
    Refund.objects.update(receipt_number=None)
    ReceiptCounter.objects.filter(kind="refund").delete()


def leave_a_gap(books: Books) -> None:
    ReceiptCounter.objects.filter(kind="payment").update(last=2)


def count_a_number_twice(books: Books) -> None:
    Payment.objects.update(receipt_number="R-2026-000007")


def add_to_an_account(books: Books) -> None:
    add_line(books, gross=-1_000, net=-1_000)


def earn_more_than_came(books: Books) -> None:
    add_line(books, gross=1, net=1)


def forget_the_day(books: Books) -> None:
    add_line(books, due_at=None)


def change_a_payout(books: Books) -> None:
    add_line(books, gross=500, net=500, payout=books.payout)
    add_line(books, gross=-500, net=-500)


def pay_out_too_early(books: Books) -> None:
    add_line(books, due_at=timezone.now(), payout=books.payout)


def earn_for_another(books: Books) -> None:
    add_line(books, tutor=make_tutor())


@pytest.mark.parametrize(
    ("break_it", "proofs"),
    [
        (lose_the_payment, {"order_paid_without_money", "earned_by_the_rule", "earned_within_money"}),
        (pay_again, {"order_paid_twice"}),
        (pay_for_nothing, {"payment_for_nothing"}),
        (take_less, {"payment_accepted_unseen"}),
        (lose_a_session, {"order_paid_session_not"}),
        (pay_a_session_alone, {"session_paid_order_not"}),
        (change_the_total, {"order_total_of_sessions", "order_paid_twice"}),
        (change_a_currency, {"currencies_match"}),
        (forget_a_refund, {"refunds_counted"}),
        (refund_what_never_came, {"refunds_within_received"}),
        (owe_more, {"refund_of_session", "earned_by_the_rule"}),
        (drop_a_number, {"receipt_present"}),
        (leave_a_gap, {"receipt_gapless"}),
        (count_a_number_twice, {"receipt_gapless"}),
        (add_to_an_account, {"earned_by_the_rule"}),
        (earn_more_than_came, {"earned_by_the_rule", "earned_within_money"}),
        (forget_the_day, {"due_when_over"}),
        (change_a_payout, {"payout_of_its_lines"}),
        (pay_out_too_early, {"payout_of_its_tutor"}),
        (earn_for_another, {"earned_by_its_tutor"}),
    ],
)
@pytest.mark.defect("IT-11")
@pytest.mark.defect("IT-21")
@pytest.mark.defect("TB-26")
def test_a_fault_is_found_by_its_proof(books: Books, found: Found, break_it: Callable[[Books], None], proofs: set[str]):
    break_it(books)
    assert set(found()) == proofs


def test_every_proof_has_a_fault_that_it_finds():
    tried = {name for mark in test_a_fault_is_found_by_its_proof.pytestmark for name in _names(mark)}
    assert {proof.name for proof in ALL} == tried


def _names(mark: Any) -> set[str]:
    return set().union(*(proofs for _break, proofs in mark.args[1])) if mark.name == "parametrize" else set()


def test_a_finding_names_its_rows_and_says_what_to_do(books: Books):
    pay_again(books)
    assert [finding.text for finding in prove_books(before=timezone.now())] == [
        f"Order {books.order.reference} costs Rp300,000, but Rp600,000 came for it and is not owed back."
        " Send the surplus back."
    ]


def test_what_has_just_changed_may_be_half_done(books: Books):
    pay_again(books)
    Change.objects.create(order=books.order, what="payment")
    assert prove_books() == []


@pytest.mark.parametrize("reason", ["late", "twice", "cancelled", "misfit", "other"])
def test_money_that_goes_back_whole_is_no_fault(books: Books, found: Found, reason: str):
    pay_again(books)
    Refund.objects.create(payment=books.order.payments.latest("pk"), amount=300_000, reason=reason)
    assert found() == []


def test_money_that_a_person_accepted_is_no_fault(books: Books, found: Found, root: User):
    take_less(books)
    Change.objects.create(order=books.order, what="payment", was="needs_review", became="succeeded", who=root)
    assert found() == []


def cut_short(books: Books, **fields: Any) -> None:
    """Less than was to go back for the session called off was left at that time."""
    Refund.objects.filter(pk=books.refund.pk).update(amount=149_000, **fields)
    settle_earnings(books.order.pk)


def test_a_session_that_got_less_than_it_was_owed_is_found(books: Books, found: Found):
    cut_short(books)
    assert found() == ["refund_of_session"]


def test_the_rest_may_go_back_without_naming_the_session(books: Books, found: Found, root: User):
    cut_short(books)
    Refund.objects.create(payment=books.payment, amount=1_000, reason="other", asked_by=root)
    settle_earnings(books.order.pk)
    assert found() == []


def test_of_a_refund_that_was_given_up_no_rest_is_owed(books: Books, found: Found):
    Refund.objects.update(receipt_number=None)
    ReceiptCounter.objects.filter(kind="refund").delete()
    cut_short(books, status="failed")
    assert found() == []


@pytest.mark.parametrize("status", ["open", "lost"])
def test_a_dispute_stops_refunds_without_a_fault(books: Books, found: Found, status: str):
    Booking.objects.filter(pk=books.held.pk).update(status="no_show_tutor", refund=150_000)
    closed = None if status == "open" else START
    Dispute.objects.create(
        payment=books.payment, external_id="D", status=status, amount=1, currency="IDR", opened_at=START, closed_at=closed
    )
    if status == "open":
        Order.objects.update(disputed_at=START)
    assert "refund_of_session" not in found()


def test_the_twenty_first_fault_is_counted(books: Books, found: Found, ada: Tutor):
    for _number in range(23):
        make_payment(make_order(books.order.payer, status="expired"), status="succeeded", succeeded_at=START)
    number_receipts()
    texts = [finding.text for finding in prove_books(before=timezone.now())]
    assert (len(texts), texts[-1]) == (21, "and 3 more like these")
    assert Payout.objects.count() == 1
