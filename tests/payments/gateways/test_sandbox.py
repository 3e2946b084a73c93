import json
import time
from typing import Any

import pytest
import time_machine

from bookings.money import Money
from payments.errors import BadSignature, GatewayRefused, PaymentUnknown
from payments.gateways.base import Attempt, Outcome, RefundRequest
from payments.gateways.sandbox import HEADER, SandboxGateway
from payments.gateways.sandbox_ledger import Answer
from tests.payments.gateways.asking import MONEY, REFERENCE, checkout_request
from tests.payments.gateways.contract import GatewayContract
from tests.payments.gateways.sandbox_bank import SandboxBank
from tests.race import race


@pytest.fixture
def gateway() -> SandboxGateway:
    return SandboxGateway(secret="words-of-the-bank", site_url="http://testserver/")


def ticket_of(gateway: SandboxGateway):
    return gateway.read_ticket(gateway.open_checkout(checkout_request()).url.rpartition("/")[2])


class TestSandboxGateway(GatewayContract):
    @pytest.fixture
    def bank(self) -> SandboxBank:
        return SandboxBank()


def test_page_holds_what_is_asked_for(gateway: SandboxGateway):
    request = checkout_request()
    ticket = ticket_of(gateway)
    assert (ticket.reference, ticket.money, ticket.return_url) == (REFERENCE, MONEY, request.return_url)


def test_address_made_elsewhere_is_unknown(gateway: SandboxGateway):
    token = gateway.token_of(ticket_of(gateway))
    with pytest.raises(PaymentUnknown):
        gateway.read_ticket(token[:-1] + ("A" if token[-1] != "A" else "B"))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer.OPEN, Outcome.PENDING),
        (Answer.PAID, Outcome.PAID),
        (Answer.FAILED, Outcome.FAILED),
        (Answer.CANCELLED, Outcome.CANCELLED),
        (Answer.EXPIRED, Outcome.EXPIRED),
    ],
)
def test_each_answer_has_its_outcome(gateway: SandboxGateway, answer: Answer, outcome: Outcome):
    body = gateway.decide(ticket_of(gateway), answer)
    report = gateway.read_message(body).report
    assert report is not None
    assert (report.outcome, gateway.answer_of(REFERENCE)) == (outcome, answer)


def test_each_try_is_a_transaction_of_its_own(gateway: SandboxGateway):
    first, second = (json.loads(gateway.decide(ticket_of(gateway), Answer.FAILED)) for _try in range(2))
    assert first["id"] != second["id"]
    assert first["transaction_id"] != second["transaction_id"]


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=x,v1=" + "0" * 64, "t=1,v1=" + "0" * 63, "t=1,v1=" + "0" * 64])
def test_header_that_proves_nothing_is_refused(gateway: SandboxGateway, header: str):
    with pytest.raises(BadSignature):
        gateway.verify_message({HEADER: header}, b"{}")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_signature_is_good_for_five_minutes(gateway: SandboxGateway, seconds: int):
    body = b'{"id":"evt_1"}'
    header = gateway.sign(body)
    with time_machine.travel(time.time() + seconds), pytest.raises(BadSignature):
        gateway.verify_message({HEADER: header}, body)
    with time_machine.travel(time.time() + seconds * 0.9):
        gateway.verify_message({HEADER: header}, body)


@pytest.mark.django_db(transaction=True)
def test_of_paying_and_closing_at_once_one_wins():
    for number in range(20):
        reference = f"PAY-RACE-{number}"
        bank = SandboxBank()
        closing = Attempt(reference)

        def pay_or_close(thread: int, bank=bank, closing=closing) -> bool:
            return bank.pay(closing.reference) if thread else bank.gateway().close_checkout(closing).outcome is Outcome.PAID

        close_saw_money, was_taken = (outcome.value for outcome in race(pay_or_close, threads=2))
        assert close_saw_money is was_taken


@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_are_one_per_key_and_never_more_than_was_paid():
    bank = SandboxBank()
    bank.pay(REFERENCE)
    part = Money(60_000, "IDR")

    def send_back(thread: int) -> Any:
        request = RefundRequest(f"RF-{thread % 4}", Attempt(REFERENCE), part, MONEY, "sandbox", "cancelled")
        return bank.gateway().send_refund(request).key

    outcomes = race(send_back, threads=8)
    assert len([outcome for outcome in outcomes if outcome.error]) == 4
    assert {type(outcome.error) for outcome in outcomes if outcome.error} == {GatewayRefused}
    assert bank.sent_back(REFERENCE) == Money(120_000, "IDR")
