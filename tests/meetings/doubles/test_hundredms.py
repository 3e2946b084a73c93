"""The pretend 100ms behaves as the real one's documents say."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import requests

from meetings.doubles.hundredms import HundredmsDouble
from tests.meetings.providers.hundredms_vendor import KEYS

Call = Callable[..., tuple[int, dict[str, Any]]]
ROOM = {"name": "site-BK-1", "template_id": KEYS["template_id"], "region": "eu"}


@pytest.fixture
def hms() -> Iterator[HundredmsDouble]:
    with HundredmsDouble(**KEYS) as double:
        yield double


def token(**changes: Any) -> str:
    now = int(time.time())
    told = {"access_key": KEYS["access_key"], "type": "management", "version": 2, "jti": str(uuid.uuid4())}
    told = {**told, "iat": now - 10, "nbf": now - 10, "exp": now + 60, **changes}
    return jwt.encode({name: value for name, value in told.items() if value is not None}, KEYS["secret"], "HS256")


@pytest.fixture
def call(hms: HundredmsDouble) -> Call:
    def ask(method: str, path: str, body: Any = None, key: str = "", **query: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key or token()}"}
        answer = requests.request(method, f"{hms.url}/v2{path}", json=body, headers=headers, params=query, timeout=5)
        return answer.status_code, answer.json()

    return ask


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": int(time.time()) + 600},
        {"nbf": int(time.time()) + 600},
        {"exp": int(time.time()) - 600},
        {"access_key": "other"},
        {"type": "app"},
        {"version": 1},
        {"jti": None},
    ],
)
def test_token_that_is_wrong_or_from_the_future_is_refused(call: Call, changes: dict[str, Any]):
    status, answer = call("POST", "/rooms", ROOM, key=token(**changes))
    assert (status, answer["code"], answer["message"]) == (401, 401, "Token validation error")


def test_same_name_is_the_same_room_with_what_changed(call: Call):
    first = call("POST", "/rooms", ROOM)[1]
    second = call("POST", "/rooms", {"name": "SITE-bk-1", "region": "us"})[1]
    assert second["id"] == first["id"]
    assert (first["template_id"], second["template_id"]) == (KEYS["template_id"], "default-template")
    assert second["region"] == "us"


@pytest.mark.parametrize(
    "changes",
    [
        {"region": "moon"},
        {"template_id": "none"},
        {"max_duration_seconds": 119},
        {"max_duration_seconds": 43_201},
        {"max_duration_seconds": "60"},
        {"size": 2501},
        {"name": "with blank"},
        {"enabled": True},
        {"title": "typo"},
    ],
)
def test_room_asked_for_wrongly_is_refused(call: Call, hms: HundredmsDouble, changes: dict[str, Any]):
    status, answer = call("POST", "/rooms", {**ROOM, **changes})
    assert (status, answer["code"]) == (400, 400)
    assert not hms.rooms


def test_codes_come_with_the_second_call_alone(call: Call):
    room = call("POST", "/rooms", ROOM)[1]
    place = f"/room-codes/room/{room['id']}"
    assert call("GET", place)[1]["data"] == []
    made = call("POST", place, {})[1]["data"]
    assert [code["role"] for code in made] == ["host", "guest", "__internal_recorder"]
    assert call("POST", place, {})[1]["data"] == made
    assert call("GET", place, enabled="true", role="guest")[1]["data"] == [made[1]]


def test_role_that_left_the_template_loses_its_code(call: Call, hms: HundredmsDouble):
    room = call("POST", "/rooms", ROOM)[1]
    place = f"/room-codes/room/{room['id']}"
    call("POST", place, {})
    hms.set_roles(KEYS["template_id"], ["host"])
    assert [code["role"] for code in call("POST", place, {})[1]["data"]] == ["host"]
    assert [code["role"] for code in call("GET", place, enabled="true")[1]["data"]] == ["host"]


def test_disabled_room_tells_no_codes(call: Call):
    room = call("POST", "/rooms", ROOM)[1]
    assert call("POST", f"/rooms/{room['id']}", {"enabled": False})[1]["enabled"] is False
    for method in ("GET", "POST"):
        assert call(method, f"/room-codes/room/{room['id']}", {})[0:1] == (403,)
    assert call("GET", "/rooms", enabled="true")[1]["data"] == []
    assert call("GET", "/rooms", name="site-bk-1")[1]["data"][0]["id"] == room["id"]


def test_call_is_ended_and_its_room_locked(call: Call, hms: HundredmsDouble):
    room = call("POST", "/rooms", ROOM)[1]
    place = f"/active-rooms/{room['id']}/end-room"
    assert call("POST", place, {"reason": "over", "lock": True})[0] == 404
    hms.enter(room["id"])
    assert len(call("GET", "/sessions", room_id=room["id"], active="true")[1]["data"]) == 1
    assert call("POST", place, {"reason": "over", "lock": True}) == (200, {"message": "session is ending"})
    assert call("GET", f"/rooms/{room['id']}")[1]["enabled"] is False


def test_list_of_rooms_comes_in_pages(call: Call):
    for number in range(5):
        call("POST", "/rooms", {**ROOM, "name": f"room-{number}"})
    seen, start = [], ""
    while page := call("GET", "/rooms", limit="2", **({"start": start} if start else {}))[1]:
        if not page["data"]:
            break
        seen += [room["name"] for room in page["data"]]
        start = page["last"]
    assert seen == [f"room-{number}" for number in range(5)]


def test_others_drive_it_over_http(call: Call, hms: HundredmsDouble):
    made = requests.post(f"{hms.url}/_double/add_room", json={"name": "other"}, timeout=5).json()
    assert call("GET", f"/rooms/{made}")[1]["name"] == "other"
    assert requests.get(f"{hms.url}/_double/state", timeout=5).json() == {"rooms": 1, "open": 1}
