"""The site's own Google account: a service account that acts for one person of the domain."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bookings.doubles.server import Fault
from meetings.doubles.google_books import calendar_no, oauth_no
from meetings.errors import ProviderMisconfigured, ProviderUnavailable
from meetings.providers.google_service import EVENTS_SCOPE, JWT_BEARER, LADDER, NO_FILE, NO_KEY, NO_RSA, ServiceAccount
from meetings.providers.meet_spaces import SETTINGS_SCOPE, SPACES_SCOPE
from tests.meetings.providers.asking import ready_room, room_request
from tests.meetings.providers.google_vendor import HASTY, OFFICE, GoogleVendor

ALL_SCOPES = LADDER[0]
ROBOT = "robot@project.iam.gserviceaccount.com"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = _KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"type": "service_account", "client_email": ROBOT, "private_key": PRIVATE}))
    return path


@pytest.fixture(autouse=True)
def _authorised(google: GoogleVendor) -> None:
    google.double.account(OFFICE)
    google.double.add_service_account(ROBOT, PUBLIC, ALL_SCOPES)


def site(google: GoogleVendor, key_file: Path, **options: Any) -> ServiceAccount:
    usual = {"key_file": str(key_file), "delegated_user": OFFICE, "token_url": google.double.settings["GOOGLE_TOKEN_URL"]}
    return ServiceAccount(**{**usual, **options})


def test_site_acts_for_a_person_of_the_domain(google: GoogleVendor, key_file: Path):
    access = site(google, key_file)
    room = ready_room(google.maker(), room_request(), access)
    assert room.join_url_student
    assert access.account == OFFICE
    assert list(google.double.accounts[OFFICE].events) == [room.external_id]


def test_assertion_is_signed_as_documented(google: GoogleVendor, key_file: Path):
    site(google, key_file).token()
    [asked] = google.double.requests
    form = dict(part.split("=", 1) for part in asked.body.decode().split("&"))
    assert form["grant_type"] == JWT_BEARER.replace(":", "%3A")
    claims = jwt.decode(form["assertion"], PUBLIC, ["RS256"], audience=f"{google.double.url}/token")
    assert claims == {
        "iss": ROBOT,
        "sub": OFFICE,
        "scope": " ".join(ALL_SCOPES),
        "aud": f"{google.double.url}/token",
        "iat": claims["iat"],
        "exp": claims["iat"] + 3600,
    }


def test_token_is_kept_until_shortly_before_its_end(google: GoogleVendor, key_file: Path, monkeypatch: pytest.MonkeyPatch):
    access = site(google, key_file)
    first = access.token()
    assert access.token() == first
    monkeypatch.setattr("meetings.providers.google_service.SPARE", 3599)
    other = site(google, key_file)
    assert other.token() != other.token()


def test_refused_token_is_renewed_once_whoever_asks(google: GoogleVendor, key_file: Path):
    access = site(google, key_file)
    refused = access.token()
    asked = len(google.double.requests)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(access.renewed(refused))) for _worker in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert refused not in got
    assert len(google.double.requests) - asked == 1


@pytest.mark.parametrize("may", [LADDER[-1], (EVENTS_SCOPE, SPACES_SCOPE), (EVENTS_SCOPE, SETTINGS_SCOPE)])
def test_domain_that_authorised_less_still_has_what_it_authorised(
    google: GoogleVendor, key_file: Path, may: tuple[str, ...]
):
    google.double.add_service_account(ROBOT, PUBLIC, may)
    access = site(google, key_file)
    refused = access.token()
    assert google.double.tokens[refused].scopes == set(may)
    asked = google.asked("POST", "/token")
    access.renewed(refused)
    assert google.asked("POST", "/token") - asked == 1


def test_right_that_was_authorised_later_is_had_within_an_hour(google: GoogleVendor, key_file: Path):
    google.double.add_service_account(ROBOT, PUBLIC, [EVENTS_SCOPE])
    access = site(google, key_file)
    access.token()
    google.double.add_service_account(ROBOT, PUBLIC, ALL_SCOPES)
    assert google.double.tokens[access.token()].scopes == {EVENTS_SCOPE}
    access._good_until = 0.0  # its hour is over
    assert google.double.tokens[access.token()].scopes == set(ALL_SCOPES)


def test_domain_that_authorised_nothing_is_an_operators_matter(google: GoogleVendor, key_file: Path):
    google.double.add_service_account(ROBOT, PUBLIC, [])
    with pytest.raises(ProviderMisconfigured) as caught:
        site(google, key_file).token()
    assert caught.value.code == "unauthorized_client"


def test_person_who_is_not_there_is_an_operators_matter(google: GoogleVendor, key_file: Path):
    with pytest.raises(ProviderMisconfigured) as caught:
        site(google, key_file, delegated_user="nobody@school.example.com").token()
    assert caught.value.code == "invalid_grant"


@pytest.mark.defect("CE-24")
def test_robot_never_acts_for_itself(google: GoogleVendor, key_file: Path):
    with pytest.raises(ProviderMisconfigured):
        site(google, key_file, delegated_user="").token()
    assert google.double.requests == []


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR, Fault.BUSY, Fault.HTML, Fault.SLOW])
def test_silent_google_is_asked_later(google: GoogleVendor, key_file: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("meetings.providers.google_service.SILENCE", 0.0)
    access = site(google, key_file, patience=HASTY)
    google.double.fail_next(fault, "POST /token")
    with pytest.raises(ProviderUnavailable):
        access.token()
    assert access.token()


def test_silent_google_is_not_asked_by_everybody_in_turn(google: GoogleVendor, key_file: Path):
    access = site(google, key_file, patience=HASTY)
    google.double.set_fault_rates(lost=1.0)
    caught: list[str] = []

    def ask() -> None:
        try:
            access.token()
        except ProviderUnavailable as error:
            caught.append(error.detail)

    threads = [threading.Thread(target=ask) for _worker in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(caught), google.asked("POST", "/token")) == (3, 1)


def test_trouble_at_google_is_not_taken_for_a_missing_right(google: GoogleVendor, key_file: Path):
    google.double.refuse_next("POST /token", 503, oauth_no(503, "unauthorized_client").body)
    with pytest.raises(ProviderUnavailable):
        site(google, key_file).token()


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("no json", NO_KEY),
        ("[]", NO_KEY),
        ('{"client_email": "x"}', NO_KEY),
        ('{"client_email": "x", "private_key": 5}', NO_KEY),
        ('{"client_email": "x", "private_key": "-----BEGIN"}', NO_RSA),
    ],
)
def test_file_that_cannot_be_used_is_a_doubt_and_no_crash(google: GoogleVendor, key_file: Path, text: str, doubt: Any):
    key_file.write_text(text)
    maker = google.maker(service_account_file=str(key_file), delegated_user=OFFICE)
    assert maker.doubts() == [str(doubt)]
    with pytest.raises(ProviderMisconfigured):
        site(google, key_file).token()


def test_doubts_tell_what_is_missing(google: GoogleVendor, key_file: Path):
    def doubts(**options: str) -> str:
        return " ".join(google.maker(**options).doubts())

    assert doubts(service_account_file=str(key_file), delegated_user=OFFICE) == ""
    assert doubts(service_account_file="", delegated_user="") == ""
    assert "needs both" in doubts(service_account_file=str(key_file))
    assert "needs both" in doubts(delegated_user=OFFICE)
    assert "needs both" in doubts(client_secret="")
    assert "gmail.com" in doubts(service_account_file=str(key_file), delegated_user="Some.Body@Gmail.com")
    told = doubts(service_account_file=f"{key_file}-none", delegated_user=OFFICE)
    assert told == str(NO_FILE)


@pytest.mark.parametrize(
    ("options", "is_offered"),
    [
        ({}, True),
        ({"client_id": ""}, False),
        ({"client_id": "", "client_secret": ""}, False),
        ({"client_id": "", "service_account_file": "/key.json", "delegated_user": OFFICE}, True),
        ({"client_id": "", "service_account_file": "/key.json"}, False),
    ],
)
def test_google_is_offered_with_a_client_or_a_service_account(google: GoogleVendor, options: Any, is_offered: bool):
    assert google.maker(**options).is_configured is is_offered


def test_robot_that_acts_for_itself_can_neither_invite_nor_meet(google: GoogleVendor):
    """What the double says of a service account without a person; the site never asks so."""
    robot = google.double.account(ROBOT)
    robot.is_robot, robot.can_meet = True, False
    google.access._token = google.double.allow(robot, frozenset([EVENTS_SCOPE]))
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker(invites=True).create(room_request(), google.access)
    assert caught.value.code == "forbiddenForServiceAccounts"
    assert calendar_no(403, "forbiddenForServiceAccounts").status == caught.value.status
