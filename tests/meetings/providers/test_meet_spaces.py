"""Rooms made at Google Meet, for the pool."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookings.doubles.server import Fault
from bookings.outside import Patience
from meetings.doubles.google_books import meet_no
from meetings.errors import (
    ConnectionBroken,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
    RoomGone,
)
from meetings.providers.meet_spaces import CREATES_A_MINUTE, MeetSpaces
from tests.meetings.providers.google_vendor import ADA, HASTY, RIGHTS, GoogleVendor


def spaces(google: GoogleVendor, patience: Patience | None = None) -> MeetSpaces:
    return MeetSpaces(google.double.settings["GOOGLE_MEET_URL"], patience or Patience())


def test_space_opens_to_whoever_has_its_address(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    [asked] = google.double.requests
    assert (asked.method, asked.path) == ("POST", "/v2/spaces")
    assert json.loads(asked.body) == {"config": {"accessType": "OPEN", "entryPointAccess": "ALL"}}
    assert space.name.startswith("spaces/")
    assert (space.url, space.access_type, space.is_in_use) == (f"https://meet.google.com/{space.code}", "OPEN", False)


def test_space_is_looked_at_by_name_and_by_code(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    assert [spaces(google).look_at_space(name, google.access) for name in (space.name, space.code)] == [space, space]
    google.double.start_call(space.name)
    assert spaces(google).look_at_space(space.name, google.access).is_in_use


def test_call_is_ended_and_the_address_stays_good(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    google.double.start_call(space.url)
    spaces(google).end_conference(space.name, google.access)
    assert spaces(google).look_at_space(space.name, google.access) == space
    spaces(google).end_conference(space.name, google.access)


def test_tutor_is_let_in_to_admit_others(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    spaces(google).add_cohost(space.name, "tutor@example.com", google.access)
    assert google.double.spaces[space.name].members == {"tutor@example.com": "COHOST"}


def test_space_is_opened_again(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    google.double.spaces[space.name].config["accessType"] = "TRUSTED"
    assert spaces(google).look_at_space(space.name, google.access).access_type == "TRUSTED"
    assert spaces(google).open_space(space.name, google.access).access_type == "OPEN"
    assert google.double.requests[-1].query == {"updateMask": ["config.accessType"]}


def test_space_that_is_no_more_is_gone(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    google.double.forget_space(space.name)
    with pytest.raises(RoomGone):
        spaces(google).look_at_space(space.name, google.access)


def test_space_of_others_cannot_be_ended(google: GoogleVendor):
    other = google.double.new_space("somebody@example.com", is_ours=True)
    with pytest.raises(ProviderMisconfigured) as caught:
        spaces(google).end_conference(other.name, google.access)
    assert caught.value.code == "PERMISSION_DENIED"


def test_code_does_not_end_a_call(google: GoogleVendor):
    space = spaces(google).create_space(google.access)
    with pytest.raises(ProviderMisconfigured):
        spaces(google).end_conference(space.code, google.access)


def test_account_makes_ten_spaces_a_minute(google: GoogleVendor):
    for _time in range(CREATES_A_MINUTE):
        spaces(google).create_space(google.access)
    with pytest.raises(ProviderUnavailable) as caught:
        spaces(google).create_space(google.access)
    assert (caught.value.status, caught.value.code) == (429, "RESOURCE_EXHAUSTED")
    assert len(google.double.spaces) == CREATES_A_MINUTE
    google.double.pass_time(60)
    assert spaces(google).create_space(google.access).url


def test_right_that_was_not_given_is_told(google: GoogleVendor):
    google.access._token = google.double.token_for(ADA, *RIGHTS[:2])
    with pytest.raises(ConnectionBroken) as caught:
        spaces(google).create_space(google.access)
    assert caught.value.code == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_refused_token_is_renewed_once(google: GoogleVendor):
    google.double.expire_tokens()
    assert spaces(google).create_space(google.access).url
    assert len(google.access.renewals) == 1
    google.refuse_every_token()
    with pytest.raises(ConnectionBroken):
        spaces(google).create_space(google.access)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", ProviderMisconfigured),
        (403, "PERMISSION_DENIED", ProviderMisconfigured),
        (404, "NOT_FOUND", RoomGone),
        (500, "INTERNAL", ProviderUnavailable),
        (503, "UNAVAILABLE", ProviderUnavailable),
    ],
)
def test_refusal_means(google: GoogleVendor, status: int, name: str, kind: type[ProviderTrouble]):
    google.double.refuse_next("GET /v2", status, meet_no(status, name).body)
    with pytest.raises(ProviderTrouble) as caught:
        spaces(google).look_at_space("abc-mnop-xyz", google.access)
    assert (type(caught.value), caught.value.code) == (kind, name)


@pytest.mark.parametrize("fault", list(Fault))
def test_lost_creation_leaves_an_unused_space_at_most(google: GoogleVendor, fault: Fault):
    google.double.fail_next(fault)
    with pytest.raises(ProviderUnavailable):
        spaces(google, HASTY).create_space(google.access)
    assert len(google.double.spaces) <= 1
    assert spaces(google).create_space(google.access).url


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"name": "spaces/x"},
        {"name": "spaces/../x", "meetingCode": "abc-mnop-xyz", "meetingUri": "https://meet.google.com/abc-mnop-xyz"},
        {"name": "spaces/x", "meetingCode": "abc-mnop-xyz", "meetingUri": "https://meet.example.com/abc-mnop-xyz"},
        {"name": "spaces/x", "meetingCode": 5, "meetingUri": "https://meet.google.com/abc-mnop-xyz"},
    ],
)
def test_answer_that_is_no_space_is_none(google: GoogleVendor, answer: dict[str, Any]):
    google.double.refuse_next("POST /v2", 200, answer)
    with pytest.raises(ProviderUnavailable):
        spaces(google).create_space(google.access)


def test_name_cannot_lead_elsewhere(google: GoogleVendor):
    with pytest.raises(RoomGone):
        spaces(google).look_at_space("../../calendar/v3", google.access)
    assert google.double.requests[-1].path == "/v2/spaces/..%2F..%2Fcalendar%2Fv3"
