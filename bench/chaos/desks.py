"""How a payer, a bank or somebody at the dashboard acts at each vendor, and the vendor's own books in one form."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench.place import SERVER_KEY, STRIPE_KEY, STRIPE_WEBHOOK_SECRET
from bookings.doubles.server import Double
from payments.doubles.midtrans import MidtransDouble
from payments.doubles.midtrans_books import TAKEN, Transaction
from payments.doubles.stripe import StripeDouble
from payments.doubles.stripe_books import Thing
from payments.doubles.stripe_people import GONE

SLOW = 0.1  # of all payments at Stripe
NEVER_COMES = 0.2  # of these


@dataclass(frozen=True)
class Taken:
    """A payment that the vendor took, in whole rupiah, with whatever has left it again."""

    reference: str  # ours, of the attempt
    paid_at: float  # seconds since 1970
    amount: int
    returned: int  # all in all
    returned_there: int  # of it, asked for at the vendor's dashboard
    most_by_key: int  # how often the vendor has carried out the same refund of ours: once, or something is wrong
    disputed: int = 0
    can_be_returned: bool = True


class Desk(ABC):
    """One vendor's double, and what people do there."""

    double: Double

    def __init__(self) -> None:
        self._paid_at: dict[str, float] = {}

    def pay(self, reference: str, *, by_hand: bool) -> bool:
        with self.double.lock:
            if not self._pay(reference, by_hand=by_hand):
                return False
            self._paid_at[reference] = time.time()
            return True

    @abstractmethod
    def _pay(self, reference: str, *, by_hand: bool) -> bool:
        """Pay the page of this attempt."""

    @abstractmethod
    def fail(self, reference: str) -> bool: ...

    @abstractmethod
    def send_back(self, reference: str, amount: int) -> bool: ...

    @abstractmethod
    def dispute(self, reference: str) -> bool: ...

    @abstractmethod
    def catch_up(self) -> int:
        """Do what banks do in their own time: confirm refunds, bring slow money. Returns how many of these were done."""

    @abstractmethod
    def ledger(self) -> list[Taken]: ...


class MidtransDesk(Desk):
    """Payers choose among its ways to pay; a transfer cannot be sent back by it."""

    METHODS = ("qris", "qris", "gopay", "dana", "credit_card")
    TRANSFER = "bank_transfer"
    FROM_DASHBOARD = "dashboard-"

    def __init__(self, *, port: int, silence: float, seed: int) -> None:
        super().__init__()
        self._dice = random.Random(seed)
        self.double = self._vendor = MidtransDouble(server_key=SERVER_KEY, port=port, silence=silence, seed=seed)

    def _pay(self, reference: str, *, by_hand: bool) -> bool:
        method = self.TRANSFER if by_hand else self._dice.choice(self.METHODS)
        is_paid = bool(self._vendor.pay(reference, method))
        if is_paid and method == "credit_card":
            self._vendor.settle(reference)
        return is_paid

    def fail(self, reference: str) -> bool:
        return bool(self._vendor.deny(reference))

    def send_back(self, reference: str, amount: int) -> bool:
        return bool(self._vendor.refund_in_dashboard(reference, amount))

    def dispute(self, reference: str) -> bool:
        return bool(self._vendor.charge_back(reference))

    def catch_up(self) -> int:
        with self.double.lock:
            every = [one for page in self._vendor.pages.values() for one in page.transactions]
            waiting = {one.order_id for one in every if any("bank_confirmed_at" not in refund for refund in one.refunds)}
            return sum(bool(self._vendor.confirm_refund(reference)) for reference in waiting)

    def ledger(self) -> list[Taken]:
        with self.double.lock:
            every = [one for page in self._vendor.pages.values() for one in page.transactions if one.status in TAKEN]
            return [self._taken(one) for one in every]

    def _taken(self, one: Transaction) -> Taken:
        keys = Counter(refund["refund_key"] for refund in one.refunds)
        there = [refund for refund in one.refunds if refund["refund_key"].startswith(self.FROM_DASHBOARD)]
        return Taken(
            reference=one.order_id,
            paid_at=self._paid_at[one.order_id],
            amount=one.amount,
            returned=one.refunded,
            returned_there=sum(int(refund["refund_amount"].partition(".")[0]) for refund in there),
            most_by_key=max(keys.values(), default=0),
            disputed=one.charged_back,
            can_be_returned=one.method != self.TRANSFER,
        )


class StripeDesk(Desk):
    """Most pay by card, some in a way of which only days later is known whether money comes. Hundredths of a rupiah."""

    MINOR = 100
    OURS = "refund"  # the metadata of what this site asked for

    def __init__(self, *, port: int, silence: float, seed: int) -> None:
        super().__init__()
        keys = {"secret_key": STRIPE_KEY, "webhook_secrets": [STRIPE_WEBHOOK_SECRET]}
        self.double = self._vendor = StripeDouble(**keys, port=port, silence=silence, seed=seed)
        self._dice = random.Random(seed)
        self._slow: list[str] = []

    def _pay(self, reference: str, *, by_hand: bool) -> bool:
        if self._dice.random() >= SLOW:
            return bool(self._vendor.pay(reference))
        if self._vendor.pay_later(reference):
            self._slow.append(reference)
            return True
        return False

    def catch_up(self) -> int:
        with self.double.lock:
            self._vendor.refunds_start = self._dice.choice(["succeeded", "succeeded", "pending"])
            waiting = [one["id"] for one in self._vendor.refunds.values() if one["status"] == "pending"]
            slow, self._slow = self._slow, []
            for refund in waiting:
                self._vendor.settle_refund(refund)
            for reference in slow:
                self._paid_at[reference] = time.time()
                bring = self._vendor.fail_later if self._dice.random() < NEVER_COMES else self._vendor.settle_later
                bring(reference)
            return len(waiting) + len(slow)

    def fail(self, reference: str) -> bool:
        return bool(self._vendor.decline(reference))

    def send_back(self, reference: str, amount: int) -> bool:
        return bool(self._vendor.refund_in_dashboard(self._intent(reference), amount * self.MINOR))

    def dispute(self, reference: str) -> bool:
        return bool(self._vendor.open_dispute(self._intent(reference)))

    def ledger(self) -> list[Taken]:
        with self.double.lock:
            return [
                self._taken(session) for session in self._vendor.sessions.values() if session["payment_status"] == "paid"
            ]

    def _intent(self, reference: str) -> str:
        return str(self._vendor.session_of(reference)["payment_intent"])

    def _taken(self, session: Thing) -> Taken:
        intent = session["payment_intent"]
        gone = [one for one in self._vendor.refunds.values() if one["payment_intent"] == intent and one["status"] in GONE]
        keys = Counter(one["metadata"][self.OURS] for one in gone if one["metadata"].get(self.OURS))
        disputes = [one for one in self._vendor.disputes.values() if one["payment_intent"] == intent]
        reference = session["client_reference_id"]
        return Taken(
            reference=reference,
            paid_at=self._paid_at[reference],
            amount=session["amount_total"] // self.MINOR,
            returned=sum(one["amount"] for one in gone) // self.MINOR,
            returned_there=sum(one["amount"] for one in gone if not one["metadata"].get(self.OURS)) // self.MINOR,
            most_by_key=max(keys.values(), default=0),
            disputed=sum(one["amount"] for one in disputes) // self.MINOR,
        )


DESKS: dict[str, Callable[..., Desk]] = {"midtrans": MidtransDesk, "stripe": StripeDesk}
