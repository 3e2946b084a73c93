"""What a gateway can do. One class per company; it knows no models and no HTTP requests of ours.

Money goes in and comes out as `Money`; a company's minor units and status words stay in its own file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from django.utils.functional import Promise

from bookings.money import Money


class Outcome(StrEnum):
    """What became of an attempt to pay."""

    PENDING = "pending"  # not paid yet, or never begun
    PAID = "paid"  # also what has gone back since: refunds and disputes tell of that
    FAILED = "failed"  # refused; the payer may try again on the same page
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVIEW = "review"  # the gateway wants a person to look: not paid
    UNKNOWN = "unknown"  # a word we do not know


@dataclass(frozen=True)
class CheckoutItem:
    """A line of what is paid; a discount is a line below zero."""

    id: str
    name: str
    money: Money


@dataclass(frozen=True)
class CheckoutRequest:
    """What the payer shall be asked for. The lines sum up to the money; times are aware."""

    reference: str
    money: Money
    items: Sequence[CheckoutItem]
    payer_name: str
    payer_email: str
    made_at: datetime
    expires_at: datetime
    return_url: str

    def __post_init__(self) -> None:
        if sum((item.money for item in self.items), Money(0, self.money.currency)) != self.money:
            raise ValueError("the lines of a checkout must sum up to its total")


@dataclass(frozen=True)
class Attempt:
    """What we know of an attempt when we ask about it."""

    reference: str
    token: str = ""  # of its page
    external_id: str = ""  # of a transaction of it that is to be looked at as well
    made_at: datetime | None = None


@dataclass(frozen=True)
class CheckoutPage:
    """Where the payer goes, exactly as the gateway said it."""

    url: str
    token: str = ""


class RefundState(StrEnum):
    """What became of a refund at the gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # also after it had succeeded: the money is with the gateway again


@dataclass(frozen=True)
class RefundRequest:
    """Money to be sent back. Asked twice with the same key, the gateway sends it once."""

    key: str
    attempt: Attempt
    money: Money
    received: Money  # the whole of the payment
    method: str  # how it was paid, in the gateway's word
    reason: str  # a few English words for the gateway's own pages


@dataclass(frozen=True)
class RefundReport:
    """What the gateway says of money that went back, whoever asked for it."""

    external_id: str
    state: RefundState
    money: Money | None = None  # None if it cannot be read
    key: str = ""  # ours; empty where the refund was made at the gateway itself
    status: str = ""  # the gateway's own word
    made_at: datetime | None = None
    detail: str = ""


class DisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class DisputeReport:
    """What the gateway says of a payer's bank that takes the money back, or asks to."""

    external_id: str
    state: DisputeState
    money: Money | None = None
    status: str = ""
    reason: str = ""
    opened_at: datetime | None = None


@dataclass(frozen=True)
class PaymentReport:
    """What a gateway says about an attempt. Compare it with what was asked for before believing it."""

    reference: str
    outcome: Outcome
    status: str = ""  # the gateway's own word
    external_id: str = ""
    money: Money | None = None  # as the gateway has it; None if it cannot be read
    method: str = ""
    paid_at: datetime | None = None
    detail: str = ""
    token: str = ""  # of the page, where it was lost and has been found again
    refunds: Sequence[RefundReport] = ()  # all that the gateway knows of, whoever asked for them
    disputes: Sequence[DisputeReport] = ()
    others: Sequence[PaymentReport] = ()  # other transactions that were paid on the same page


@dataclass(frozen=True)
class GatewayMessage:
    """A verified message. `report` is set only where the signature covers everything in it.

    An empty `reference` with an `external_id` is a message that names the gateway's transaction only.
    """

    dedupe_key: str
    reference: str
    kind: str
    external_id: str = ""
    report: PaymentReport | None = None
    claims_money: bool = False  # it says "paid": to be asked about, not to be believed
    token: str = ""  # of the page it is about, where it names one
    refunds: Sequence[RefundReport] = ()  # what it says of them, for where asking does not show them (yet)
    disputes: Sequence[DisputeReport] = ()


class Gateway(ABC):
    """One company that takes money."""

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    summary: ClassVar[str | Promise] = ""  # what can be paid with there, in a payer's words
    # How long a page can stay open. An order may wait for longer: its payer is then given another page.
    longest_page: ClassVar[timedelta] = timedelta(hours=23)
    # How long a page stays open at least: if that is longer than the order waits, it is closed at the order's end.
    shortest_page: ClassVar[timedelta] = timedelta(0)
    # How it is answered: its retries depend on it (payments.md C1).
    bad_message_status: ClassVar[int] = 400
    unknown_payment_status: ClassVar[int] = 404

    @property
    @abstractmethod
    def is_configured(self) -> bool:
        """False without the keys: the gateway is then offered to nobody."""

    def doubts(self, *, site_url: str) -> list[str]:
        """Return what looks wrong with its set-up, in sentences for the owner that tell no secret."""
        return []

    @abstractmethod
    def can_take(self, money: Money) -> bool:
        """Say whether this amount and currency can be paid here."""

    @abstractmethod
    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        """Ask the gateway for a payment page. Raises GatewayUnavailable (outcome unknown) or GatewayRefused."""

    @abstractmethod
    def verify_message(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise BadSignature or BadMessage unless the gateway itself sent these bytes."""

    @abstractmethod
    def read_message(self, body: bytes) -> GatewayMessage:
        """Read a verified body. Raises BadMessage."""

    @abstractmethod
    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        """Ask what became of an attempt, its refunds and disputes. Raises GatewayUnavailable or GatewayRefused."""

    @abstractmethod
    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        """Close an attempt's page so that it can no longer be paid, and return what is true then: it may be paid already.

        Closing twice changes nothing. Raises GatewayUnavailable (it may still be open) or GatewayRefused.
        """

    @abstractmethod
    def send_refund(self, request: RefundRequest) -> RefundReport:
        """Send money back, once per key however often it is asked.

        Raises GatewayUnavailable (outcome unknown: ask again with the same key), RefundByHand (this gateway cannot
        do it: a person must) or GatewayRefused (it said no for good).
        """

    def open_message(self, headers: Mapping[str, str], body: bytes) -> GatewayMessage:
        """Verify, then read. Raises BadSignature or BadMessage."""
        self.verify_message(headers, body)
        return self.read_message(body)

    def confirm_message(self, message: GatewayMessage, attempt: Attempt | None = None) -> PaymentReport:
        """Return what is true about a message's payment: the message itself if it can be trusted, else by asking.

        `attempt` is what we know of the payment, if it is known here. Where the message names the gateway's
        transaction only, the answer's `reference` stays empty if that is none of ours. Raises GatewayUnavailable or
        GatewayRefused.
        """
        known = attempt or Attempt(message.reference)
        return message.report or self.fetch_report(replace(known, external_id=message.external_id or known.external_id))
