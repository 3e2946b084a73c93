"""Tokens kept fresh: ahead of time, once whoever asks, and never a wrong one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from django.test import override_settings
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.models import Tutor
from bookings.outside import Patience
from meetings import connections
from meetings.connections import access_to, connection_for, mark_broken
from meetings.errors import ConnectionBroken, ProviderUnavailable
from meetings.models import ProviderCall, VideoConnection
from meetings.models.connections import UNREADABLE
from meetings.oauth.base import Tokens
from tests.factories import make_tutor, make_user
from tests.meetings.consenting import ConsentDouble, ConsentVendor, connect, providers, stored
from tests.race import race

SOON = timedelta(minutes=2)
OVER = timedelta(minutes=-1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("IT-18")
def test_token_that_ends_soon_is_renewed_once_by_eight_at_once(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor, lives=SOON)

    outcomes = race(lambda number: access_to(connection).token(), threads=8)

    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert {outcome.value for outcome in outcomes} == {stored(connection).access_token}
    assert vendor.refreshes == 1
    assert stored(connection).refresh_token in vendor.grants


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("IT-18")
def test_refused_token_is_renewed_once_by_eight_at_once(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    refused = stored(connection).access_token

    outcomes = race(lambda number: access_to(connection).renewed(refused), threads=8)

    assert {outcome.value for outcome in outcomes} == {stored(connection).access_token} != {refused}
    assert vendor.refreshes == 1


def test_token_with_time_to_live_is_used_as_it_is(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)

    assert access_to(connection).token() == stored(connection).access_token
    assert not vendor.requests


def test_answer_without_refresh_token_keeps_the_old_one(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    row = stored(connection)
    tokens = Tokens("new-access", "", 3600, frozenset())

    connections.take_tokens(row, tokens, now=timezone.now())

    assert (row.access_token, row.refresh_token) == ("new-access", stored(connection).refresh_token)
    assert row.granted == stored(connection).granted


def test_renewal_without_an_answer_changes_nothing_and_the_old_token_is_tried_later(
    ada: Tutor, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    connection = connect(ada, vendor, lives=OVER)
    vendor.fail_next(Fault.RESET_BEFORE)

    with pytest.raises(ProviderUnavailable):
        access_to(connection).token()
    assert stored(connection).is_usable

    monkeypatch.setattr(connections, "SILENCE", timedelta(0))
    assert access_to(connection).token() in vendor.bearers
    assert vendor.refreshes == 1


def test_consent_is_broken_when_the_lost_answer_held_the_only_good_token(
    ada: Tutor, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    connection = connect(ada, vendor, lives=OVER)
    vendor.fail_next(Fault.RESET)
    monkeypatch.setattr(connections, "SILENCE", timedelta(0))

    with pytest.raises(ProviderUnavailable):
        access_to(connection).token()
    with pytest.raises(ConnectionBroken):
        access_to(connection).token()

    assert stored(connection).status == VideoConnection.Status.BROKEN
    assert [call.outcome for call in ProviderCall.objects.filter(connection=connection).order_by("id")] == [
        ProviderCall.Outcome.UNAVAILABLE,
        ProviderCall.Outcome.BROKEN,
    ]


def test_nobody_asks_a_vendor_again_that_was_silent_a_moment_ago(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor, lives=OVER)
    vendor.fail_next(Fault.RESET_BEFORE)

    for _try in range(3):
        with pytest.raises(ProviderUnavailable):
            access_to(connection).token()

    assert len(vendor.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_those_who_waited_for_a_renewal_in_vain_do_not_each_wait_for_the_vendor(
    ada: Tutor, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    """The wait is longer than the silence after it, as it is in earnest."""
    monkeypatch.setattr(ConsentVendor, "patience", Patience(timeouts=(5, 1.5)))
    monkeypatch.setattr(connections, "SILENCE", timedelta(seconds=1.2))
    connection = connect(ada, vendor, lives=OVER)
    vendor.set_fault_rates(lost=1.0)

    outcomes = race(lambda _number: access_to(connection).token(), threads=3)

    assert [type(outcome.error) for outcome in outcomes] == [ProviderUnavailable] * 3
    assert len(vendor.requests) == 1


def test_token_that_still_lives_is_used_when_the_vendor_does_not_answer(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor, lives=SOON)
    vendor.fail_next(Fault.ERROR)

    assert access_to(connection).token() == stored(connection).access_token


@pytest.mark.defect("IT-18")
def test_broken_connection_is_not_asked_again(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor, lives=OVER)
    vendor.grants.clear()

    for _try in range(3):
        with pytest.raises(ConnectionBroken):
            access_to(connection).token()

    assert vendor.refreshes == 1
    assert stored(connection).broken_why == connections.CONSENT_GONE()
    assert connection_for(ada, "zoom") is None


@pytest.mark.defect("IT-18")
def test_token_that_no_key_opens_is_an_error_and_never_sent(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)

    with override_settings(TOKEN_KEYS=[Fernet.generate_key().decode()]):
        with pytest.raises(ConnectionBroken):
            access_to(connection).token()
        with pytest.raises(ConnectionBroken):
            access_to(connection).renewed("any")

    assert not vendor.requests
    assert VideoConnection.objects.get().broken_why == UNREADABLE()


@pytest.mark.defect("IT-17")
def test_tokens_are_stored_so_that_the_database_cannot_read_them(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)

    with database.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM meetings_videoconnection")
        raw = cursor.fetchone()

    assert raw is not None
    assert all(text.startswith("gAAAA") for text in raw)
    assert stored(connection).access_token not in raw[0]


def test_mark_broken_spares_a_consent_that_was_renewed_meanwhile(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    VideoConnection.objects.filter(pk=connection.pk).update(connected_at=timezone.now() + timedelta(seconds=1))

    mark_broken(connection, why=connections.RIGHTS_LACK)

    assert stored(connection).is_usable


def test_connection_for_prefers_the_tutors_own_and_else_takes_the_sites(ada: Tutor, vendor: ConsentDouble):
    other = make_tutor(make_user("other@example.com"), slug="other")
    own = connect(ada, vendor)

    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test")):
        site = connection_for(other, "zoom")
        assert connection_for(ada, "zoom") == own
        assert site is not None
        assert (site.tutor, site.account, access_to(site).token()) == (None, "owner@vendor.test", "site-token")
        assert connection_for(other, "zoom") == site
    assert connection_for(other, "zoom") is None
    assert connection_for(other, "pool") is None


def test_connection_that_cannot_hold_meetings_is_not_used(ada: Tutor, vendor: ConsentDouble):
    connect(ada, vendor, can_host=False)

    assert connection_for(ada, "zoom") is None
