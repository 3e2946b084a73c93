"""Rows that the tests of meetings need in numbers."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.db import connection
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings.models import Meeting, MeetingLink, ProviderCall, VideoConnection
from tests.factories import make_booking, make_meeting, make_tutor, make_user, tomorrow


def lesson(start_minute: int = 0, minutes: int = 60) -> During:
    """A time that begins so many minutes after tomorrow noon (UTC)."""
    start = tomorrow() + timedelta(minutes=start_minute)
    return During(start, start + timedelta(minutes=minutes))


def paid_booking(during: During | None = None, **fields: Any) -> Booking:
    """A paid booking of a tutor and a student nobody else knows, so that only links can be scarce."""
    tutor = fields.pop("tutor", None) or make_tutor()
    return make_booking(make_user(), tutor, during=during or lesson(), status=Booking.Status.PAID, **fields)


def waiting_meeting(during: During | None = None, **fields: Any) -> Meeting:
    """A meeting that waits; its tutor teaches at `provider`, and with links of the pool where that fails."""
    tutor = make_tutor(meeting_provider=fields.get("provider", "pool"))
    return make_meeting(paid_booking(during, tutor=tutor), **fields)


def ready_meeting(during: During | None = None, **fields: Any) -> Meeting:
    """A meeting in a room of a vendor."""
    address = {"join_url_tutor": "https://vendor.test/t", "join_url_student": "https://vendor.test/s"}
    return waiting_meeting(during, status=Meeting.Status.READY, next_attempt_at=None, **{**address, **fields})


def make_call(provider: str = "zoom", outcome: str = ProviderCall.Outcome.DONE, **fields: Any) -> ProviderCall:
    """A call to a vendor, just now, that took a tenth of a second."""
    defaults = {"what": "create", "began_at": timezone.now(), "seconds": 0.1}
    return ProviderCall.objects.create(provider=provider, outcome=outcome, **{**defaults, **fields})


def make_connection(**fields: Any) -> VideoConnection:
    """A tutor's account at Zoom that works."""
    defaults = {"provider": "zoom", "account": "tutor@example.com", "connected_at": timezone.now()}
    tutor = fields.pop("tutor", None) or make_tutor()
    made: VideoConnection = VideoConnection.objects.create(tutor=tutor, **{**defaults, **fields})
    return made


def overlaps_on_one_link() -> list[tuple[Meeting, Meeting]]:
    """Pairs of meetings that hold one link at overlapping times; reckoned in Python, not by the database."""
    found = []
    for link in MeetingLink.objects.all():
        held = sorted(Meeting.objects.holding_links().filter(link=link), key=lambda one: one.reserved.lower)
        found += [pair for pair in pairwise(held) if pair[0].reserved.upper > pair[1].reserved.lower]
    return found


def deadlocks_so_far() -> int:
    """Deadlocks that the server has counted in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
