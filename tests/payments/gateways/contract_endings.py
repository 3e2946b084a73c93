"""Closing, refunds and disputes: for every gateway."""

from __future__ import annotations

import pytest

from bookings.money import Money
from payments.errors import GatewayRefused
from payments.gateways.base import Attempt, DisputeState, Gateway, Outcome, RefundRequest, RefundState
from tests.payments.gateways.asking import (
    KEY,
    MONEY,
    OVER,
    PART,
    REFERENCE,
    WithBank,
    gone_back,
    open_attempt,
    refund_request,
    tell,
)
from tests.payments.gateways.banks import Bank


class ClosingContract(WithBank):
    """Closing ends an attempt, unless it is paid; asked again it changes nothing."""

    def test_closed_page_takes_no_money(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        assert gateway.close_checkout(attempt).outcome in OVER
        assert bank.open_pages(REFERENCE) == 0
        assert bank.pay(REFERENCE) is False

    def test_closing_what_was_begun_ends_it(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.begin(REFERENCE)
        assert gateway.close_checkout(attempt).outcome in OVER
        assert bank.pay(REFERENCE) is False

    def test_closing_what_is_paid_reports_the_money(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.pay(REFERENCE)
        report = gateway.close_checkout(attempt)
        assert (report.outcome, report.money) == (Outcome.PAID, MONEY)

    def test_closing_twice_is_closing_once(self, gateway: Gateway):
        attempt = open_attempt(gateway)
        assert gateway.close_checkout(attempt).outcome is gateway.close_checkout(attempt).outcome

    def test_closing_what_has_expired_says_so(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.expire(REFERENCE)
        assert gateway.close_checkout(attempt).outcome is Outcome.EXPIRED


class RefundContract(WithBank):
    """Money goes back once per key, and is seen whoever sent it."""

    @pytest.fixture
    def attempt(self, gateway: Gateway, bank: Bank) -> Attempt:
        attempt = open_attempt(gateway)
        assert bank.pay(REFERENCE)
        return attempt

    @pytest.mark.parametrize("money", [MONEY, PART], ids=["all", "a part"])
    def test_refund_goes_back(self, gateway: Gateway, bank: Bank, attempt: Attempt, money: Money):
        sent = gateway.send_refund(refund_request(gateway, attempt, money))
        assert (sent.key, sent.money) == (KEY, money)
        assert sent.state in (RefundState.PENDING, RefundState.SUCCEEDED)
        bank.confirm_refunds(REFERENCE)
        report = gateway.fetch_report(attempt)
        assert gone_back(report.refunds) == [(KEY, money.amount, RefundState.SUCCEEDED)]
        assert report.refunds[0].external_id == sent.external_id
        assert report.outcome is Outcome.PAID
        assert report.money == MONEY
        assert bank.sent_back(REFERENCE) == money

    def test_one_key_sends_once(self, gateway: Gateway, bank: Bank, attempt: Attempt):
        request = refund_request(gateway, attempt, PART)
        first, second = gateway.send_refund(request), gateway.send_refund(request)
        assert (first.external_id, first.money) == (second.external_id, second.money)
        assert bank.sent_back(REFERENCE) == PART
        assert len(gateway.fetch_report(attempt).refunds) == 1

    def test_two_keys_send_twice(self, gateway: Gateway, bank: Bank, attempt: Attempt):
        for key in (KEY, "RF-JKMNPQ"):
            gateway.send_refund(refund_request(gateway, attempt, PART, key))
        bank.confirm_refunds(REFERENCE)
        assert bank.sent_back(REFERENCE) == Money(100_000, "IDR")
        assert sorted(gone_back(gateway.fetch_report(attempt).refunds)) == [
            (KEY, 50_000, RefundState.SUCCEEDED),
            ("RF-JKMNPQ", 50_000, RefundState.SUCCEEDED),
        ]

    def test_more_than_was_paid_is_refused(self, gateway: Gateway, bank: Bank, attempt: Attempt):
        with pytest.raises(GatewayRefused):
            gateway.send_refund(refund_request(gateway, attempt, Money(150_001, "IDR")))
        assert bank.sent_back(REFERENCE) == Money(0, "IDR")

    def test_refund_of_what_was_never_paid_is_refused(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        with pytest.raises(GatewayRefused):
            gateway.send_refund(RefundRequest(KEY, attempt, MONEY, MONEY, "", "cancelled"))

    def test_refund_of_the_dashboard_is_seen(self, gateway: Gateway, bank: Bank, attempt: Attempt):
        bank.refund_in_dashboard(REFERENCE, PART)
        bank.confirm_refunds(REFERENCE)
        for report in (tell(gateway, bank.messages[-1], attempt), gateway.fetch_report(attempt)):
            assert [(refund.money, refund.state) for refund in report.refunds] == [(PART, RefundState.SUCCEEDED)]
            assert not report.refunds[0].key.startswith("RF-")
            assert report.outcome is Outcome.PAID

    def test_dispute_is_seen(self, gateway: Gateway, bank: Bank, attempt: Attempt):
        bank.dispute(REFERENCE)
        for report in (tell(gateway, bank.messages[-1], attempt), gateway.fetch_report(attempt)):
            assert [(dispute.money, dispute.state) for dispute in report.disputes] == [(MONEY, DisputeState.OPEN)]
            assert report.disputes[0].external_id
            assert report.outcome is Outcome.PAID
