"""A site that is set up for a pretend Zoom or a pretend 100ms, and a tutor's account there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from bookings.models import Tutor
from meetings.doubles.hundredms import HundredmsDouble
from meetings.doubles.zoom import ZoomDouble
from meetings.models import VideoConnection
from tests.meetings.providers.hundredms_vendor import KEYS, MARK
from tests.meetings.providers.zoom_vendor import APP

ACCOUNT, HOST = "account-1", "office@example.com"
IMPATIENT: dict[str, Any] = {"timeouts": (5, 1.5), "time_limit": 2}


@contextmanager
def site_with_zoom(settings: Any) -> Iterator[ZoomDouble]:
    """Serve Zoom, and offer it to tutors who connect their accounts."""
    with ZoomDouble(**APP, account_id=ACCOUNT) as double:
        double.add_host(HOST)
        app = {**APP, "api_url": f"{double.url}/v2", **IMPATIENT}
        entry = {
            "BACKEND": "meetings.providers.zoom.ZoomProvider",
            "OPTIONS": {**app, "mark": MARK},
            "OAUTH": {"BACKEND": "meetings.oauth.zoom.ZoomVendor", "OPTIONS": {**app, "oauth_url": f"{double.url}/oauth"}},
        }
        settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "zoom": entry}
        yield double


def host_for_all(zoom: ZoomDouble, settings: Any, *, host: str = HOST) -> None:
    """Have the site's own account host instead: one user of it, or without `host` each tutor in their own name."""
    app = {**APP, "api_url": f"{zoom.url}/v2", "account_id": ACCOUNT, "host": host, **IMPATIENT}
    entry = {
        "BACKEND": "meetings.providers.zoom.ZoomProvider",
        "OPTIONS": {**app, "mark": MARK},
        "SITE_ACCESS": {
            "BACKEND": "meetings.providers.zoom_account.ZoomAccount",
            "OPTIONS": {**app, "oauth_url": f"{zoom.url}/oauth"},
        },
    }
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "zoom": entry}


def connect_zoom(tutor: Tutor, zoom: ZoomDouble) -> VideoConnection:
    """Keep what Zoom gives for the tutor's consent."""
    tokens, now = zoom.give_tokens(tutor.user.email), timezone.now()
    made: VideoConnection = VideoConnection.objects.create(
        tutor=tutor,
        provider="zoom",
        account=tutor.user.email,
        account_id=zoom.hosts[tutor.user.email].id,
        scopes=tokens["scope"],
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        base_url=f"{zoom.url}/v2",
        expires_at=now + timedelta(hours=1),
        connected_at=now,
    )
    return made


@contextmanager
def site_with_hundredms(settings: Any) -> Iterator[HundredmsDouble]:
    """Serve 100ms, and offer it."""
    with HundredmsDouble(**KEYS) as double:
        options = {
            **KEYS,
            **IMPATIENT,
            "subdomain": "linkpool",
            "tutor_role": "host",
            "student_role": "guest",
            "region": "eu",
            "api_url": f"{double.url}/v2",
            "mark": MARK,
        }
        entry = {"BACKEND": "meetings.providers.hundredms.HundredmsProvider", "OPTIONS": options}
        settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "hundredms": entry}
        yield double
