"""The pretend Zoom behaves as the real one's documents, and those who met it, say."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from bookings.doubles.server import Fault
from meetings.doubles.zoom import ZoomDouble
from tests.meetings.providers.zoom_vendor import ADA, APP

Call = Callable[..., tuple[int, dict[str, Any]]]
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP) as double:
        yield double


@pytest.fixture
def call(zoom: ZoomDouble) -> Call:
    tokens = zoom.give_tokens(ADA)

    def ask(method: str, path: str, body: Any = None, token: str = "", **query: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token or tokens['access_token']}"}
        answer = requests.request(method, f"{zoom.url}{path}", json=body, headers=headers, params=query, timeout=5)
        return answer.status_code, answer.json() if answer.content else {}

    return ask


def meeting(**changes: Any) -> dict[str, Any]:
    return {"topic": "Maths", "type": 2, "start_time": TOMORROW, "duration": 60, "agenda": "booking:x", **changes}


def make(call: Call, **changes: Any) -> dict[str, Any]:
    status, made = call("POST", "/v2/users/me/meetings", meeting(**changes))
    assert status == 201
    return made


def test_meeting_has_what_it_was_asked_for(call: Call):
    made = make(call, timezone="Europe/Berlin")
    assert (made["start_time"], made["duration"], made["timezone"]) == (TOMORROW, 60, "Europe/Berlin")
    assert isinstance(made["id"], int)
    assert made["id"] > 10**10
    assert str(made["id"]) in made["join_url"]
    assert "zak=" in made["start_url"]


def test_host_comes_in_by_an_address_that_is_new_each_time_and_ends_after_two_hours(call: Call, zoom: ZoomDouble):
    made, other = make(call), make(call)
    place = f"/v2/meetings/{made['id']}"
    first, second = (call("GET", place)[1]["start_url"] for _time in range(2))
    assert len({first, second, made["start_url"]}) == 3

    def come(address: str) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(address, timeout=5).json()
        return answer

    assert come(made["join_url"]) == {"role": "guest", "waits_for_host": False}  # nobody asked for a waiting room
    assert come(first.replace(str(made["id"]), str(other["id"])))["code"] == 3003
    assert come(first) == {"role": "host", "email": ADA}
    assert call("GET", place)[1]["status"] == "started"
    zoom.pass_time(7200)
    assert come(second)["code"] == 3003


def test_guest_waits_where_nobody_joins_before_the_host(call: Call):
    made = make(call, settings={"waiting_room": True, "join_before_host": False})
    assert requests.get(made["join_url"], timeout=5).json()["waits_for_host"] is True
    requests.get(made["start_url"], timeout=5)
    assert requests.get(made["join_url"], timeout=5).json()["waits_for_host"] is False


def test_create_twice_is_two_meetings(call: Call):
    assert make(call)["id"] != make(call)["id"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Maths"},
        {"settings": {"waitingroom": True}},
        {"settings": {"waiting_room": "yes"}},
        {"topic": "M" * 201},
        {"topic": "a\nb"},
        {"agenda": "a" * 2001},
        {"duration": 0},
        {"duration": 1441},
        {"duration": "60"},
        {"start_time": "tomorrow"},
        {"timezone": "Europe/Nowhere"},
        {"password": "p" * 11},
    ],
)
def test_meeting_asked_for_wrongly_is_refused_with_its_field(call: Call, zoom: ZoomDouble, changes: dict[str, Any]):
    status, answer = call("POST", "/v2/users/me/meetings", meeting(**changes))
    assert (status, answer["code"], len(answer["errors"])) == (400, 300, 1)
    assert not zoom.hosts[ADA].meetings


def test_past_start_becomes_now_and_is_ignored_in_a_change(call: Call):
    made = make(call, start_time="2020-01-01T10:00:00Z")
    assert abs(datetime.fromisoformat(made["start_time"]) - datetime.now(UTC)) < timedelta(seconds=5)
    later = make(call)
    place = f"/v2/meetings/{later['id']}"
    assert call("PATCH", place, {"start_time": "2020-01-01T10:00:00Z"}) == (204, {})
    assert call("GET", place)[1]["start_time"] == TOMORROW


def test_start_without_z_is_local_in_its_zone(call: Call):
    year = datetime.now(UTC).year + 1
    made = make(call, start_time=f"{year}-07-01T12:00:00", timezone="Europe/Berlin")
    assert made["start_time"] == f"{year}-07-01T10:00:00Z"


def test_change_and_deletion_answer_with_nothing(call: Call):
    place = f"/v2/meetings/{make(call)['id']}"
    assert call("PATCH", place, {"duration": 90}) == (204, {})
    assert call("GET", place)[1]["duration"] == 90
    assert call("DELETE", place) == (204, {})
    assert [call(method, place)[1]["code"] for method in ("GET", "DELETE")] == [3001, 3001]


def test_settings_are_answered_as_they_will_be(call: Call, zoom: ZoomDouble):
    asked = {"waiting_room": True, "join_before_host": True}
    assert make(call, settings=asked)["settings"]["join_before_host"] is False
    assert make(call)["settings"]["use_pmi"] is True  # the user's habit, where nothing is said
    assert make(call, settings={"use_pmi": False})["settings"]["use_pmi"] is False
    zoom.add_host(ADA, policies={"waiting_room": False})
    assert make(call, settings=asked)["settings"]["waiting_room"] is False


def test_password_may_be_missing(call: Call, zoom: ZoomDouble):
    assert make(call)["password"]
    zoom.change(makes_passwords=False)
    made = make(call)
    assert "password" not in made
    assert "pwd" not in made["join_url"]


def test_hundred_and_first_call_of_the_day_is_refused(call: Call, zoom: ZoomDouble):
    for number in range(50):
        place = f"/v2/meetings/{make(call)['id']}"
        assert call("PATCH", place, {"duration": 10 + number})[0] == 204
    status, answer = call("POST", "/v2/users/me/meetings", meeting())
    assert (status, "daily" in answer["message"]) == (429, True)
    assert call("GET", place)[0] == 200
    assert call("DELETE", place)[0] == 204


@pytest.mark.parametrize("tells_limits", [True, False])
def test_too_many_in_a_second_with_and_without_headers(call: Call, zoom: ZoomDouble, tells_limits: bool):
    zoom.change(tells_limits=tells_limits)
    zoom.fail_next(Fault.BUSY)
    answer = requests.get(f"{zoom.url}/v2/users/me", timeout=5)
    assert answer.status_code == 429
    assert "per-second" in answer.json()["message"]
    assert ("Retry-After" in answer.headers) == tells_limits


def test_answer_may_be_lost_after_the_work(call: Call, zoom: ZoomDouble):
    zoom.silence = 0.1
    for fault in (Fault.LOST, Fault.RESET):
        zoom.fail_next(fault, "POST")
        with pytest.raises(requests.ConnectionError):
            make(call)
    assert len(zoom.hosts[ADA].meetings) == 2


def test_token_may_be_refused_before_its_time(call: Call, zoom: ZoomDouble):
    zoom.expire_tokens()
    assert call("GET", "/v2/users/me") == (401, {"code": 124, "message": "Invalid access token."})


def test_token_ends_after_an_hour(call: Call, zoom: ZoomDouble):
    zoom.pass_time(3600)
    assert call("GET", "/v2/users/me") == (401, {"code": 124, "message": "Access token is expired."})


def test_missing_right_is_said_with_400(call: Call, zoom: ZoomDouble):
    token = zoom.give_tokens(ADA, scopes=("user:read:user",))["access_token"]
    status, answer = call("POST", "/v2/users/me/meetings", meeting(), token=token)
    assert (status, answer["code"]) == (400, 4711)


def test_app_of_a_tutor_may_only_say_me(call: Call):
    assert call("POST", f"/v2/users/{ADA}/meetings", meeting())[0] == 400


def test_list_comes_in_pages_with_short_agendas(call: Call):
    for number in range(5):
        make(call, agenda=f"{number}" * 300)
    seen, query = [], {"type": "upcoming", "page_size": "2"}
    while True:
        status, answer = call("GET", "/v2/users/me/meetings", **query)
        assert (status, answer["total_records"]) == (200, 5)
        seen += answer["meetings"]
        if not answer["next_page_token"]:
            break
        query["next_page_token"] = answer["next_page_token"]
    assert [len(one["agenda"]) for one in seen] == [250] * 5
    assert "start_url" not in seen[0]


def test_meeting_in_progress_is_neither_changed_nor_deleted(call: Call, zoom: ZoomDouble):
    made = make(call)
    place = f"/v2/meetings/{made['id']}"
    zoom.start_meeting(made["id"])
    assert call("GET", place)[1]["status"] == "started"
    assert call("PATCH", place, {"duration": 5})[1]["code"] == 3000
    assert call("DELETE", place)[1]["code"] == 3002
    zoom.end_meeting(made["id"])
    assert call("DELETE", place)[1]["code"] == 3007


def test_others_drive_it_over_http(zoom: ZoomDouble):
    def tell(verb: str, **words: Any) -> requests.Response:
        return requests.post(f"{zoom.url}/_double/{verb}", json=words, timeout=5)

    assert tell("add_host", email="bob@example.com", plan=1).status_code == 200
    assert tell("change", consenting="bob@example.com").status_code == 200
    assert tell("change", hosts="x").status_code == 400
    assert tell("give_tokens", email="bob@example.com").json()["token_type"] == "bearer"
    state = requests.get(f"{zoom.url}/_double/state", timeout=5).json()
    assert state == {"hosts": [ADA, "bob@example.com"], "meetings": 0}
