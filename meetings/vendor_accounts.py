"""The accounts at vendors in which rooms of ours may be: those of tutors, and those of the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from meetings.connections import access_to
from meetings.models import VendorRoom, VideoConnection
from meetings.providers import find_maker
from meetings.providers.base import Access, Owner, RoomMaker


@dataclass(frozen=True)
class Account:
    """One account at one vendor; `connection` is None where the keys of the site are enough."""

    provider: str
    maker: RoomMaker
    connection: VideoConnection | None

    def __str__(self) -> str:
        return str(self.connection) if self.connection else self.provider

    def access(self) -> Access | None:
        return access_to(self.connection) if self.connection else None


def accounts() -> Iterator[Account]:
    """Yield the accounts that may have rooms of ours: those in use, and those that were and have rooms to come."""
    for name in settings.MEETING_PROVIDERS:
        maker = find_maker(name)
        if maker is None or type(maker).list_rooms is RoomMaker.list_rooms:
            continue
        # In any order: one that never gets an answer is not always before the same others.
        connections = VideoConnection.objects.filter(provider=name, status=VideoConnection.Status.ACTIVE).order_by("?")
        with_rooms = VendorRoom.objects.standing().filter(connection__isnull=False).values("connection")
        for connection in connections.filter(pk__in=with_rooms) | connections.connected():
            yield Account(name, maker, connection)
        if Owner.NOBODY in maker.owners:
            yield Account(name, maker, None)
