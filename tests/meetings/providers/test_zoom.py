"""What Zoom alone does: no handle against repeats, settings that policies change, silent changes of time, a full day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.times import During
from meetings.doubles.zoom import ZoomDouble
from meetings.doubles.zoom_books import Meeting
from meetings.errors import ConnectionBroken, ProviderCannot
from meetings.providers.base import Owner
from tests.meetings.making import lesson
from tests.meetings.providers.asking import KEY, OTHER_KEY, TUTOR, room_request
from tests.meetings.providers.zoom_vendor import ADA, APP, ZoomVendor


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP) as double:
        yield double


@pytest.fixture
def vendor(zoom: ZoomDouble) -> ZoomVendor:
    return ZoomVendor(zoom)


def asked(zoom: ZoomDouble, method: str) -> list[dict[str, Any]]:
    return [json.loads(one.body or b"{}") for one in zoom.requests if one.method == method]


def only_meeting(zoom: ZoomDouble) -> Meeting:
    (meeting,) = zoom.hosts[ADA].meetings.values()
    return meeting


def test_meeting_is_asked_for_with_every_setting_that_keeps_strangers_out(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.maker().create(room_request(time_zone="Europe/Berlin"), vendor.access)
    (body,) = asked(zoom, "POST")
    assert body == {
        "topic": "Maths",
        "type": 2,
        "start_time": lesson().start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "timezone": "Europe/Berlin",
        "duration": 60,
        "agenda": f"booking:linkpool-example:{KEY}\nhttp://testserver/join/BK-23456789BC",
        "default_password": True,
        "settings": {
            "waiting_room": True,
            "join_before_host": False,
            "use_pmi": False,
            "approval_type": 2,
            "meeting_authentication": False,
            "auto_recording": "none",
            "host_video": True,
            "participant_video": True,
            "email_notification": False,
            "registrants_email_notification": False,
        },
    }


def test_first_try_looks_for_nothing(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.maker().create(room_request(during=lesson(0, 30), is_first_try=True), vendor.access)
    assert [one.method for one in zoom.requests] == ["POST"]


@pytest.mark.defect("IT-03")
def test_meeting_of_an_earlier_try_is_found_by_its_marker_and_given_the_time_of_now(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.add_strangers_room()
    first = vendor.maker().create(room_request(), vendor.access)
    again = vendor.maker().create(room_request(during=lesson(600, 90)), vendor.access)
    assert again.external_id == first.external_id
    held = vendor.room(first.external_id)
    assert (held.starts_at, held.ends_at) == (lesson(600, 90).start, lesson(600, 90).end)


def test_meeting_of_another_site_is_not_taken_for_ours(zoom: ZoomDouble, vendor: ZoomVendor):
    other = vendor.zoom_maker(mark="other").create(room_request(), vendor.access)
    assert vendor.maker().create(room_request(), vendor.access).external_id != other.external_id
    assert vendor.zoom_maker(mark="linkpool").find(KEY, vendor.access, TUTOR) is None


def test_host_key_is_never_taken_over(vendor: ZoomVendor):
    maker = vendor.maker()
    room = maker.create(room_request(), vendor.access)
    for one in (room, maker.check(room.external_id, vendor.access), maker.find(KEY, vendor.access, TUTOR)):
        assert "/s/" not in repr(one)
        assert "zak" not in repr(one)


def test_meeting_without_a_password_is_a_meeting(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.change(makes_passwords=False)
    assert vendor.maker().create(room_request(), vendor.access).join_url_student


def test_numbers_longer_than_ten_digits_are_text(vendor: ZoomVendor):
    rooms = [vendor.maker().create(room_request(f"BK-2345-{number}"), vendor.access) for number in range(12)]
    assert max(len(room.external_id) for room in rooms) > 11
    assert all(room.external_id in room.join_url_student for room in rooms)


def begun(minutes_ago: int, minutes: int = 60) -> During:
    start = (timezone.now() - timedelta(minutes=minutes_ago)).replace(second=0, microsecond=0)
    return During(start, start + timedelta(minutes=minutes))


def test_lesson_that_has_begun_gets_the_time_that_is_left(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.maker().create(room_request(during=begun(20)), vendor.access)
    meeting = only_meeting(zoom)
    assert meeting.starts_at > timezone.now() - timedelta(seconds=5)
    assert meeting.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ") == asked(zoom, "POST")[0]["start_time"]
    assert 37 <= meeting.minutes <= 40


def test_lesson_in_its_last_minute_gets_a_meeting(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.maker().create(room_request(during=begun(59)), vendor.access)
    assert only_meeting(zoom).minutes >= 1


def test_lesson_that_is_over_gets_none(zoom: ZoomDouble, vendor: ZoomVendor):
    with pytest.raises(ProviderCannot):
        vendor.maker().create(room_request(during=begun(90)), vendor.access)
    assert not zoom.hosts[ADA].meetings


@pytest.mark.parametrize("minutes", [1441, 2000])
def test_lesson_longer_than_a_day_is_held_for_a_day(zoom: ZoomDouble, vendor: ZoomVendor, minutes: int):
    vendor.maker().create(room_request(during=lesson(0, minutes)), vendor.access)
    assert only_meeting(zoom).minutes == 1440


def test_past_start_is_not_sent_as_a_change_that_zoom_would_ignore(zoom: ZoomDouble, vendor: ZoomVendor):
    room = vendor.maker().create(room_request(), vendor.access)
    before = only_meeting(zoom).starts_at
    vendor.maker().move(room.external_id, room_request(during=begun(20, 90)), vendor.access)
    assert asked(zoom, "PATCH") == [{"duration": 90}]
    assert only_meeting(zoom).starts_at == before


def test_change_is_sent_only_where_the_time_differs(zoom: ZoomDouble, vendor: ZoomVendor):
    room = vendor.maker().create(room_request(), vendor.access)
    for _time in range(3):
        vendor.maker().move(room.external_id, room_request(title="Other words"), vendor.access)
    assert asked(zoom, "PATCH") == []
    vendor.maker().move(room.external_id, room_request(during=lesson(5)), vendor.access)
    vendor.maker().move(room.external_id, room_request(during=lesson(5)), vendor.access)
    assert len(asked(zoom, "PATCH")) == 1


@pytest.mark.parametrize(
    ("plan", "minutes", "is_told"), [(1, 41, True), (1, 60, True), (1, 40, False), (2, 60, False), (99, 60, False)]
)
def test_tutor_without_a_paid_plan_is_told_of_the_forty_minutes(
    zoom: ZoomDouble, vendor: ZoomVendor, plan: int, minutes: int, is_told: bool
):
    zoom.add_host(ADA, plan=plan)
    room = vendor.maker().create(room_request(during=lesson(0, minutes)), vendor.access)
    assert ("40 minutes" in str(room.remark)) == is_told


def test_plan_is_asked_for_once_an_hour_and_does_not_stop_a_meeting(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.refuse_next(500, 500, asked="GET /v2/users/me")
    for key in (KEY, OTHER_KEY, "BK-23456789BC-2"):
        assert vendor.maker().create(room_request(key, is_first_try=True), vendor.access).remark == ""
    assert sum(one.path == "/v2/users/me" for one in zoom.requests) == 2


def test_policy_that_asks_students_to_sign_in_is_told_to_the_tutor(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.add_host(ADA, policies={"meeting_authentication": True})
    assert "signed in" in str(vendor.maker().create(room_request(), vendor.access).remark)


def test_account_that_puts_every_meeting_into_its_personal_room_gets_another_way(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.add_host(ADA, policies={"use_pmi": True})
    with pytest.raises(ProviderCannot):
        vendor.maker().create(room_request(), vendor.access)
    assert not zoom.hosts[ADA].meetings


def test_provider_says_whose_account_it_needs_and_what_looks_wrong(vendor: ZoomVendor):
    assert vendor.zoom_maker().owners == {Owner.TUTOR}
    assert vendor.zoom_maker(account_id="a").owners == {Owner.SITE}
    assert not vendor.zoom_maker(client_secret="").is_configured
    for options in ({"client_secret": ""}, {"client_id": ""}, {"host": "a@example.com"}):
        doubts = vendor.zoom_maker(**options).doubts()
        assert len(doubts) == 1
        assert "zoom-app-secret" not in doubts[0]
    assert vendor.zoom_maker(client_id="", client_secret="").doubts() == []


def test_meeting_needs_an_account(vendor: ZoomVendor):
    with pytest.raises(ConnectionBroken):
        vendor.maker().create(room_request(), None)


def test_account_served_elsewhere_is_asked_there(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.access.base_url = f"{zoom.url}/v2"
    maker = vendor.zoom_maker(api_url="http://127.0.0.1:9/v2")
    assert maker.create(room_request(), vendor.access).join_url_student


def test_number_of_a_meeting_cannot_lead_elsewhere(zoom: ZoomDouble, vendor: ZoomVendor):
    vendor.maker().cancel("../users/me?x=", vendor.access)
    assert zoom.requests[-1].path.startswith("/v2/meetings/..%2F")


def test_times_are_utc_whatever_the_zone(zoom: ZoomDouble, vendor: ZoomVendor):
    start = datetime(timezone.now().year + 1, 7, 1, 9, tzinfo=UTC)
    vendor.maker().create(
        room_request(during=During(start, start + timedelta(hours=1)), time_zone="America/New_York"), vendor.access
    )
    assert (only_meeting(zoom).starts_at, only_meeting(zoom).timezone) == (start, "America/New_York")
