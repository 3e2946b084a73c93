"""A site that is set up for a pretend Google, and a tutor's account there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from bookings.models import Tutor
from bookings.outside import Patience
from meetings.doubles.google import GoogleDouble
from meetings.models import VideoConnection
from tests.meetings.oauth.asking import connect
from tests.meetings.providers.google_vendor import OFFICE
from tests.meetings.providers.test_google_service import PRIVATE, PUBLIC, ROBOT

IMPATIENT = Patience(timeouts=(5, 1.5), time_limit=3)


@contextmanager
def site_with_google(settings: Any) -> Iterator[GoogleDouble]:
    """Serve Google, and fill its addresses and keys into what the site's own settings say."""
    with GoogleDouble() as double:
        entry = settings.MEETING_PROVIDERS["google"]
        address = {name.removeprefix("GOOGLE_").lower(): value for name, value in double.settings.items()}
        options = entry["OPTIONS"] | {name: address[name] for name in entry["OPTIONS"] if name in address}
        consent = {name: address[name] for name in entry["OAUTH"]["OPTIONS"]}
        filled = {
            **entry,
            "OPTIONS": {**options, "patience": IMPATIENT},
            "OAUTH": {**entry["OAUTH"], "OPTIONS": {**consent, "patience": IMPATIENT}},
        }
        settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "google": filled}
        yield double


def connect_google(tutor: Tutor, google: GoogleDouble) -> VideoConnection:
    """Keep what Google gives for the tutor's consent."""
    tokens, now = connect(google, account=tutor.user.email), timezone.now()
    made: VideoConnection = VideoConnection.objects.create(
        tutor=tutor,
        provider="google",
        account=tutor.user.email,
        scopes=" ".join(tokens.scopes),
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=now + timedelta(hours=1),
        connected_at=now,
    )
    return made


def host_for_all(google: GoogleDouble, settings: Any, folder: Path, *, may: Iterable[str]) -> None:
    """Have the site's own account host for tutors who connect none, with the rights that its domain authorised."""
    key = folder / "key.json"
    key.write_text(json.dumps({"client_email": ROBOT, "private_key": PRIVATE}))
    google.account(OFFICE)
    google.add_service_account(ROBOT, PUBLIC, may)
    settings.MEETING_PROVIDERS["google"]["SITE_ACCESS"] = {
        "BACKEND": "meetings.providers.google_service.ServiceAccount",
        "OPTIONS": {"key_file": str(key), "delegated_user": OFFICE, "token_url": google.settings["GOOGLE_TOKEN_URL"]},
    }
