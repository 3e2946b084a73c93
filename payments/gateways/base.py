"""What a gateway can do. One class per company; it knows no models and no HTTP requests of ours.

Money goes in and comes out as `Money`; a company's minor units and status words stay in its own file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from django.utils.functional import Promise

from bookings.money import Money


class Outcome(StrEnum):
    """What became of an attempt to pay."""

    PENDING = "pending"  # not paid yet, or never begun
    PAID = "paid"
    FAILED = "failed"  # refused; the payer may try again on the same page
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVIEW = "review"  # the gateway wants a person to look: not paid
    RETURNED = "returned"  # paid, and some or all of it has gone back: refund or chargeback
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
class CheckoutPage:
    """Where the payer goes, exactly as the gateway said it."""

    url: str
    token: str = ""


@dataclass(frozen=True)
class PaymentReport:
    """What a gateway says about an attempt. Compare it with what was asked for before believing it."""

    reference: str
    outcome: Outcome
    status: str = ""  # the gateway's own word
    external_id: str = ""
    money: Money | None = None  # as the gateway has it; None if it cannot be read
    returned: Money | None = None  # how much has gone back, all in all
    method: str = ""
    paid_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class GatewayMessage:
    """A verified message. `report` is set only where the signature covers everything in it."""

    dedupe_key: str
    reference: str
    kind: str
    external_id: str = ""
    report: PaymentReport | None = None
    claims_money: bool = False  # it says "paid": to be asked about, not to be believed


class Gateway(ABC):
    """One company that takes money."""

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    # How long a page can stay open. An order may wait for longer: its payer is then given another page.
    longest_page: ClassVar[timedelta] = timedelta(hours=23)

    @property
    @abstractmethod
    def is_configured(self) -> bool:
        """False without the keys: the gateway is then offered to nobody."""

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
    def fetch_report(self, reference: str, *, external_id: str = "") -> PaymentReport:
        """Ask what became of an attempt. Raises GatewayUnavailable or GatewayRefused.

        `external_id` is a transaction of the attempt that is to be looked at as well, if there is one.
        """

    def open_message(self, headers: Mapping[str, str], body: bytes) -> GatewayMessage:
        """Verify, then read. Raises BadSignature or BadMessage."""
        self.verify_message(headers, body)
        return self.read_message(body)

    def confirm_message(self, message: GatewayMessage) -> PaymentReport:
        """Return what is true about a message's payment: the message itself if it can be trusted, else by asking."""
        return message.report or self.fetch_report(message.reference, external_id=message.external_id)
