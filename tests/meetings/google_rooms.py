"""A link of the pool as a room that this site made at a pretend Google."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from meetings.doubles.google import GoogleDouble
from meetings.models import MeetingLink, VideoConnection
from meetings.providers.meet_spaces import SPACES_SCOPE
from tests.factories import make_tutor

OWNER = "owner@example.com"


@dataclass(frozen=True)
class Room:
    double: GoogleDouble
    name: str


def connect_google(double: GoogleDouble) -> VideoConnection:
    """The account of the owner of the site, which may make rooms; its token outlasts the days to which tests travel."""
    account: VideoConnection = VideoConnection.objects.create(
        tutor=make_tutor(),
        provider="google",
        account=OWNER,
        scopes=SPACES_SCOPE,
        access_token=double.token_for(OWNER, SPACES_SCOPE),
        refresh_token="refresh",
        expires_at=timezone.now() + timedelta(days=9),
        connected_at=timezone.now(),
    )
    double.ahead -= timedelta(days=9).total_seconds()
    return account


@contextmanager
def room_at_google(link: MeetingLink, settings: Any) -> Iterator[Room]:
    """Let the link lead to a room of the site's own account, which may look into it."""
    with GoogleDouble() as double:
        settings.GOOGLE_MEET_URL = double.url
        account = connect_google(double)
        space = double.new_space(OWNER, is_ours=True)
        MeetingLink.objects.filter(pk=link.pk).update(provider_space_id=space.name, connection=account)
        link.refresh_from_db()
        yield Room(double, space.name)
