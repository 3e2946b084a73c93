"""What differs between the books and a gateway's word: a table of values, no database."""

from dataclasses import replace
from typing import Any

import pytest

from bookings.money import Money
from payments.gateways.base import DisputeReport, DisputeState, Outcome, PaymentReport, RefundReport, RefundState
from payments.models import Dispute, Payment, Refund
from payments.reconciliation import Kind, differences

FULL, PART = Money(150_000, "IDR"), Money(50_000, "IDR")
PAID = PaymentReport("PAY-BCDF-1", Outcome.PAID, "settlement", "tx-1", FULL)
NOT_BEGUN = PaymentReport("PAY-BCDF-1", Outcome.PENDING, detail="not begun")


def payment(status: str = "succeeded", **fields: Any) -> Payment:
    is_paid = (
        {"received_amount": 150_000, "received_currency": "IDR", "external_id": "tx-1"} if status == "succeeded" else {}
    )
    return Payment(reference="PAY-BCDF-1", amount=150_000, currency="IDR", status=status, **{**is_paid, **fields})


def refund(status: str, pk: int = 1, **fields: Any) -> Refund:
    usual = {"reference": f"RF-{pk}", "amount": 50_000, "payment": payment()}
    return Refund(pk=pk, status=status, **{**usual, **fields})


def back(state: RefundState = RefundState.SUCCEEDED, key: str = "RF-1", **fields: Any) -> RefundReport:
    return RefundReport(**{"external_id": "re_1", "state": state, "money": PART, "key": key, **fields})


def kinds(row: Payment, report: PaymentReport, *refunds: Refund, disputes: tuple[Dispute, ...] = ()) -> list[Kind]:
    return [difference.kind for difference in differences(row, refunds, report, disputes)]


@pytest.mark.parametrize(
    ("row", "report", "found"),
    [
        (payment(), PAID, []),
        (payment("needs_review", received_amount=150_000, received_currency="IDR"), PAID, []),
        *[(payment(status), PAID, [Kind.PAID_THERE]) for status in ("pending", "failed", "expired", "needs_review")],
        *[
            (payment(), replace(PAID, outcome=outcome), [Kind.PAID_HERE])
            for outcome in (Outcome.FAILED, Outcome.EXPIRED, Outcome.PENDING, Outcome.REVIEW)
        ],
        (payment(), NOT_BEGUN, [Kind.UNKNOWN_THERE]),
        (payment(), replace(PAID, money=PART), [Kind.AMOUNT]),
        (payment(), replace(PAID, money=None), [Kind.AMOUNT]),
        (payment(), replace(PAID, money=Money(150_000, "USD")), [Kind.AMOUNT]),
        (payment(received_amount=50_000), replace(PAID, money=PART), []),
        (payment(), replace(PAID, external_id="tx-2"), [Kind.TRANSACTION]),
        (payment(), replace(PAID, outcome=Outcome.UNKNOWN, status="gone"), [Kind.WORD]),
        (payment("pending"), replace(PAID, outcome=Outcome.UNKNOWN), [Kind.WORD]),
        (payment("pending"), replace(PAID, outcome=Outcome.REVIEW), [Kind.HELD_THERE]),
        (payment("needs_review"), replace(PAID, outcome=Outcome.REVIEW), []),
        *[
            (payment(status), replace(NOT_BEGUN, outcome=outcome), [])
            for status in ("pending", "failed", "expired")
            for outcome in (Outcome.PENDING, Outcome.FAILED, Outcome.CANCELLED, Outcome.EXPIRED)
        ],
    ],
)
def test_money_is_compared(row: Payment, report: PaymentReport, found: list[Kind]):
    assert kinds(row, report) == found


@pytest.mark.parametrize(
    ("rows", "told", "found"),
    [
        ([], [], []),
        ([refund("succeeded", external_id="re_1")], [back(key="")], []),
        ([refund("succeeded", external_id="re_1")], [back()], []),
        ([refund("submitted")], [back(RefundState.PENDING)], []),
        ([refund("failed")], [back(RefundState.FAILED)], []),
        ([refund("pending")], [], []),
        ([refund("manual")], [], []),
        ([refund("failed")], [], []),
        ([refund("succeeded")], [], []),  # sent by hand: no gateway knows of it
        ([refund("succeeded")], [back(key="")], []),  # by hand, on the gateway's own pages
        ([], [back(key="")], [Kind.REFUND_NOT_HERE]),
        ([], [back(RefundState.FAILED, key="")], []),
        ([refund("succeeded", external_id="re_1")], [], [Kind.REFUND_NOT_THERE]),
        ([refund("submitted")], [], [Kind.REFUND_NOT_THERE]),
        ([refund("submitted")], [back()], [Kind.REFUND]),
        ([refund("pending")], [back(RefundState.PENDING)], [Kind.REFUND]),
        ([refund("succeeded", external_id="re_1")], [back(RefundState.FAILED)], [Kind.REFUND]),
        ([refund("failed")], [back()], [Kind.REFUND]),
        ([refund("submitted", amount=40_000)], [back(RefundState.PENDING)], [Kind.REFUND]),
        ([refund("submitted")], [back(RefundState.PENDING, money=None)], []),
        ([refund("pending", round=2)], [back(RefundState.FAILED, key="RF-1")], []),  # the round before, which failed
        (
            [refund("succeeded", external_id="re_1"), refund("succeeded", 2, external_id="re_2")],
            [back(external_id="re_2", key=""), back(external_id="re_3", key="")],
            [Kind.REFUND_NOT_HERE, Kind.REFUND_NOT_THERE],
        ),
    ],
)
def test_refunds_are_compared(rows: list[Refund], told: list[RefundReport], found: list[Kind]):
    assert kinds(payment(), replace(PAID, refunds=tuple(told)), *rows) == found


def test_void_of_a_card_payment_is_the_refund_that_the_books_know():
    voided = replace(PAID, outcome=Outcome.CANCELLED, status="cancel")
    known = refund("succeeded", amount=150_000, external_id="void-tx-1")
    assert kinds(payment(), voided, known) == []
    assert kinds(payment(), voided) == [Kind.REFUND_NOT_HERE]
    assert kinds(payment(), replace(voided, external_id="tx-2"), known) == [Kind.PAID_HERE, Kind.REFUND_NOT_THERE]


@pytest.mark.parametrize(
    ("known", "told", "found"),
    [
        ("open", DisputeState.OPEN, []),
        ("lost", DisputeState.LOST, []),
        ("open", DisputeState.WON, [Kind.DISPUTE]),
        ("won", DisputeState.LOST, [Kind.DISPUTE]),
        ("", DisputeState.OPEN, [Kind.DISPUTE_NOT_HERE]),
    ],
)
def test_disputes_are_compared(known: str, told: DisputeState, found: list[Kind]):
    rows = (Dispute(external_id="dp_1", status=known, amount=150_000, currency="IDR"),) if known else ()
    assert kinds(payment(), replace(PAID, disputes=(DisputeReport("dp_1", told, FULL),)), disputes=rows) == found


def test_difference_is_told_in_one_line():
    [difference] = differences(payment("expired"), [], PAID)
    assert str(difference) == ("PAY-BCDF-1: paid there, not here. Books: expired. Gateway: settlement Rp150,000.")
