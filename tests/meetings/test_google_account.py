"""A tutor's Google account as the site keeps it: what Google does to tokens, and what becomes of the connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from bookings.kept import in_english
from bookings.models import Tutor
from meetings.accounts import check_account
from meetings.connections import access_to, note_use
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_books import CALENDAR_LIST, Grant
from meetings.errors import ConnectionBroken, ProviderUnavailable
from meetings.models import ProviderCall, VideoConnection
from meetings.providers import get_provider
from meetings.providers.base import ABILITY_UNSEEN, Access, RoomMaker
from tests.meetings.consenting import stored
from tests.meetings.google_site import connect_google, site_with_google
from tests.meetings.providers.asking import ready_room, room_request
from tests.meetings.providers.google_vendor import ADA

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def google(settings: Any) -> Iterator[GoogleDouble]:
    with site_with_google(settings) as double:
        yield double


@pytest.fixture
def connection(google: GoogleDouble, ada: Tutor) -> VideoConnection:
    return connect_google(ada, google)


def maker() -> RoomMaker:
    found = get_provider("google")
    assert isinstance(found, RoomMaker)
    return found


def room_url(access: Access) -> str:
    return ready_room(maker(), room_request(), access).join_url_student


def test_token_that_google_ends_early_is_renewed_and_the_refresh_token_kept(
    google: GoogleDouble, connection: VideoConnection
):
    before = stored(connection)
    google.expire_tokens()
    assert room_url(access_to(connection))
    after = stored(connection)
    assert after.access_token != before.access_token
    assert after.refresh_token == before.refresh_token
    assert after.granted == before.granted
    assert [call.outcome for call in ProviderCall.objects.filter(what="refresh")] == ["done"]


def test_account_that_may_not_be_looked_into_says_so_until_it_made_a_room(google: GoogleDouble, connection: VideoConnection):
    google.pass_time(3600)  # the token from before
    google.grants = {word: Grant(one.account, one.scopes - CALENDAR_LIST) for word, one in google.grants.items()}
    check_account(connection)
    assert (stored(connection).can_host, stored(connection).remark) == (True, in_english(ABILITY_UNSEEN))
    note_use(connection.pk, at=timezone.now(), remark="")
    assert stored(connection).remark == ""
    check_account(stored(connection))
    assert stored(connection).remark == ""


@pytest.mark.defect("IT-18")
def test_withdrawn_consent_breaks_the_connection_once(google: GoogleDouble, connection: VideoConnection):
    google.revoke_grant(ADA)
    for _time in range(2):
        with pytest.raises(ConnectionBroken):
            room_url(access_to(connection))
    assert stored(connection).status == VideoConnection.Status.BROKEN
    assert ProviderCall.objects.filter(what="refresh").count() == 1


@pytest.mark.defect("IT-18")
def test_trouble_at_google_leaves_the_connection_as_it_is(google: GoogleDouble, connection: VideoConnection):
    google.expire_tokens()
    google.refuse_next("POST /token", 503, {"error": "temporarily_unavailable"})
    with pytest.raises(ProviderUnavailable):
        room_url(access_to(connection))
    assert stored(connection).status == VideoConnection.Status.ACTIVE


@pytest.mark.defect("IT-17")
def test_tokens_are_read_with_an_old_key_and_written_with_the_new_one(
    google: GoogleDouble, connection: VideoConnection, settings: Any
):
    old, new = settings.TOKEN_KEYS[0], Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [new, old]
    google.expire_tokens()
    assert room_url(access_to(connection))
    settings.TOKEN_KEYS = [new]
    assert stored(connection).access_token in google.tokens
