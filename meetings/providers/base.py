"""The contract that every provider keeps. A provider knows no models: what it needs is handed to it, values only.

Trouble is raised as the kinds of ProviderTrouble in meetings/errors.py, by the tables of each vendor:

| raised | means | what provisioning does |
| --- | --- | --- |
| ProviderUnavailable | nobody knows whether it was done, or: later | the same again, with the same key |
| ConnectionBroken | the consent is gone | the owner of the account is told to reconnect; the next provider |
| ProviderCannot | not with this account, or not today | the next provider |
| ProviderMisconfigured | our fault, or the set-up's | the operator is told; the next provider |
| RoomGone | there is no such room (move, check) | a new one, with a new key |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.times import During

ABILITY_UNSEEN = _("We may not look whether this account can hold sessions. The first session will show it.")


@dataclass(frozen=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True)
class RoomRequest:
    """What a vendor needs to know of a lesson.

    `key` is the same at every try and new whenever another room is wanted: `BK-…-G`, capitals, digits and hyphens. Where
    rooms of several sites may share an account a provider puts the site's own mark (ROOM_MARK, from its OPTIONS) in front
    of it. `time_zone` is the tutor's. `is_first_try` spares the search for what an earlier try may have made: set it only
    where nobody can have asked for this key before, such as when the row of the room was written just now.
    """

    key: str
    reference: str
    title: str
    during: During  # UTC
    time_zone: str
    tutor: Person
    student: Person
    join_url: str  # the stable address of this site, for descriptions
    is_first_try: bool = False


@dataclass(frozen=True)
class Room:
    """What a vendor made, or has. The two addresses may be the same; both are empty while it is still being made.

    `remark` is a sentence for the tutor about what the vendor will do differently, such as a limit of 40 minutes.
    """

    external_id: str
    join_url_tutor: str = ""
    join_url_student: str = ""
    is_in_use: bool = False  # people are in it right now, as far as the vendor tells
    remark: str | Promise = ""

    @property
    def is_pending(self) -> bool:
        return not self.join_url_student


@dataclass(frozen=True)
class FoundRoom:
    """A room that the vendor lists as ours: its key tells which lesson it was made for."""

    key: str
    external_id: str
    starts_at: datetime | None


@dataclass(frozen=True)
class Visitor:
    """Who goes in now. `code` names the person to the vendor and says nothing to outsiders; `name` may be empty."""

    code: str
    name: str
    is_tutor: bool


class Owner(StrEnum):
    """With whose account a provider works."""

    NOBODY = "nobody"  # the keys of the site are enough
    TUTOR = "tutor"  # the tutor's consent
    SITE = "site"  # an account of the owner of the site, for all tutors


class Access(ABC):
    """An account at a vendor and a token that opens it, kept fresh by whoever made this (meetings/connections.py)."""

    owner: ClassVar[Owner] = Owner.TUTOR  # SITE where one account hosts for all tutors
    account: str  # an address or a number, as the vendor names it
    base_url: str = ""  # where this account is served, if the vendor said so

    @abstractmethod
    def token(self) -> str:
        """Return a token that is good for a minute at least.

        Raises ConnectionBroken or ProviderUnavailable; ProviderMisconfigured for an account of the site.
        """

    @abstractmethod
    def renewed(self, refused: str) -> str:
        """Return another token after the vendor refused this one: one refresh, whoever asks. Raises as `token`."""


class Provider:
    """A way to hold a meeting. `label` is what people read."""

    label: str | Promise
    summary: str | Promise = ""  # one sentence for tutors who choose
    invites: bool = False  # it invites both sides by itself: our mails are plain then

    @property
    def is_configured(self) -> bool:
        """False without the keys: it is then offered to nobody."""
        return True

    def doubts(self) -> list[str]:
        """Return what looks wrong with its set-up, in sentences for the owner that tell no secret."""
        return []


class RoomMaker(Provider, ABC):
    """A provider that makes a room for each meeting.

    `access` is None where `owners` has only NOBODY. Every call is one that may be repeated.
    """

    owners: frozenset[Owner] = frozenset({Owner.NOBODY})  # a provider may tell by its OPTIONS
    hosts_are_tutors: bool = False  # rooms in the site's account are each tutor's own, and so are limits of a day
    calls_a_day: ClassVar[int | None] = None  # create and move, of one host between two midnights of UTC

    @abstractmethod
    def create(self, request: RoomRequest, access: Access | None) -> Room:
        """Make the room, or return the one made before for the same key. It may still be pending: `check` it then."""

    @abstractmethod
    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        """Give the room the lesson's new time and return it as it is then. Raises RoomGone as well."""

    @abstractmethod
    def cancel(self, external_id: str, access: Access | None) -> None:
        """Close the room. One that is not there is closed."""

    @abstractmethod
    def check(self, external_id: str, access: Access | None) -> Room:
        """Return the room as the vendor has it now. Raises RoomGone as well."""

    def find(self, key: str, access: Access | None, tutor: Person) -> Room | None:
        """Return the room made for this key, if there is one: asked where an answer to `create` was lost and nobody
        wants the room any more. `tutor` is as in the request; who else's rooms there may be the nightly comparison reads.
        """
        return None

    def end(self, external_id: str, access: Access | None) -> None:
        """Send everybody out after the lesson, where the vendor lets us. By default nothing."""

    def why_it_cannot_host(self, access: Access) -> str | Promise | None:
        """Return why this account of the site cannot hold meetings, "" if it can, None where we may not look.

        By default an account that opens can. Raises ProviderTrouble.
        """
        return ""

    def way_in(self, address: str, external_id: str, visitor: Visitor, access: Access | None) -> str:
        """Return where this person goes in right now; by default at `address`, the stored one of the person's side.

        What is returned is followed at once and kept nowhere: it may open more than the room, and it is never a student's
        where it is the tutor's. Somebody waits at the door meanwhile, so there is at most one call, with little patience.
        `access` is that of the tutor who goes in, with a token that is never renewed here, where the room was made with
        the tutor's own account; else None, and then nobody is asked. Whatever ProviderTrouble is raised, the caller uses
        `address`.
        """
        return address

    def list_rooms(self, access: Access | None, *, since: datetime) -> Iterable[FoundRoom]:
        """Return the rooms of this account that carry our mark and start after then, whoever remembers them."""
        return ()
