"""What the pretend bank writes down of a payment, in the cache that all processes share.

Each fact that can come about only once has a place of its own, taken with `cache.add`: of two at once one wins. A
payment ends paid, expired or closed; refunds fill numbered places, so whoever takes one has seen all before it.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from bookings.money import Money

Entry = dict[str, Any]

_KEPT_SECONDS = 60 * 60 * 24 * 30


class Answer(StrEnum):
    """What became of a payment at the pretend bank."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CLOSED = "closed"  # by the shop


ENDS = (Answer.PAID, Answer.EXPIRED, Answer.CLOSED)


class Ledger:
    """The page of the ledger that is about one payment."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._key = f"payments.sandbox.{reference}"

    @property
    def entry(self) -> Entry:
        """How it ended, else the latest try; empty if there was none."""
        return cache.get(f"{self._key}.end") or cache.get(self._key) or {}

    @property
    def answer(self) -> Answer:
        return Answer(self.entry.get("status", Answer.OPEN))

    def write(self, answer: Answer, money: Money | None = None) -> Entry:
        """Write down a try, a transaction of its own, and return what then stands here: an end stays the end."""
        entry = self._new_entry(answer, money)
        if answer not in ENDS:
            cache.set(self._key, entry, _KEPT_SECONDS)
        elif cache.add(f"{self._key}.end", entry, _KEPT_SECONDS):
            return entry
        return self.entry

    def write_late_money(self, money: Money) -> Entry:
        """Write down that it was paid although it had ended otherwise."""
        if self.answer is not Answer.PAID:
            cache.set(f"{self._key}.end", self._new_entry(Answer.PAID, money), _KEPT_SECONDS)
        return self.entry

    def refunds(self) -> list[Entry]:
        """Return what went back, oldest first."""
        sent: list[Entry] = []
        while found := cache.get(self._place(len(sent) + 1)):
            sent.append(found)
        return sent

    def send_back(self, money: Money, *, key: str) -> Entry | None:
        """Send money back once per key; None if the payment has not that much left."""
        number, sent = 1, 0
        while True:
            place = self._place(number)
            found = cache.get(place)
            if found is None:
                if sent + money.amount > self._taken(money.currency):
                    return None
                refund = self._new_refund(money, key)
                if cache.add(place, refund, _KEPT_SECONDS):
                    return refund
                found = cache.get(place) or refund
            if found["key"] == key:
                return dict(found)
            number, sent = number + 1, sent + found["amount"]

    @property
    def dispute(self) -> Entry | None:
        dispute: Entry | None = cache.get(f"{self._key}.dispute")
        return dispute

    def write_dispute(self, state: str) -> None:
        """Open a dispute about the whole payment, or say how it ended."""
        known = self.dispute or {"id": f"sbd_{secrets.token_hex(8)}", "at": timezone.now().isoformat()}
        cache.set(f"{self._key}.dispute", {**known, "state": state}, _KEPT_SECONDS)

    def _taken(self, currency: str) -> int:
        entry = self.entry
        is_paid = entry.get("status") == Answer.PAID and entry["currency"] == currency
        return int(entry["amount"]) if is_paid else 0

    def _place(self, number: int) -> str:
        return f"{self._key}.refund.{number}"

    @staticmethod
    def _new_refund(money: Money, key: str) -> Entry:
        at = timezone.now().isoformat()
        number = f"sbr_{secrets.token_hex(8)}"
        return {"id": number, "key": key, "amount": money.amount, "currency": money.currency, "at": at}

    def _new_entry(self, answer: Answer, money: Money | None) -> Entry:
        return {
            "reference": self._reference,
            "transaction_id": f"sbx_{secrets.token_hex(8)}",
            "status": answer.value,
            "amount": money.amount if money else None,
            "currency": money.currency if money else "",
            "at": timezone.now().isoformat(),
        }
