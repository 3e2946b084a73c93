"""Answers that are lost, broken, late or wrong: the outcome is unknown, and asking again does nothing twice."""

from __future__ import annotations

import pytest

from bookings.doubles.server import Fault
from payments.errors import GatewayUnavailable
from payments.gateways.base import Gateway, Outcome
from tests.payments.gateways.asking import (
    MONEY,
    OVER,
    PART,
    REFERENCE,
    WithBank,
    checkout_request,
    open_attempt,
    refund_request,
)
from tests.payments.gateways.banks import Vendor

every_fault = pytest.mark.parametrize("fault", list(Fault))


def go_wrong(bank: Vendor, call: str, fault: Fault) -> None:
    """Have every try of the next call go wrong, those of the company's own library too."""
    for _try in range(1 + bank.retries):
        bank.double.fail_next(fault, bank.calls[call])


class FaultContract(WithBank):
    """Every fault with every call."""

    @every_fault
    def test_lost_page_is_asked_for_again_and_is_one(self, gateway: Gateway, bank: Vendor, fault: Fault):
        request = checkout_request()
        go_wrong(bank, "open", fault)
        with pytest.raises(GatewayUnavailable):
            bank.hasty().open_checkout(request)
        bank.double.faults.clear()
        assert gateway.open_checkout(request).url
        assert bank.open_pages(REFERENCE) == 1

    @every_fault
    def test_lost_report_is_asked_for_again(self, gateway: Gateway, bank: Vendor, fault: Fault):
        attempt = open_attempt(gateway)
        bank.pay(REFERENCE)
        go_wrong(bank, "fetch", fault)
        with pytest.raises(GatewayUnavailable):
            bank.hasty().fetch_report(attempt)
        bank.double.faults.clear()
        assert gateway.fetch_report(attempt).outcome is Outcome.PAID

    @every_fault
    def test_closing_that_went_wrong_is_done_again(self, gateway: Gateway, bank: Vendor, fault: Fault):
        attempt = open_attempt(gateway)
        go_wrong(bank, "close", fault)
        with pytest.raises(GatewayUnavailable):
            bank.hasty().close_checkout(attempt)
        bank.double.faults.clear()
        assert gateway.close_checkout(attempt).outcome in OVER
        assert bank.pay(REFERENCE) is False

    @every_fault
    def test_money_that_came_while_closing_went_wrong_is_seen(self, gateway: Gateway, bank: Vendor, fault: Fault):
        attempt = open_attempt(gateway)
        go_wrong(bank, "close", fault)
        with pytest.raises(GatewayUnavailable):
            bank.hasty().close_checkout(attempt)
        bank.double.faults.clear()
        is_paid = bank.pay(REFERENCE)
        assert (gateway.close_checkout(attempt).outcome is Outcome.PAID) == is_paid

    @every_fault
    def test_refund_that_went_wrong_is_sent_once(self, gateway: Gateway, bank: Vendor, fault: Fault):
        attempt = open_attempt(gateway)
        bank.pay(REFERENCE)
        request = refund_request(gateway, attempt, PART)
        go_wrong(bank, "refund", fault)
        with pytest.raises(GatewayUnavailable):
            bank.hasty().send_refund(request)
        bank.double.faults.clear()
        assert gateway.send_refund(request).money == PART
        assert bank.sent_back(REFERENCE) == PART
        assert gateway.fetch_report(attempt).money == MONEY
