"""Pages, what becomes of them, and the messages that tell of it: for every gateway."""

from __future__ import annotations

import json

import pytest

from bookings.doubles.server import Message
from bookings.money import Money
from payments.errors import BadMessage, BadSignature
from payments.gateways.base import Gateway, Outcome
from tests.payments.gateways.asking import MONEY, REFERENCE, WithBank, checkout_request, open_attempt, tell
from tests.payments.gateways.banks import Bank, make_gateway


class PageContract(WithBank):
    """A page is opened, and what becomes of it is told."""

    def test_names_itself(self, gateway: Gateway):
        assert gateway.name.isidentifier()
        assert str(gateway.label)

    def test_is_configured_only_with_its_keys(self, bank: Bank):
        assert (bank.gateway().is_configured, make_gateway(bank.keyless).is_configured) == (True, False)

    def test_takes_rupiah_but_not_nothing(self, gateway: Gateway):
        assert gateway.can_take(MONEY)
        assert not gateway.can_take(Money(0, "IDR"))

    def test_opens_one_page(self, gateway: Gateway, bank: Bank):
        page = gateway.open_checkout(checkout_request())
        assert page.url.startswith(("https://", "http://"))
        assert len(page.url) <= 5000
        assert bank.open_pages(REFERENCE) == 1

    def test_asking_for_the_same_page_again_leaves_one_open(self, gateway: Gateway, bank: Bank):
        request = checkout_request()
        gateway.open_checkout(request)
        gateway.open_checkout(request)
        assert bank.open_pages(REFERENCE) == 1

    def test_reports_an_attempt_that_was_not_begun_as_pending(self, gateway: Gateway):
        report = gateway.fetch_report(open_attempt(gateway))
        assert (report.reference, report.outcome) == (REFERENCE, Outcome.PENDING)

    def test_begun_attempt_is_pending(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.begin(REFERENCE)
        assert gateway.fetch_report(attempt).outcome is Outcome.PENDING

    def test_paid_message_is_confirmed_as_paid(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        assert bank.pay(REFERENCE)
        report = tell(gateway, bank.messages[-1], attempt)
        assert (report.reference, report.outcome, report.money) == (REFERENCE, Outcome.PAID, MONEY)
        assert report.external_id
        assert report.status
        assert report.paid_at is not None
        assert report.paid_at.tzinfo is not None

    def test_asking_says_what_the_message_says(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.pay(REFERENCE)
        told, asked = tell(gateway, bank.messages[-1], attempt), gateway.fetch_report(attempt)
        for fact in ("reference", "outcome", "external_id", "money", "method", "paid_at"):
            assert getattr(asked, fact) == getattr(told, fact), fact

    def test_failed_try_is_not_paid_and_can_be_repeated(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.fail(REFERENCE)
        assert tell(gateway, bank.messages[-1], attempt).outcome is bank.failed_is

    def test_cancelled_try_is_not_paid(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.begin(REFERENCE)
        bank.cancel(REFERENCE)
        assert gateway.fetch_report(attempt).outcome is bank.cancelled_is

    def test_expired_page_is_expired(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.expire(REFERENCE)
        assert tell(gateway, bank.messages[-1], attempt).outcome is Outcome.EXPIRED
        assert gateway.fetch_report(attempt).outcome is Outcome.EXPIRED
        assert bank.open_pages(REFERENCE) == 0

    def test_late_money_is_reported_as_money(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.pay_late(REFERENCE)
        report = tell(gateway, bank.messages[-1], attempt)
        assert (report.outcome, report.money) == (Outcome.PAID, MONEY)
        assert gateway.fetch_report(attempt).outcome is Outcome.PAID


class MessageContract(WithBank):
    """Only what the company itself sent is believed, however it is bent."""

    @pytest.fixture
    def paid(self, gateway: Gateway, bank: Bank) -> Message:
        open_attempt(gateway)
        assert bank.pay(REFERENCE)
        return bank.messages[-1]

    def test_copies_share_a_key_and_stored_bodies_can_be_read_again(self, gateway: Gateway, paid: Message):
        message = gateway.open_message(paid.headers(), paid.body)
        assert gateway.open_message(paid.headers(), paid.body) == gateway.read_message(paid.body) == message
        assert 0 < len(message.dedupe_key) <= 200

    def test_different_messages_have_different_keys(self, gateway: Gateway, bank: Bank):
        open_attempt(gateway)
        bank.fail(REFERENCE)
        bank.pay(REFERENCE)
        keys = [gateway.read_message(message.body).dedupe_key for message in bank.messages]
        assert len(keys) == len(set(keys))

    def test_changed_bytes_are_refused(self, gateway: Gateway, paid: Message):
        changed = paid.body.replace(REFERENCE.encode(), b"PAY-OTHERORDER-1")
        assert changed != paid.body
        with pytest.raises(BadSignature):
            gateway.open_message(paid.headers(), changed)

    def test_message_signed_with_another_key_is_refused(self, gateway: Gateway, bank: Bank, paid: Message):
        stranger = make_gateway(bank.stranger)
        with pytest.raises(BadSignature):
            stranger.open_message(paid.headers(), paid.body)

    def test_message_without_its_signature_is_refused(self, gateway: Gateway, paid: Message):
        bare = {name: value for name, value in json.loads(paid.body).items() if name != "signature_key"}
        with pytest.raises(BadSignature):
            gateway.open_message({}, json.dumps(bare).encode())

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"null", b"[" * 50_000])
    def test_nonsense_is_refused(self, gateway: Gateway, body: bytes):
        with pytest.raises((BadMessage, BadSignature)):
            gateway.open_message({}, body)
        with pytest.raises(BadMessage):
            gateway.read_message(body)

    def test_old_message_says_what_is_true_now_or_names_another_try(self, gateway: Gateway, bank: Bank):
        attempt = open_attempt(gateway)
        bank.fail(REFERENCE)
        old = bank.messages[-1]
        assert bank.pay(REFERENCE)
        paid = gateway.fetch_report(attempt)
        replayed = tell(gateway, old, attempt)
        assert replayed.outcome is Outcome.PAID or replayed.external_id != paid.external_id
