"""Every row of Calendar's table of errors, and what our words about it may not tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bookings.doubles.server import Fault
from bookings.outside import Reply
from meetings.doubles.google import RETRY_AFTER
from meetings.doubles.google_books import calendar_no, meet_no
from meetings.errors import (
    ConnectionBroken,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
    RoomGone,
)
from meetings.providers.asking import asked_to_wait
from meetings.providers.google_api import SITE_LACKS_RIGHT, reason_of
from tests.meetings.making import lesson
from tests.meetings.providers.asking import ready_room, room_request
from tests.meetings.providers.google_vendor import ADA, EVENTS, GoogleVendor

MOVED = room_request(during=lesson(600))
# (status, reason) → what it means for an insert
INSERTING: list[tuple[int, str, type[ProviderTrouble]]] = [
    (400, "timeRangeEmpty", ProviderMisconfigured),
    (400, "invalid", ProviderMisconfigured),
    (403, "rateLimitExceeded", ProviderUnavailable),
    (403, "userRateLimitExceeded", ProviderUnavailable),
    (429, "rateLimitExceeded", ProviderUnavailable),
    (403, "quotaExceeded", ProviderCannot),
    (403, "insufficientPermissions", ConnectionBroken),
    (403, "forbiddenForServiceAccounts", ProviderMisconfigured),
    (403, "accessNotConfigured", ProviderMisconfigured),
    (403, "forbiddenForNonOrganizer", ProviderMisconfigured),
    (403, "notACalendarUser", ProviderCannot),
    (403, "somethingNew", ProviderMisconfigured),
    (404, "notFound", ProviderCannot),
    (408, "requestTimeout", ProviderUnavailable),
    (412, "conditionNotMet", ProviderUnavailable),
    (500, "backendError", ProviderUnavailable),
    (502, "badGateway", ProviderUnavailable),
    (503, "backendError", ProviderUnavailable),
    (504, "gatewayTimeout", ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "reason", "kind"), INSERTING)
def test_refused_insert_means(google: GoogleVendor, status: int, reason: str, kind: type[ProviderTrouble]):
    google.double.refuse_next(f"POST {EVENTS}", status, calendar_no(status, reason).body)
    with pytest.raises(ProviderTrouble) as caught:
        google.maker().create(room_request(), google.access)
    assert (type(caught.value), caught.value.status, caught.value.code) == (kind, status, reason)
    assert not google.rooms()


def test_account_over_its_quota_is_left_alone_for_hours(google: GoogleVendor):
    google.double.set_quota(ADA, "quotaExceeded")
    with pytest.raises(ProviderCannot) as caught:
        google.maker().create(room_request(), google.access)
    assert caught.value.after == timedelta(hours=6)
    assert google.asked("POST") == 1


def test_busy_google_says_when_to_come_again(google: GoogleVendor):
    google.double.fail_next(Fault.BUSY)
    with pytest.raises(ProviderUnavailable) as caught:
        google.maker().create(room_request(), google.access)
    assert caught.value.after == timedelta(seconds=RETRY_AFTER)


def test_person_who_calls_too_often_is_asked_to_slow_down(google: GoogleVendor):
    google.double.requests_a_minute = 2
    room = ready_room(google.maker(), room_request(), google.access)
    with pytest.raises(ProviderUnavailable) as caught:
        google.maker().check(room.external_id, google.access)
    assert caught.value.code == "userRateLimitExceeded"
    google.double.pass_time(61)
    google.access.renewed("")
    assert google.maker().check(room.external_id, google.access).join_url_student


@pytest.mark.defect("CE-24")
def test_account_that_cannot_meet_is_left_for_another_provider(google: GoogleVendor):
    google.double.allow_meet(ADA, False)
    with pytest.raises(ProviderCannot) as caught:
        google.maker().create(room_request(), google.access)
    assert "Meet" in str(caught.value.message)
    assert not google.rooms()


def test_right_that_was_not_given_is_asked_for_again(google: GoogleVendor):
    google.access._token = google.double.token_for(ADA, "openid")
    with pytest.raises(ConnectionBroken) as caught:
        google.maker().create(room_request(), google.access)
    assert (caught.value.code, caught.value.http_status) == ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", 401)
    assert google.access.renewals == []


def test_right_that_the_sites_account_lacks_is_an_operators_matter(google: GoogleVendor):
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker().create(room_request(), google.site("openid"))
    assert (caught.value.code, caught.value.status) == ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", 403)
    assert caught.value.message == SITE_LACKS_RIGHT


def test_token_of_the_site_that_is_refused_for_good_is_an_operators_matter(google: GoogleVendor):
    site = google.site()
    for _time in range(2):  # the token, and the one after it
        google.double.refuse_next(f"POST {EVENTS}", 401, calendar_no(401, "authError").body)
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker().create(room_request(), site)
    assert (caught.value.code, len(site.renewals)) == ("authError", 1)


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (410, "deleted")])
def test_room_that_is_not_there_cannot_be_moved(google: GoogleVendor, status: int, reason: str):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.refuse_next(f"PATCH {EVENTS}", status, calendar_no(status, reason).body)
    with pytest.raises(RoomGone):
        google.maker().move(room.external_id, MOVED, google.access)


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (410, "deleted")])
def test_room_that_is_not_there_is_closed(google: GoogleVendor, status: int, reason: str):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.refuse_next(f"DELETE {EVENTS}", status, calendar_no(status, reason).body)
    google.maker().cancel(room.external_id, google.access)


def test_event_of_another_organizer_is_an_operators_matter(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.change_event(ADA, room.external_id, {"organizer": {"email": "somebody@example.com"}})
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker().move(room.external_id, MOVED, google.access)
    assert caught.value.code == "forbiddenForNonOrganizer"


def test_two_changes_that_met_are_tried_again(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.double.refuse_next(f"PATCH {EVENTS}", 409, calendar_no(409, "conflict").body)
    with pytest.raises(ProviderUnavailable):
        google.maker().move(room.external_id, MOVED, google.access)


def test_meets_own_words_are_understood(google: GoogleVendor):
    google.double.refuse_next(f"POST {EVENTS}", 429, meet_no(429, "RESOURCE_EXHAUSTED").body)
    with pytest.raises(ProviderUnavailable) as caught:
        google.maker().create(room_request(), google.access)
    assert caught.value.code == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": None},
        {"error": "ya29.a-token and https://example.com"},
        {"error": {"errors": "x", "details": [1, None], "status": 7}},
        {"error": {"errors": [{"reason": "see https://example.com/?token=ya29"}]}},
    ],
)
def test_vendors_text_goes_nowhere(google: GoogleVendor, body: dict[str, Any]):
    google.double.refuse_next(f"POST {EVENTS}", 400, body)
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker().create(room_request(), google.access)
    assert (caught.value.code, caught.value.detail) == ("", "POST: 400")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), (" 120 ", 120), ("999999999", 86_400), ("", None), ("soon", None), ("-5", None), ("٣", None)],
)
def test_retry_after_is_read(text: str, seconds: int | None):
    wait = asked_to_wait(Reply(429, {}, {"Retry-After": text}))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def test_retry_after_may_be_a_date():
    soon = datetime.now(UTC) + timedelta(minutes=5)
    wait = asked_to_wait(Reply(429, {}, {"Retry-After": format_datetime(soon, usegmt=True)}))
    assert wait is not None
    assert timedelta(minutes=4) < wait < timedelta(minutes=6)
    gone = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    assert asked_to_wait(Reply(429, {}, {"Retry-After": gone})) == timedelta()


def test_reason_is_the_first_error_of_several():
    errors = [{"reason": "quotaExceeded"}, {"reason": "other"}]
    assert reason_of(Reply(403, {"error": {"errors": errors, "status": "PERMISSION_DENIED"}}, {})) == "quotaExceeded"
