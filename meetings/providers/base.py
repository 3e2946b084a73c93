"""The contract that every provider keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from django.utils.functional import Promise

from bookings.times import During


@dataclass(frozen=True)
class RoomRequest:
    """What a vendor needs to know of a lesson. `key` is the same at every try, and new after a move."""

    key: str
    title: str
    during: During
    tutor_name: str
    student_name: str


@dataclass(frozen=True)
class Room:
    """What a vendor made. The two addresses may be the same."""

    external_id: str
    join_url_tutor: str
    join_url_student: str


class Provider:
    """A way to hold a meeting. `label` is what people read."""

    label: str | Promise


class RoomMaker(Provider, ABC):
    """A provider that makes a room for each meeting."""

    @abstractmethod
    def create(self, request: RoomRequest) -> Room:
        """Make the room, or return the one made before for the same key. Raises ProviderTrouble."""

    @abstractmethod
    def cancel(self, external_id: str) -> None:
        """Close the room. One that is not there is closed. Raises ProviderTrouble."""
