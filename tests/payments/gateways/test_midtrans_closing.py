"""Closing at Midtrans: what was begun is expired, what was not has its page closed, what is paid stays paid."""

from typing import Any

import pytest

from bookings.doubles.server import Answer, Request
from payments.doubles.midtrans import MidtransDouble
from payments.doubles.midtrans_books import Transaction
from payments.errors import GatewayRefused
from payments.gateways.base import Attempt, Gateway, Outcome
from tests.payments.gateways.asking import OVER, REFERENCE, open_attempt
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY


def posted(midtrans: MidtransDouble) -> list[str]:
    return [request.path.rpartition("/")[2] for request in midtrans.requests if request.method == "POST"][1:]


def test_page_on_which_nothing_was_begun_is_closed_by_its_token(till: Gateway, midtrans: MidtransDouble):
    attempt = open_attempt(till)
    assert till.close_checkout(attempt).outcome is Outcome.CANCELLED
    assert posted(midtrans) == ["cancel"]
    assert midtrans.open_pages(REFERENCE) == 0


def test_what_was_begun_is_expired_and_then_the_page_closed(till: Gateway, midtrans: MidtransDouble):
    attempt = open_attempt(till)
    transaction = midtrans.pick(REFERENCE, "bank_transfer")
    report = till.close_checkout(attempt)
    assert (report.outcome, report.external_id) == (Outcome.EXPIRED, transaction)
    assert posted(midtrans) == ["expire", "cancel"]


@pytest.mark.parametrize(("status", "outcome"), [("capture", Outcome.PAID), ("authorize", Outcome.REVIEW)])
def test_card_that_its_bank_agreed_to_is_never_cancelled(
    till: Gateway, midtrans: MidtransDouble, status: str, outcome: Outcome
):
    attempt = open_attempt(till)
    midtrans.pay(REFERENCE, "credit_card")
    midtrans.transaction(REFERENCE).status = status
    assert till.close_checkout(attempt).outcome is outcome
    assert posted(midtrans) == []


class Hurried(MidtransDouble):
    """Its payer acts between our look and our call."""

    def _expire(self, found: Transaction, request: Request) -> Answer:
        self.pay(found.order_id, found.method)
        return super()._expire(found, request)

    def _cancel_page(self, token: str) -> Answer:
        for page in self.pages.values():
            if not page.transactions:
                self.pick(page.order_id, "gopay")
        return super()._cancel_page(token)


def test_payer_who_is_faster_has_paid():
    with Hurried(server_key=SERVER_KEY) as midtrans:
        till = MidtransBank(midtrans).gateway()
        attempt = open_attempt(till)
        report = till.close_checkout(attempt)  # "Transaction is on progress", then 412: too late
        assert (report.outcome, report.method) == (Outcome.PAID, "gopay")
        assert posted(midtrans) == ["cancel", "expire"]


def test_page_that_cannot_be_closed_is_said_to_be_open(till: Gateway, midtrans: MidtransDouble):
    attempt = open_attempt(till)
    midtrans.knows_page_cancel = False
    with pytest.raises(GatewayRefused) as raised:
        till.close_checkout(attempt)
    assert "cannot be closed" in raised.value.detail
    midtrans.pick(REFERENCE, "bank_transfer")
    assert till.close_checkout(attempt).outcome is Outcome.EXPIRED  # what was begun can be ended all the same


def test_page_whose_token_was_lost_cannot_be_closed_until_it_is_used(till: Gateway, midtrans: MidtransDouble):
    open_attempt(till)
    lost = Attempt(REFERENCE)
    with pytest.raises(GatewayRefused) as raised:
        till.close_checkout(lost)
    assert "token was lost" in raised.value.detail
    midtrans.pick(REFERENCE)
    assert till.close_checkout(lost).outcome in OVER


def test_page_on_which_a_card_was_refused_may_still_be_used(till: Gateway, midtrans: MidtransDouble):
    attempt = open_attempt(till)
    midtrans.deny(REFERENCE)
    with pytest.raises(GatewayRefused):
        till.close_checkout(attempt)
    midtrans.pay(REFERENCE, "gopay")
    assert till.close_checkout(attempt).outcome is Outcome.PAID


def test_token_cannot_lead_the_call_elsewhere(till: Gateway, midtrans: MidtransDouble):
    open_attempt(till)
    odd: Any = Attempt(REFERENCE, token="../../v2/x")
    assert till.close_checkout(odd).outcome is Outcome.CANCELLED  # "token not found"
    assert midtrans.requests[-2].path == "/snap/v1/transactions/..%2F..%2Fv2%2Fx/cancel"
