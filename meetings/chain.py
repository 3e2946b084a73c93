"""Where a meeting can be held: at the tutor's wish, else at what they named in its place, in that order.

A provider that has no keys, no consent or no room left for today is never asked: the next one is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bookings.models import Tutor
from meetings.connections import connection_for
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.providers import get_provider, is_offered
from meetings.providers.base import Owner, RoomMaker

POOL = "pool"
MANUAL = "manual"  # a person gives the address
WRITES = ("create", "move")  # the calls that vendors count against a day's limit


@dataclass(frozen=True)
class Place:
    """A provider that can be asked. `maker` is None where nothing is made: the pool, or a person.

    `free_at` is set while its account is better left alone: until then it is not to be asked.
    """

    name: str
    maker: RoomMaker | None = None
    connection: VideoConnection | None = None
    free_at: datetime | None = None


def chain_of(tutor: Tutor) -> list[str]:
    """Return the names of the providers for this tutor's sessions, the wish first; the pool if none of them is offered."""
    named = dict.fromkeys([tutor.meeting_provider, *tutor.fallback_providers])
    return [name for name in named if is_offered(name)] or [POOL]


def next_place(meeting: Meeting, *, tried: Collection[str], now: datetime) -> Place | None:
    """Return the first place that was neither given up nor tried, or None: then a person has to help."""
    tutor = meeting.booking.tutor
    for name in chain_of(tutor):
        if name not in meeting.passed_over and name not in tried and (place := place_at(name, tutor, now=now)) is not None:
            return place
    return None


def place_at(name: str, tutor: Tutor, *, now: datetime) -> Place | None:
    """Return the provider as this tutor can use it, or None without a connection that works."""
    maker = get_provider(name)
    if not isinstance(maker, RoomMaker):
        return Place(name)
    connection = connection_for(tutor, name)
    if connection is None and Owner.NOBODY not in maker.owners:
        return None
    return Place(name, maker, connection, free_at(maker, connection, now=now) if connection else None)


def free_at(maker: RoomMaker, connection: VideoConnection, *, now: datetime) -> datetime | None:
    """Return until when the account is not to be asked for rooms; None if it may be now.

    Vendors count the rooms made and moved of a day (UTC); what a refused call would tell is known without it.
    """
    paused_until = connection.paused_until if connection.paused_until and connection.paused_until > now else None
    if maker.calls_a_day is None or paused_until is not None:
        return paused_until
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = ProviderCall.objects.filter(connection=connection, what__in=WRITES, began_at__gte=midnight)
    return midnight + timedelta(days=1) if today.count() >= maker.calls_a_day else None
