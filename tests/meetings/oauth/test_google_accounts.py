"""A tutor's Google account: its rights, whether it can hold meetings, and giving the consent back."""

from __future__ import annotations

import pytest

from bookings.doubles.server import Fault
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_books import calendar_no
from meetings.errors import ConnectionBroken, ProviderUnavailable
from meetings.oauth.base import AccountLook
from meetings.oauth.google import CALENDARS, OWN_EVENTS, SPACES
from meetings.providers.base import ABILITY_UNSEEN
from meetings.providers.google_api import CANNOT_MEET, HAS_NO_CALENDAR
from tests.meetings.oauth.asking import connect, vendor
from tests.meetings.providers.google_vendor import ADA


def test_revoked_consent_is_gone_and_may_be_revoked_again(google: GoogleDouble):
    tokens = connect(google)
    google.expire_tokens()
    handed = vendor(google).revoked_with(tokens.access_token, tokens.refresh_token)
    for _time in range(2):
        vendor(google).revoke(handed)
    assert google.grants == {}
    with pytest.raises(ConnectionBroken):
        vendor(google).refresh(tokens.refresh_token)


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        ({"openid"}, {OWN_EVENTS}),
        ({OWN_EVENTS}, set()),
        ({"https://www.googleapis.com/auth/calendar.events"}, set()),
        ({"https://www.googleapis.com/auth/calendar", "x"}, set()),
        ({CALENDARS, SPACES, f"{OWN_EVENTS}.readonly"}, {OWN_EVENTS}),
        (set(), {OWN_EVENTS}),
    ],
)
def test_rights_are_compared_as_sets(google: GoogleDouble, granted: set[str], lacking: set[str]):
    assert vendor(google).lacking(frozenset(granted)) == lacking


def test_unticked_calendar_is_seen(google: GoogleDouble):
    assert vendor(google).lacking(connect(google, OWN_EVENTS).scopes) == {OWN_EVENTS}


def test_account_is_looked_at(google: GoogleDouble):
    tokens = connect(google)
    assert vendor(google).look_at(tokens.access_token) == AccountLook(ADA, google.account(ADA).sub)


def test_account_that_cannot_make_meet_links_is_told_before_it_is_offered(google: GoogleDouble):
    tokens = connect(google)
    google.allow_meet(ADA, False)
    seen = vendor(google).look_at(tokens.access_token)
    assert (seen.can_host, seen.remark) == (False, CANNOT_MEET)


def test_account_whose_calendars_we_may_not_see_is_taken_at_its_word(google: GoogleDouble):
    google.allow_meet(ADA, False)
    seen = vendor(google).look_at(connect(google, CALENDARS).access_token)
    assert (seen.can_host, seen.remark) == (True, ABILITY_UNSEEN)


def test_wider_right_to_calendars_is_enough_to_look(google: GoogleDouble):
    google.allow_meet(ADA, False)
    token = google.token_for(ADA, "openid", "https://www.googleapis.com/auth/calendar")
    assert not vendor(google).look_at(token).can_host


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (403, "notACalendarUser")])
def test_account_without_a_calendar_is_told(google: GoogleDouble, status: int, reason: str):
    tokens = connect(google)
    google.refuse_next("GET /calendar", status, calendar_no(status, reason).body)
    seen = vendor(google).look_at(tokens.access_token)
    assert (seen.can_host, seen.remark) == (False, HAS_NO_CALENDAR)


def test_token_that_is_refused_looks_at_nothing(google: GoogleDouble):
    with pytest.raises(ConnectionBroken):
        vendor(google).look_at("ya29.none")
    tokens = connect(google)
    google.refuse_next("GET /calendar", 401, calendar_no(401, "authError").body)
    with pytest.raises(ConnectionBroken):
        vendor(google).look_at(tokens.access_token)


def test_silent_google_is_looked_at_later(google: GoogleDouble):
    tokens = connect(google)
    for path in ("POST /tokeninfo", "GET /calendar"):
        google.fail_next(Fault.ERROR, path)
        with pytest.raises(ProviderUnavailable):
            vendor(google).look_at(tokens.access_token)


def test_vendor_without_keys_is_offered_to_nobody(google: GoogleDouble):
    assert vendor(google).is_configured
    assert not vendor(google, client_id="").is_configured
    assert not vendor(google, client_secret="").is_configured
