"""The other side of a gateway: what payers, banks and the company's own pages do there. One class per company."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.module_loading import import_string

from bookings.doubles.server import Double, Message
from bookings.money import Money
from payments.gateways.base import Gateway, Outcome


class Bank(ABC):
    """One company. Attempts are named by our reference; each verb sends the messages that the company would send."""

    failed_is: ClassVar[Outcome] = Outcome.FAILED  # what an attempt is whose payer was refused once
    cancelled_is: ClassVar[Outcome] = Outcome.CANCELLED  # what an attempt is that its payer called off

    @property
    @abstractmethod
    def entry(self) -> dict[str, Any]:
        """The gateway's entry of `PAYMENT_GATEWAYS`."""

    @property
    @abstractmethod
    def keyless(self) -> dict[str, Any]:
        """The same entry without its keys."""

    @property
    @abstractmethod
    def stranger(self) -> dict[str, Any]:
        """The same entry with other keys, as of somebody else's site."""

    @property
    @abstractmethod
    def messages(self) -> list[Message]:
        """All that it has sent so far, oldest first; a message's `headers()` signs it as of now."""

    @abstractmethod
    def pay(self, reference: str) -> bool:
        """Pay on the open page, in a way that can be refunded. False, and nothing happens, if it takes no money."""

    @abstractmethod
    def pay_late(self, reference: str) -> None:
        """Have money arrive after the end of what was asked for, in whichever way it can at this company."""

    @abstractmethod
    def begin(self, reference: str) -> None:
        """Begin to pay, and leave it there: it is neither paid nor failed."""

    @abstractmethod
    def fail(self, reference: str) -> None:
        """Try to pay and be refused."""

    @abstractmethod
    def cancel(self, reference: str) -> None:
        """Call off what was begun."""

    @abstractmethod
    def expire(self, reference: str) -> None:
        """Begin to pay, and let the page's time run out."""

    @abstractmethod
    def refund_in_dashboard(self, reference: str, money: Money) -> None:
        """Send money back from the company's own pages."""

    @abstractmethod
    def confirm_refunds(self, reference: str) -> None:
        """Have every refund of it arrive."""

    @abstractmethod
    def dispute(self, reference: str) -> None:
        """Have the payer's bank take the whole of it back, or ask to."""

    @abstractmethod
    def open_pages(self, reference: str) -> int:
        """Count the pages on which it can be paid now."""

    @abstractmethod
    def sent_back(self, reference: str) -> Money:
        """Return what has really gone back of it."""

    def gateway(self) -> Gateway:
        return make_gateway(self.entry)


class Vendor(Bank):
    """A company that is reached over HTTP, so that its answers can go wrong."""

    double: Double
    retries: ClassVar[int] = 0  # how often its library asks again by itself
    # What opens a page, asks about one, closes one and refunds: the beginning of "METHOD /path".
    calls: ClassVar[Mapping[str, str]]

    @property
    def messages(self) -> list[Message]:
        return self.double.messages

    @property
    def unrepeated(self) -> dict[str, Any]:
        """The entry of a gateway whose library asks nothing again by itself."""
        return self.entry

    def hasty(self) -> Gateway:
        """The gateway with short time limits, for calls whose answer does not come; all others may take their time."""
        return self.gateway()


def make_gateway(entry: dict[str, Any]) -> Gateway:
    """Return the gateway of an entry of `PAYMENT_GATEWAYS`."""
    gateway: Gateway = import_string(entry["BACKEND"])(**entry["OPTIONS"])
    return gateway


def use_bank(settings: Any, bank: Bank) -> None:
    """Let the site know this company only."""
    settings.PAYMENT_GATEWAYS = {bank.gateway().name: bank.entry}
