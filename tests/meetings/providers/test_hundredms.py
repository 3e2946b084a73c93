"""What 100ms alone does: rooms by name, codes in a second step, a template with roles, rooms that are shut and opened."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from bookings.doubles.server import Fault
from meetings.doubles.hundredms import DEFAULT_TEMPLATE, HundredmsDouble
from meetings.errors import ProviderMisconfigured, ProviderTrouble, ProviderUnavailable, RoomGone
from tests.meetings.making import lesson
from tests.meetings.providers.asking import KEY, TUTOR, room_request
from tests.meetings.providers.hundredms_vendor import KEYS, HundredmsVendor
from tests.meetings.providers.scripted import ScriptedVendor

TEMPLATE = KEYS["template_id"]


@pytest.fixture
def hms() -> Iterator[HundredmsDouble]:
    with HundredmsDouble(**KEYS) as double:
        yield double


@pytest.fixture
def vendor(hms: HundredmsDouble) -> HundredmsVendor:
    return HundredmsVendor(hms)


def asked(hms: HundredmsDouble) -> list[str]:
    return [f"{one.method} {one.path.rpartition('/')[0] if one.path.count('/') > 3 else one.path}" for one in hms.requests]


@pytest.mark.defect("TB-08")  # its half of one region for every room
def test_room_is_asked_for_by_a_name_of_ours_from_our_template(hms: HundredmsDouble, vendor: HundredmsVendor):
    vendor.maker().create(room_request(), None)
    assert json.loads(hms.requests[0].body) == {
        "name": "linkpool-example-bk-23456789bc-0",
        "description": "Maths",
        "template_id": TEMPLATE,
        "region": "eu",
        "max_duration_seconds": 7200,
    }


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 3660), (60, 7200), (1000, 43_200)])
def test_room_lasts_longer_than_its_lesson_within_what_is_allowed(
    hms: HundredmsDouble, vendor: HundredmsVendor, minutes: int, seconds: int
):
    vendor.maker().create(room_request(during=lesson(0, minutes)), None)
    assert [room.max_duration_seconds for room in hms.rooms.values()] == [seconds]


@pytest.mark.defect("TB-22")
@pytest.mark.parametrize("roles", [["host", "guest"], ["guest", "viewer", "host"], ["observer", "guest", "host"]])
def test_codes_are_told_by_their_roles_whatever_their_order(hms: HundredmsDouble, vendor: HundredmsVendor, roles: list[str]):
    hms.set_roles(TEMPLATE, roles)
    room = vendor.maker().create(room_request(), None)
    codes = {code.role: code.code for code in hms.rooms[room.external_id].codes}
    assert room.join_url_tutor == f"https://linkpool.app.100ms.live/meeting/{codes['host']}"
    assert room.join_url_student == f"https://linkpool.app.100ms.live/meeting/{codes['guest']}"


@pytest.mark.defect("TB-22")
def test_room_takes_three_calls_and_no_waiting(
    hms: HundredmsDouble, vendor: HundredmsVendor, monkeypatch: pytest.MonkeyPatch
):
    really_sleep, waited = time.sleep, []

    def sleep(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():  # the double's own threads may
            waited.append(seconds)
        really_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    vendor.maker().create(room_request(), None)
    assert waited == []
    assert asked(hms) == ["POST /v2/rooms", "GET /v2/room-codes/room", "POST /v2/room-codes/room"]


@pytest.mark.parametrize("roles", [["host"], ["guest"], ["teacher", "pupil"], []])
def test_template_without_a_role_is_the_operators_matter(hms: HundredmsDouble, vendor: HundredmsVendor, roles: list[str]):
    hms.set_roles(TEMPLATE, roles)
    with pytest.raises(ProviderMisconfigured) as caught:
        vendor.maker().create(room_request(), None)
    assert "role" in caught.value.detail


def test_template_that_has_its_roles_again_makes_the_same_room_good(hms: HundredmsDouble, vendor: HundredmsVendor):
    hms.set_roles(TEMPLATE, ["host"])
    with pytest.raises(ProviderMisconfigured):
        vendor.maker().create(room_request(), None)
    hms.set_roles(TEMPLATE, ["host", "guest"])
    assert vendor.maker().create(room_request(), None).join_url_student
    assert len(hms.rooms) == 1


def test_codes_that_are_there_are_read_before_others_are_made(hms: HundredmsDouble, vendor: HundredmsVendor):
    vendor.maker().create(room_request(), None)
    hms.requests.clear()
    vendor.maker().create(room_request(), None)
    assert asked(hms) == ["POST /v2/rooms", "GET /v2/room-codes/room"]


def test_code_that_was_switched_off_is_not_told(hms: HundredmsDouble, vendor: HundredmsVendor):
    room = vendor.maker().create(room_request(), None)
    for code in hms.rooms[room.external_id].codes:
        code.enabled = code.role != "guest"
    with pytest.raises(ProviderMisconfigured):
        vendor.maker().check(room.external_id, None)


def test_template_of_a_known_name_stays_ours(hms: HundredmsDouble, vendor: HundredmsVendor):
    room = vendor.maker().create(room_request(), None)
    hms.rooms[room.external_id].template_id = DEFAULT_TEMPLATE
    vendor.maker().create(room_request(), None)
    assert hms.rooms[room.external_id].template_id == TEMPLATE


def test_shut_room_is_opened_for_a_lesson_that_stands(hms: HundredmsDouble, vendor: HundredmsVendor):
    maker = vendor.maker()
    room = maker.create(room_request(), None)
    for ask in (
        lambda: maker.create(room_request(), None),
        lambda: maker.move(room.external_id, room_request(during=lesson(600)), None),
    ):
        hms.set_enabled(room.external_id, enabled=False)
        assert ask() == room
        assert hms.rooms[room.external_id].enabled


def test_room_shut_between_the_two_steps_is_opened(vendor: HundredmsVendor):
    codes = {"data": [{"code": f"aaa-bbbb-{role}", "role": role, "enabled": True} for role in ("host", "guest")]}
    with ScriptedVendor(
        (200, {"id": "room-1", "enabled": True}),
        (403, {"code": 403, "message": "Room is disabled"}),
        (200, {"id": "room-1", "enabled": False}),
        (200, {"id": "room-1", "enabled": True}),
        (200, codes),
    ) as scripted:
        assert vendor.hms_maker(api_url=f"{scripted.url}/v2").create(room_request(), None).join_url_student
        assert json.loads(scripted.requests[3].body) == {"enabled": True}


def test_room_that_is_shut_is_opened_even_if_its_codes_can_be_read(vendor: HundredmsVendor):
    codes = {"data": [{"code": f"aaa-bbbb-{role}", "role": role, "enabled": True} for role in ("host", "guest")]}
    shut = {"id": "room-1", "enabled": False}
    with ScriptedVendor((200, shut), (200, {**shut, "enabled": True}), (200, codes)) as scripted:
        assert vendor.hms_maker(api_url=f"{scripted.url}/v2").create(room_request(), None).join_url_student
        assert [one.path for one in scripted.requests[:2]] == ["/v2/rooms", "/v2/rooms/room-1"]
        assert json.loads(scripted.requests[1].body) == {"enabled": True}


def test_right_that_the_workspace_lacks_is_the_operators_matter(hms: HundredmsDouble, vendor: HundredmsVendor):
    hms.refuse_next(403, asked="GET /v2/room-codes/")
    with pytest.raises(ProviderMisconfigured):
        vendor.maker().create(room_request(), None)


def test_shut_room_is_gone_for_who_looks(hms: HundredmsDouble, vendor: HundredmsVendor):
    room = vendor.maker().create(room_request(), None)
    vendor.maker().cancel(room.external_id, None)
    with pytest.raises(RoomGone):
        vendor.maker().check(room.external_id, None)


@pytest.mark.parametrize("verb", ["cancel", "end"])
def test_closing_sends_people_out_and_shuts_the_room(hms: HundredmsDouble, vendor: HundredmsVendor, verb: str):
    room = vendor.maker().create(room_request(), None)
    hms.enter(room.external_id)
    getattr(vendor.maker(), verb)(room.external_id, None)
    held = hms.rooms[room.external_id]
    assert (held.enabled, held.is_in_use) == (False, False)
    assert json.loads(hms.requests[-1].body) == {"reason": "The session has ended.", "lock": True}


def test_room_without_codes_is_found_to_be_closed(hms: HundredmsDouble, vendor: HundredmsVendor):
    hms.fail_next(Fault.ERROR, "POST /v2/room-codes/")
    with pytest.raises(ProviderUnavailable):
        vendor.maker().create(room_request(), None)
    found = vendor.maker().find(KEY, None, TUTOR)
    assert found is not None
    assert (found.is_pending, found.external_id) == (True, next(iter(hms.rooms)))


def test_token_is_dated_back_and_new_for_each_call(hms: HundredmsDouble, vendor: HundredmsVendor):
    vendor.maker().create(room_request(), None)
    tokens = [one.headers["Authorization"].removeprefix("Bearer ") for one in hms.requests]
    told = [jwt.decode(token, KEYS["secret"], algorithms=["HS256"]) for token in tokens]
    assert len({one["jti"] for one in told}) == len(told) == 3
    for one in told:
        assert one["nbf"] == one["iat"]
        assert one["exp"] - one["iat"] == 610
        assert (one["access_key"], one["type"], one["version"]) == (KEYS["access_key"], "management", 2)


ROWS = [
    (400, ProviderMisconfigured),
    (403, ProviderMisconfigured),
    (404, RoomGone),
    (405, ProviderMisconfigured),
    (408, ProviderUnavailable),
    (422, ProviderMisconfigured),
    (429, ProviderUnavailable),
    (500, ProviderUnavailable),
    (503, ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "kind"), ROWS)
def test_refusal_means(hms: HundredmsDouble, vendor: HundredmsVendor, status: int, kind: type[ProviderTrouble]):
    room = vendor.maker().create(room_request(), None)
    hms.refuse_next(status, "secret words", asked="GET /v2/rooms/")
    with pytest.raises(ProviderTrouble) as caught:
        vendor.maker().check(room.external_id, None)
    assert (type(caught.value), caught.value.status, caught.value.code) == (kind, status, str(status))
    assert "secret" not in f"{caught.value} {caught.value.detail}"


@pytest.mark.parametrize("asked_for", ["POST /v2/rooms", "GET /v2/room-codes/"])
def test_room_that_is_not_there_while_it_is_made_is_asked_for_again(
    hms: HundredmsDouble, vendor: HundredmsVendor, asked_for: str
):
    hms.refuse_next(404, asked=asked_for)
    with pytest.raises(ProviderUnavailable):
        vendor.maker().create(room_request(), None)
    assert vendor.maker().create(room_request(), None).join_url_student


@pytest.mark.parametrize("answer", [{}, {"id": 7}, {"id": "../x"}, {"id": ""}, {"id": "a" * 200}])
def test_nonsense_in_the_place_of_a_room_is_no_answer(vendor: HundredmsVendor, answer: Any):
    with ScriptedVendor((200, answer)) as scripted, pytest.raises(ProviderUnavailable):
        vendor.hms_maker(api_url=f"{scripted.url}/v2").create(room_request(), None)


@pytest.mark.parametrize("code", ["../../evil", "a b", "", 7, None, "x" * 100])
def test_nonsense_in_the_place_of_a_code_is_none(vendor: HundredmsVendor, code: Any):
    codes = {"data": [{"code": code, "role": "host"}, {"code": "aaa-bbbb-ccc", "role": "guest"}, 7]}
    answers = (200, {"id": "room-1", "enabled": True}), (200, codes)
    with ScriptedVendor(*answers) as scripted, pytest.raises(ProviderMisconfigured):
        vendor.hms_maker(api_url=f"{scripted.url}/v2").create(room_request(), None)


@pytest.mark.defect("TB-22")
def test_one_code_for_both_is_told_to_nobody(vendor: HundredmsVendor):
    codes = {"data": [{"code": "aaa-bbbb-ccc", "role": role} for role in ("host", "guest")]}
    answers = (200, {"id": "room-1", "enabled": True}), (200, codes)
    with ScriptedVendor(*answers) as scripted, pytest.raises(ProviderMisconfigured):
        vendor.hms_maker(api_url=f"{scripted.url}/v2").create(room_request(), None)


@pytest.mark.parametrize(
    ("changes", "is_offered", "doubts"),
    [
        ({}, True, 0),
        ({"subdomain": "LinkPool"}, True, 0),
        ({"access_key": ""}, False, 1),
        ({"secret": "", "template_id": ""}, False, 1),
        ({"subdomain": "linkpool.app.100ms.live"}, False, 1),
        ({"subdomain": "https://linkpool"}, False, 1),
        ({"tutor_role": "guest"}, False, 1),
        ({"access_key": "", "secret": "", "template_id": "", "subdomain": ""}, False, 0),
    ],
)
def test_set_up_is_whole_or_says_what_is_wrong(
    vendor: HundredmsVendor, changes: dict[str, str], is_offered: bool, doubts: int
):
    maker = vendor.hms_maker(**changes)
    assert (maker.is_configured, len(maker.doubts())) == (is_offered, doubts)
    assert KEYS["secret"] not in "".join(maker.doubts())
