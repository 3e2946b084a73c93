"""The pretend bank's side of the contract: its pages are signed tickets, its ledger is the cache."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.utils import timezone

from bookings.doubles.server import Message
from bookings.money import Money
from payments.errors import PageOver
from payments.gateways.base import DisputeState
from payments.gateways.sandbox import HEADER, SandboxGateway, Ticket
from payments.gateways.sandbox_ledger import ENDS, Answer, Ledger
from tests.payments.gateways.asking import MONEY
from tests.payments.gateways.banks import Bank


class SandboxBank(Bank):
    def __init__(self) -> None:
        self._sent: list[Message] = []

    @property
    def entry(self) -> dict[str, Any]:
        return _entry("words-of-the-bank")

    @property
    def keyless(self) -> dict[str, Any]:
        return _entry("")

    @property
    def stranger(self) -> dict[str, Any]:
        return _entry("words-of-another-bank")

    @property
    def messages(self) -> list[Message]:
        return self._sent

    def pay(self, reference: str) -> bool:
        with suppress(PageOver):
            self._decide(reference, Answer.PAID)
            return True
        return False

    def pay_late(self, reference: str) -> None:
        self._send(self._bank.take_late_money(_ticket(reference)))

    def begin(self, reference: str) -> None:
        """It knows no way between opening a page and paying."""

    def fail(self, reference: str) -> None:
        self._decide(reference, Answer.FAILED)

    def cancel(self, reference: str) -> None:
        self._decide(reference, Answer.CANCELLED)

    def expire(self, reference: str) -> None:
        self._decide(reference, Answer.EXPIRED)

    def refund_in_dashboard(self, reference: str, money: Money) -> None:
        self._send(self._bank.give_back(_ticket(reference), money))

    def confirm_refunds(self, reference: str) -> None:
        """They arrive at once."""

    def dispute(self, reference: str) -> None:
        self._send(self._bank.dispute(_ticket(reference), DisputeState.OPEN))

    def open_pages(self, reference: str) -> int:
        return int(Ledger(reference).answer not in ENDS)

    def sent_back(self, reference: str) -> Money:
        return Money(sum(refund["amount"] for refund in Ledger(reference).refunds()), "IDR")

    @property
    def _bank(self) -> SandboxGateway:
        return SandboxGateway(**self.entry["OPTIONS"])

    def _decide(self, reference: str, answer: Answer) -> None:
        self._send(self._bank.decide(_ticket(reference), answer))

    def _send(self, body: bytes) -> None:
        bank = self._bank
        self._sent.append(Message(body, lambda: {HEADER: bank.sign(body)}))


def _entry(secret: str) -> dict[str, Any]:
    options = {"secret": secret, "site_url": "http://testserver"}
    return {"BACKEND": "payments.gateways.sandbox.SandboxGateway", "OPTIONS": options}


def _ticket(reference: str) -> Ticket:
    return Ticket(reference, MONEY, timezone.now() + timedelta(minutes=30), "http://testserver/")
