"""The pretend Google says no where the real one does, and is stricter where that one passes over typos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from meetings.doubles.google import GoogleDouble
from tests.meetings.providers.google_vendor import ADA, EVENTS, RIGHTS, SETTINGS

EVENT: dict[str, Any] = {
    "id": "lp0001",
    "start": {"dateTime": "2030-01-01T10:00:00+07:00", "timeZone": "Asia/Jakarta"},
    "end": {"dateTime": "2030-01-01T11:00:00+07:00", "timeZone": "Asia/Jakarta"},
    "attendees": [{"email": "sam@example.com"}, {"email": "kim@example.com"}],
    "conferenceData": {"createRequest": {"requestId": "r-1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}},
}


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as double:
        yield double


def ask(google: GoogleDouble, method: str, path: str = "", body: Any = None, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {google.token_for(ADA, *RIGHTS)}"}
    return requests.request(method, f"{google.url}{EVENTS}{path}", json=body, params=query, headers=headers, timeout=5)


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def test_id_is_never_used_twice_even_after_deleting(google: GoogleDouble):
    assert ask(google, "POST", body=EVENT).status_code == 200
    assert reason(ask(google, "POST", body=EVENT)) == (409, "duplicate")
    assert ask(google, "DELETE", "/lp0001").status_code == 204
    assert reason(ask(google, "DELETE", "/lp0001")) == (410, "deleted")
    assert reason(ask(google, "PATCH", "/lp0001", {"summary": "x"})) == (410, "deleted")
    assert reason(ask(google, "POST", body=EVENT)) == (409, "duplicate")
    assert ask(google, "GET", "/lp0001").json()["status"] == "cancelled"
    assert reason(ask(google, "DELETE", "/lp0002")) == (404, "notFound")


def test_conference_comes_only_where_it_is_asked_for_aloud(google: GoogleDouble):
    assert "conferenceData" not in ask(google, "POST", body=EVENT).json()
    silent = ask(google, "PATCH", "/lp0001", {"conferenceData": EVENT["conferenceData"]})
    assert "conferenceData" not in silent.json()
    ask(google, "PATCH", "/lp0001", {"conferenceData": EVENT["conferenceData"]}, conferenceDataVersion="1")
    assert "hangoutLink" in ask(google, "GET", "/lp0001").json()


def test_conference_is_pending_first_and_a_repeated_wish_is_passed_over(google: GoogleDouble):
    google.hold_conferences(reads=2)
    first = ask(google, "POST", body=EVENT, conferenceDataVersion="1").json()
    assert first["conferenceData"]["createRequest"]["status"] == {"statusCode": "pending"}
    assert "entryPoints" not in first["conferenceData"]
    links = [ask(google, "GET", "/lp0001").json().get("hangoutLink") for _time in range(3)]
    assert links[0] is None
    assert links[1] == links[2] is not None
    again = ask(google, "PATCH", "/lp0001", {"conferenceData": EVENT["conferenceData"]}, conferenceDataVersion="1")
    assert again.json()["hangoutLink"] == links[1]


def test_patch_merges_objects_and_replaces_lists(google: GoogleDouble):
    ask(google, "POST", body=EVENT)
    ask(google, "PATCH", "/lp0001", {"attendees": [{"email": "pat@example.com"}], "start": {"timeZone": "UTC"}})
    event = ask(google, "GET", "/lp0001").json()
    assert event["attendees"] == [{"email": "pat@example.com"}]
    assert event["start"] == {"dateTime": "2030-01-01T10:00:00+07:00", "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sumary": "typo"}, "invalid"),
        ({"conferenceData": {"createRequests": {}}}, "invalid"),
        ({"attendees": [{"mail": "x@example.com"}]}, "invalid"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
        ({"id": "Capital-W"}, "invalid"),
        ({"summary": 5}, "invalid"),
        ({"extendedProperties": {"private": {"number": 5}}}, "invalid"),
        ({"start": {"dateTime": "2030-01-01T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2030-01-01 10:00", "timeZone": "UTC"}}, "badRequest"),
        ({"start": {"dateTime": "2030-13-01T10:00:00Z"}}, "badRequest"),
        ({"start": {"dateTime": "2030-01-01T10:00:00Z", "timeZone": "Mars/Base"}}, "invalid"),
        ({"start": {"dateTime": "2030-01-01T10:00:00Z", "date": "2030-01-01"}}, "invalid"),
        ({"end": EVENT["start"]}, "timeRangeEmpty"),
    ],
)
def test_event_with_a_fault_is_refused(google: GoogleDouble, changes: dict[str, Any], told: str):
    assert reason(ask(google, "POST", body={**EVENT, **changes}, conferenceDataVersion="1")) == (400, told)
    assert google.account(ADA).events == {}


def test_unknown_question_is_refused(google: GoogleDouble):
    assert reason(ask(google, "POST", body=EVENT, conferenceVersion="1")) == (400, "invalidParameter")
    assert reason(ask(google, "POST", body=EVENT, sendUpdates="some")) == (400, "invalidParameter")


@pytest.mark.parametrize("told", ["quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"])
def test_account_can_be_held_back(google: GoogleDouble, told: str):
    google.set_quota(ADA, told)
    assert reason(ask(google, "POST", body=EVENT)) == (403, told)
    google.set_quota(ADA)
    assert ask(google, "POST", body=EVENT).status_code == 200


def test_token_ends_with_its_time(google: GoogleDouble):
    headers = {"Authorization": f"Bearer {google.token_for(ADA, *RIGHTS)}"}
    assert requests.get(f"{google.url}{EVENTS}", headers=headers, timeout=5).status_code == 200
    google.pass_time(3600)
    assert reason(requests.get(f"{google.url}{EVENTS}", headers=headers, timeout=5)) == (401, "authError")


def test_other_processes_drive_it(google: GoogleDouble):
    def drive(verb: str, **words: Any) -> requests.Response:
        return requests.post(f"{google.url}/_double/{verb}", json=words, timeout=5)

    ask(google, "POST", body=EVENT, conferenceDataVersion="1")
    link = ask(google, "GET", "/lp0001").json()["hangoutLink"]
    assert drive("start_call", space=link).json().startswith("conferenceRecords/")
    assert drive("start_call", space="none").status_code == 400
    assert drive("delete_event", account=ADA, event="lp0001").status_code == 200
    assert drive("shut_down").status_code == 404
    state = requests.get(f"{google.url}/_double/state", timeout=5).json()
    assert state["accounts"][ADA]["events"]["lp0001"]["status"] == "cancelled"
    assert [one["call"] != "" for one in state["spaces"]] == [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"response_type": "token"},
        {"scope": ""},
        {"scope": "https://www.googleapis.com/auth/drive"},
        {"redirect_uri": "javascript:x"},
        {"code_challenge_method": "plain"},
        {"colour": "blue"},
    ],
)
def test_consent_page_refuses_what_google_refuses(google: GoogleDouble, changes: dict[str, str]):
    asked = {
        "client_id": google.client_id,
        "response_type": "code",
        "scope": RIGHTS[0],
        "redirect_uri": "https://example.com/back",
        "code_challenge": "x",
        "code_challenge_method": "S256",
    }
    page = f"{google.url}/o/oauth2/v2/auth"
    assert requests.get(page, params=asked, timeout=5).status_code == 200
    assert requests.get(page, params={**asked, **changes}, timeout=5).status_code in (400, 401)


@pytest.mark.parametrize(("account", "kind"), [(ADA, "TRUSTED"), ("ada@gmail.com", "RESTRICTED")])
def test_room_that_calendar_makes_is_as_shut_as_the_accounts_default(google: GoogleDouble, account: str, kind: str):
    made = google.new_space(account, is_ours=False)
    assert made.config["accessType"] == kind
    google.set_access(account, "OPEN")
    assert google.new_space(account, is_ours=False).config["accessType"] == "OPEN"


def test_settings_of_a_room_are_its_owners_with_the_right_for_them(google: GoogleDouble):
    calendars, ours = (google.new_space(ADA, is_ours=is_ours) for is_ours in (False, True))
    created, settings = RIGHTS[2], SETTINGS

    def meet(method: str, name: str, right: str, account: str = ADA) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {google.token_for(account, right)}"}
        body = {"config": {"accessType": "OPEN"}} if method == "PATCH" else None
        query = {"updateMask": "config.accessType"} if method == "PATCH" else {}
        address = f"{google.url}/v2/{name}"
        answer = requests.request(method, address, json=body, params=query, headers=headers, timeout=5)
        return answer.status_code, answer.json().get("config", {}).get("accessType")

    assert meet("GET", f"spaces/{calendars.code}", settings) == (200, "TRUSTED")
    assert meet("GET", calendars.name, settings, "somebody@example.com") == (200, None)
    assert meet("PATCH", calendars.name, created) == (403, None)
    assert meet("PATCH", calendars.name, settings, "somebody@example.com") == (403, None)
    assert meet("PATCH", f"spaces/{calendars.code}", settings) == (400, None)
    assert meet("PATCH", calendars.name, settings) == (200, "OPEN")
    assert meet("PATCH", ours.name, created) == (200, "OPEN")
    assert meet("POST", f"{ours.name}:endActiveConference", settings) == (403, None)
