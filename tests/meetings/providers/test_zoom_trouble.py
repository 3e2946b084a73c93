"""Every row of the table of Zoom's errors, and its two limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.doubles.server import Fault
from bookings.outside import Reply
from meetings.doubles.zoom import ZoomDouble
from meetings.doubles.zoom_books import CALLS_A_DAY
from meetings.errors import (
    ConnectionBroken,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
    RoomGone,
)
from meetings.providers.asking import asked_to_wait
from meetings.providers.zoom_api import trouble_of
from tests.meetings.making import lesson
from tests.meetings.providers.asking import room_request
from tests.meetings.providers.scripted import ScriptedVendor
from tests.meetings.providers.zoom_vendor import ADA, APP, ZoomVendor

DAY = timedelta(days=1)
DAILY = "You have reached the maximum daily rate limit for this API. Refer to the response header."
ROWS = [
    (401, 124, ConnectionBroken),
    (401, 4700, ConnectionBroken),
    (400, 4711, ConnectionBroken),
    (400, 300, ProviderMisconfigured),
    (400, 200, ProviderCannot),
    (400, 3161, ProviderCannot),
    (404, 1001, ConnectionBroken),
    (400, 1010, ConnectionBroken),
    (404, 3001, RoomGone),
    (400, 3000, ProviderMisconfigured),
    (400, 3002, ProviderMisconfigured),
    (400, 3003, ProviderMisconfigured),
    (400, 3007, ProviderMisconfigured),
    (403, 4711, ProviderMisconfigured),  # the same code with another status means nothing that we know
    (400, 3001, ProviderMisconfigured),
    (404, 2300, ProviderMisconfigured),
    (405, 0, ProviderMisconfigured),
    (408, 0, ProviderUnavailable),
    (429, 429, ProviderUnavailable),
    (429, 4001, ProviderUnavailable),
    (500, 3001, ProviderUnavailable),
    (502, 124, ProviderUnavailable),
    (503, 0, ProviderUnavailable),
]


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP) as double:
        yield double


@pytest.fixture
def vendor(zoom: ZoomDouble) -> ZoomVendor:
    return ZoomVendor(zoom)


@pytest.mark.parametrize(("status", "code", "kind"), ROWS)
def test_refusal_means(zoom: ZoomDouble, vendor: ZoomVendor, status: int, code: int, kind: type[ProviderTrouble]):
    room = vendor.maker().create(room_request(), vendor.access)
    for _time in range(2 if (status, code) == (401, 124) else 1):
        zoom.refuse_next(status, code, f"Secret of {ADA} at https://zoom.test.")
    with pytest.raises(ProviderTrouble) as caught:
        vendor.maker().check(room.external_id, vendor.access)
    trouble = caught.value
    assert (type(trouble), trouble.status, trouble.code) == (kind, status, str(code))
    assert "Secret" not in f"{trouble} {trouble.detail}"
    assert not zoom.refusals


def test_right_that_is_missing_is_not_mended_by_another_token(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.refuse_next(401, 4700)
    with pytest.raises(ConnectionBroken):
        vendor.maker().create(room_request(), vendor.access)
    assert vendor.access.renewals == []


@pytest.mark.parametrize("scope", ["meeting:write:meeting", "meeting:read:list_meetings"])
def test_consent_without_a_right_must_be_given_again(zoom: ZoomDouble, vendor: ZoomVendor, scope: str):
    for grant in zoom.grants:
        grant.scopes = tuple(one for one in grant.scopes if one != scope)
    with pytest.raises(ConnectionBroken) as caught:
        vendor.maker().create(room_request(), vendor.access)
    assert (caught.value.status, caught.value.code) == (400, "4711")


@pytest.mark.parametrize(("status", "code"), [(404, 3001), (400, 3002), (400, 3007)])
def test_closing_takes_these_for_done(zoom: ZoomDouble, vendor: ZoomVendor, status: int, code: int):
    room = vendor.maker().create(room_request(), vendor.access)
    zoom.refuse_next(status, code, asked="DELETE")
    vendor.maker().cancel(room.external_id, vendor.access)


@pytest.mark.parametrize(("status", "code"), [(400, 3000), (400, 3003), (400, 300), (404, 1001), (400, 3001)])
def test_closing_takes_nothing_else_for_done(zoom: ZoomDouble, vendor: ZoomVendor, status: int, code: int):
    room = vendor.maker().create(room_request(), vendor.access)
    zoom.refuse_next(status, code, asked="DELETE")
    with pytest.raises(ProviderTrouble):
        vendor.maker().cancel(room.external_id, vendor.access)


def test_meeting_in_progress_and_one_that_ended_are_closed(zoom: ZoomDouble, vendor: ZoomVendor):
    room = vendor.maker().create(room_request(), vendor.access)
    zoom.start_meeting(int(room.external_id))
    vendor.maker().cancel(room.external_id, vendor.access)
    zoom.end_meeting(int(room.external_id))
    vendor.maker().cancel(room.external_id, vendor.access)


def test_meeting_of_another_account_cannot_be_changed_with_this_one(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.add_host("bob@example.com")
    number = zoom.add_meeting("bob@example.com", topic="Bob's")
    with pytest.raises(ProviderMisconfigured) as caught:
        vendor.maker().move(str(number), room_request(), vendor.access)
    assert caught.value.code == "3003"


@pytest.mark.parametrize("tells_limits", [True, False])
def test_day_that_is_full_ends_at_midnight_utc(zoom: ZoomDouble, vendor: ZoomVendor, tells_limits: bool):
    zoom.change(tells_limits=tells_limits)
    maker = vendor.maker()
    for _call in range(CALLS_A_DAY):
        zoom.hosts[ADA].count_call(zoom.now())
    with pytest.raises(ProviderCannot) as caught:
        maker.create(room_request(), vendor.access)
    after, now = caught.value.after, datetime.now(UTC)
    midnight = (now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    assert after is not None
    assert abs(now + after - midnight) < timedelta(seconds=5)
    assert maker.calls_a_day == CALLS_A_DAY
    zoom.pass_time(DAY.total_seconds())
    vendor.access.renewed("")
    assert maker.create(room_request(during=lesson(2 * 24 * 60)), vendor.access).join_url_student


def test_change_on_a_full_day_says_when_the_next_one_begins(zoom: ZoomDouble, vendor: ZoomVendor):
    maker = vendor.maker()
    room = maker.create(room_request(), vendor.access)
    zoom.hosts[ADA].calls[zoom.now().date().isoformat()] = CALLS_A_DAY
    with pytest.raises(ProviderCannot) as caught:
        maker.move(room.external_id, room_request(during=lesson(3 * 24 * 60)), vendor.access)
    assert caught.value.after is not None
    assert timedelta() < caught.value.after <= DAY


@pytest.mark.parametrize(("tells_limits", "after"), [(True, timedelta(seconds=2)), (False, None)])
def test_busy_second_says_how_long_if_it_says_so(
    zoom: ZoomDouble, vendor: ZoomVendor, tells_limits: bool, after: timedelta | None
):
    zoom.change(tells_limits=tells_limits)
    zoom.fail_next(Fault.BUSY, "POST")
    with pytest.raises(ProviderUnavailable) as caught:
        vendor.maker().create(room_request(), vendor.access)
    assert caught.value.after == after


@pytest.mark.parametrize(
    ("headers", "message", "kind"),
    [
        ({}, DAILY, ProviderCannot),
        ({"X-RateLimit-Type": "Daily-limit"}, "", ProviderCannot),
        ({"X-RateLimit-Type": "QPS"}, "per-second", ProviderUnavailable),
        ({"X-RateLimit-Category": "Light"}, None, ProviderUnavailable),
    ],
)
def test_two_limits_are_told_apart(headers: dict[str, str], message: Any, kind: type[ProviderTrouble]):
    assert type(trouble_of(Reply(429, {"code": 429, "message": message}, headers), asked="POST")) is kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999", 86_400),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("2020-01-01T00:00:00Z", 0),
        ("9999-01-01T00:00:00Z", 86_400),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
        ("²", None),
        ("9" * 400, None),
    ],
)
def test_wait_that_is_asked_for_is_read(text: str, seconds: int | None):
    wait = asked_to_wait(Reply(429, {}, {"Retry-After": text}))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def test_wait_until_an_instant_is_read():
    until = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    wait = asked_to_wait(Reply(429, {}, {"Retry-After": until}))
    assert wait is not None
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)


NONSENSE = [
    {},
    {"id": 1},
    {"id": True, "join_url": "https://zoom.us/j/1"},
    {"id": "1/../2", "join_url": "https://zoom.us/j/1"},
    {"id": 1, "join_url": "javascript:alert(1)"},
    {"id": 1, "join_url": ["https://zoom.us/j/1"]},
    {"id": 1, "join_url": f"https://zoom.us/{'j' * 1000}"},
    {"id": [], "join_url": "https://zoom.us/j/1", "settings": [], "start_time": {}, "duration": "x"},
]


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_in_the_place_of_a_meeting_is_no_answer(vendor: ZoomVendor, answer: Any):
    with ScriptedVendor((201, answer)) as scripted:
        maker = vendor.zoom_maker(api_url=f"{scripted.url}/v2")
        with pytest.raises(ProviderUnavailable):
            maker.create(room_request(is_first_try=True), vendor.access)


@pytest.mark.parametrize("answer", [{}, {"meetings": {}}, {"meetings": [], "next_page_token": "again"}])
def test_list_that_is_none_or_does_not_end_is_no_answer(vendor: ZoomVendor, answer: Any):
    with ScriptedVendor((200, answer)) as scripted:
        maker = vendor.zoom_maker(api_url=f"{scripted.url}/v2")
        with pytest.raises(ProviderUnavailable):
            maker.create(room_request(), vendor.access)


def test_fields_that_were_refused_are_named_without_what_was_in_them(zoom: ZoomDouble, vendor: ZoomVendor):
    body = {"code": 300, "message": "no", "errors": [{"field": "topic", "message": "x"}, {"field": "a b"}, 7]}
    assert trouble_of(Reply(400, body, {}), asked="POST").detail == "POST: 400/300 topic"
