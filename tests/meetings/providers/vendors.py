"""How the contract makes a provider and looks behind it: subclass `Vendor`, or `DoubledVendor` if HTTP leads there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bookings.doubles.server import Double
from meetings.errors import ConnectionBroken, ProviderTrouble
from meetings.providers.base import Access, RoomMaker


@dataclass(frozen=True)
class Held:
    """A room as the vendor has it. Times are None where it keeps none."""

    external_id: str
    is_open: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Vendor(ABC):
    """One provider and what stands behind it."""

    has_two_addresses: ClassVar[bool] = False  # the tutor's is not the student's

    @abstractmethod
    def maker(self) -> RoomMaker:
        """The provider as the site makes it."""

    @property
    def access(self) -> Access | None:
        return None


class DoubledVendor(Vendor):
    """A vendor behind HTTP. `calls` are the beginnings ("POST /v2/rooms") of what each verb cannot do without."""

    double: Double
    calls: ClassVar[Mapping[str, tuple[str, ...]]]  # create, move (where times are kept), cancel, check
    keeps_times: ClassVar[bool] = True
    refused: ClassVar[type[ProviderTrouble]] = ConnectionBroken  # what a token refused for good is

    @abstractmethod
    def hasty(self) -> RoomMaker:
        """The same provider, waiting for less than a second."""

    @abstractmethod
    def rooms(self) -> list[Held]:
        """Every room there, whoever made it."""

    @abstractmethod
    def addresses(self, external_id: str) -> tuple[str, str]:
        """Where the vendor lets the tutor, and the student, into that room."""

    @abstractmethod
    def delete(self, external_id: str) -> None:
        """Delete a room at the vendor, as its owner can."""

    @abstractmethod
    def enter(self, external_id: str) -> None:
        """Have people in the room."""

    @abstractmethod
    def add_strangers_room(self) -> None:
        """Add a room that others made in the same account."""

    @abstractmethod
    def refuse_token(self) -> None:
        """Have the token that is used now refused, before its time; another will do."""

    @abstractmethod
    def refuse_every_token(self) -> None: ...

    def shorten_pages(self) -> None:
        """Have lists come two rooms at a time, where they come in pages."""

    def open_rooms(self) -> list[Held]:
        return [room for room in self.rooms() if room.is_open]

    def room(self, external_id: str) -> Held:
        return next(room for room in self.rooms() if room.external_id == external_id)


class IssuedAccess(Access):
    """An account whose tokens the vendor's double hands out."""

    def __init__(self, issue: Callable[[], str], *, account: str = "ada@example.com", base_url: str = "") -> None:
        self.account, self.base_url = account, base_url
        self.renewals: list[str] = []
        self._issue = issue
        self._token = issue()

    def token(self) -> str:
        return self._token

    def renewed(self, refused: str) -> str:
        self.renewals.append(refused)
        self._token = self._issue()
        return self._token
