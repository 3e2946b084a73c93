"""Where a meeting can be held: at the tutor's wish, else at what they named in its place, in that order.

A provider that has no keys, no consent or no room left for today is never asked: the next one is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from bookings.models import Tutor
from meetings.connections import connection_for
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.providers import find_maker, get_provider, is_offered
from meetings.providers.asking import LONGEST_WAIT
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
    calls = ProviderCall.objects.filter(provider=name, connection=connection)
    if hosts_are_tutors(connection):
        calls = calls.filter(meeting__booking__tutor=tutor)
    return Place(name, maker, connection, _paused_until(connection, calls, now) or _day_is_full_until(maker, calls, now))


def hosts_are_tutors(connection: VideoConnection | None) -> bool:
    """True for an account of the site that makes rooms in each tutor's own name: each has limits of a day of their own."""
    if connection is None or connection.tutor_id is not None:
        return False
    maker = find_maker(connection.provider)
    return maker is not None and maker.hosts_are_tutors


def _paused_until(connection: VideoConnection | None, calls: QuerySet[ProviderCall], now: datetime) -> datetime | None:
    """Return until when the vendor does not want to be asked, None if it may be.

    An account remembers that by itself; the keys of the site, and tutors in an account of the site, have only their calls.
    """
    if connection is not None and connection.paused_until is not None and connection.paused_until > now:
        return connection.paused_until
    if connection is not None and not hosts_are_tutors(connection):
        return None
    refused = calls.filter(outcome__in=ProviderCall.TROUBLE, began_at__gte=now - LONGEST_WAIT, paused_until__gt=now)
    return refused.order_by("-paused_until").values_list("paused_until", flat=True).first()


def _day_is_full_until(maker: RoomMaker, calls: QuerySet[ProviderCall], now: datetime) -> datetime | None:
    """Return the next midnight (UTC) where the vendor takes no more rooms made or moved today, else None.

    What a refused call would tell is known without it.
    """
    if maker.calls_a_day is None:
        return None
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = calls.filter(what__in=WRITES, began_at__gte=midnight)
    return midnight + timedelta(days=1) if today.count() >= maker.calls_a_day else None
