"""What tests of meetings may ask for besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bookings.api_keys import create_api_key
from bookings.models import Tutor
from meetings.models import VideoConnection
from tests.meetings.acme import ACME, Acme
from tests.meetings.consenting import ConsentDouble, a_vendor


@pytest.fixture
def acme(settings: Any) -> Acme:
    """A vendor offered twice: as "acme" with the keys of the site, as "zoom" with the account of each tutor."""
    ACME.__init__()  # type: ignore[misc]
    settings.MEETING_PROVIDERS = {
        "pool": settings.MEETING_PROVIDERS["pool"],
        "acme": {"BACKEND": "tests.meetings.acme.AcmeMaker", "OPTIONS": {}},
        "zoom": {"BACKEND": "tests.meetings.acme.AcmeOfTutors", "OPTIONS": {}},
    }
    return ACME


@pytest.fixture
def vendor() -> Iterator[ConsentDouble]:
    """A vendor at which tutors connect accounts, offered in Zoom's place."""
    with a_vendor(silence=30) as double:
        yield double


@pytest.fixture
def desk_of_ada(ada: Tutor) -> Client:
    """The browser of a tutor."""
    client = Client()
    client.force_login(ada.user)
    return client


def connect(tutor: Tutor, **fields: Any) -> VideoConnection:
    """The tutor's account at "zoom", which works."""
    made: VideoConnection = VideoConnection.objects.create(
        **{"tutor": tutor, "provider": "zoom", "connected_at": timezone.now(), "account": "ada@zoom.test", **fields}
    )
    return made


@pytest.fixture
def key(db) -> str:
    return create_api_key("the owner's program", scopes=["meetings"])[1]


@pytest.fixture
def call(key):
    def post(path: str, body: Any = None) -> tuple[int, Any]:
        answer = Client().post(
            path, json.dumps(body), content_type="application/json", headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status_code, answer.json()

    return post
