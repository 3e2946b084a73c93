"""A tutor's consent at Google: what is asked, what comes back, and what each refusal means."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bookings.doubles.server import Fault
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_books import EMAIL, oauth_no
from meetings.errors import (
    ConnectionBroken,
    ConsentRefused,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
)
from meetings.oauth.google import CALENDARS, OWN_EVENTS, SPACES
from tests.meetings.oauth.asking import BACK, CHALLENGE, VERIFIER, address, code_of, connect, vendor
from tests.meetings.providers.google_vendor import ADA, HASTY

LATER = [
    (408, "timeout"),
    (429, "rate_limit_exceeded"),
    (400, "internal_failure"),
    (400, "server_error"),
    (400, "temporarily_unavailable"),
    (500, "internal_failure"),
    (503, "anything"),
]
OUR_FAULT = [(401, "invalid_client"), (401, "deleted_client"), (400, "redirect_uri_mismatch"), (401, "unauthorized_client")]
FORBIDDEN = [(400, "admin_policy_enforced"), (400, "org_internal"), (400, "access_denied")]


def test_consent_is_asked_for_as_documented(google: GoogleDouble):
    asked = urlsplit(address(google))
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{google.url}/o/oauth2/v2/auth"
    assert parse_qs(asked.query) == {
        "client_id": [google.client_id],
        "redirect_uri": [BACK],
        "response_type": ["code"],
        "scope": [f"openid email {OWN_EVENTS} {CALENDARS} {SPACES}"],
        "access_type": ["offline"],
        "prompt": ["consent select_account"],
        "include_granted_scopes": ["true"],
        "state": ["s-1"],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
        "login_hint": [ADA],
    }
    assert "login_hint" not in address(google, login_hint="")


def test_page_lets_people_consent_untick_a_right_and_refuse(google: GoogleDouble):
    page = requests.get(address(google), timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert OWN_EVENTS in page.text
    query = urlsplit(address(google)).query
    form = {"request": query, "account": ADA, "scope": ["openid", "email", CALENDARS], "decision": "allow"}
    back = requests.post(f"{google.url}/o/oauth2/v2/consent", data=form, timeout=5, allow_redirects=False)
    told = parse_qs(urlsplit(back.headers["Location"]).query)
    assert (back.status_code, told["state"], OWN_EVENTS in told["scope"][0]) == (302, ["s-1"], False)
    form["decision"] = "deny"
    back = requests.post(f"{google.url}/o/oauth2/v2/consent", data=form, timeout=5, allow_redirects=False)
    assert back.headers["Location"] == f"{BACK}?state=s-1&error=access_denied"


def test_code_gives_tokens_and_rights(google: GoogleDouble):
    tokens = connect(google)
    assert tokens.expires_in == 3599
    assert tokens.scopes == {"openid", EMAIL, OWN_EVENTS, CALENDARS, SPACES}
    assert tokens.refresh_token in google.grants
    assert tokens.grant_ends_in is None
    assert tokens.access_token not in repr(tokens)


def test_connecting_again_gives_a_refresh_token_again(google: GoogleDouble):
    assert connect(google).refresh_token != connect(google).refresh_token


def test_consent_with_an_end_tells_it(google: GoogleDouble):
    google.grants_last = 30 * 24 * 3600
    assert connect(google).grant_ends_in == 30 * 24 * 3600


def test_refreshed_token_comes_without_a_refresh_token_and_the_old_one_stays_good(google: GoogleDouble):
    first = connect(google)
    for _time in range(2):
        refreshed = vendor(google).refresh(first.refresh_token)
        assert refreshed.refresh_token == ""
        assert refreshed.access_token != first.access_token
        assert refreshed.scopes == first.scopes


@pytest.mark.defect("IT-16")
@pytest.mark.parametrize("changes", [{"verifier": "w" * 64}, {"code": "4/none"}])
def test_code_that_is_not_ours_gives_nothing(google: GoogleDouble, changes: dict[str, str]):
    asked = {"code": code_of(google.consent(address(google))), "verifier": VERIFIER, **changes}
    with pytest.raises(ConsentRefused) as caught:
        vendor(google).exchange(asked["code"], verifier=asked["verifier"], redirect_uri=BACK)
    assert caught.value.code == "invalid_grant"


def test_code_is_good_once(google: GoogleDouble):
    code = code_of(google.consent(address(google)))
    vendor(google).exchange(code, verifier=VERIFIER, redirect_uri=BACK)
    with pytest.raises(ConsentRefused):
        vendor(google).exchange(code, verifier=VERIFIER, redirect_uri=BACK)


def test_redirect_must_match_exactly(google: GoogleDouble):
    code = code_of(google.consent(address(google)))
    with pytest.raises(ProviderMisconfigured):
        vendor(google).exchange(code, verifier=VERIFIER, redirect_uri=f"{BACK}/")


def test_consent_without_a_refresh_token_is_no_connection(google: GoogleDouble):
    answer = {"access_token": "ya29.x", "expires_in": 3599, "scope": OWN_EVENTS, "token_type": "Bearer"}
    google.refuse_next("POST /token", 200, answer)
    with pytest.raises(ConsentRefused):
        vendor(google).exchange("4/x", verifier=VERIFIER, redirect_uri=BACK)


@pytest.mark.defect("IT-18")
def test_withdrawn_consent_breaks_the_connection(google: GoogleDouble):
    tokens = connect(google)
    google.revoke_grant(ADA)
    with pytest.raises(ConnectionBroken) as caught:
        vendor(google).refresh(tokens.refresh_token)
    assert (caught.value.code, caught.value.status) == ("invalid_grant", 400)


def test_oldest_of_a_hundred_refresh_tokens_dies_without_a_word(google: GoogleDouble):
    oldest = connect(google)
    for _time in range(100):
        newest = connect(google)
    with pytest.raises(ConnectionBroken):
        vendor(google).refresh(oldest.refresh_token)
    assert vendor(google).refresh(newest.refresh_token).access_token


@pytest.mark.defect("IT-18")
@pytest.mark.parametrize(("status", "word"), LATER)
def test_trouble_of_googles_never_breaks_a_connection(google: GoogleDouble, status: int, word: str):
    tokens = connect(google)
    for ask in (
        lambda: vendor(google).refresh(tokens.refresh_token),
        lambda: vendor(google).exchange("4/x", verifier=VERIFIER, redirect_uri=BACK),
        lambda: vendor(google).revoke(tokens.refresh_token),
    ):
        google.refuse_next("POST", status, oauth_no(status, word).body)
        with pytest.raises(ProviderUnavailable):
            ask()
    assert vendor(google).refresh(tokens.refresh_token).access_token


@pytest.mark.parametrize("fault", list(Fault))
def test_lost_or_broken_answer_never_breaks_a_connection(google: GoogleDouble, fault: Fault):
    tokens = connect(google)
    google.fail_next(fault, "POST /token")
    with pytest.raises(ProviderUnavailable):
        vendor(google, patience=HASTY).refresh(tokens.refresh_token)
    assert vendor(google).refresh(tokens.refresh_token).access_token


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": "x"}, {"access_token": 5, "expires_in": "1"}])
def test_answer_without_a_token_is_no_answer(google: GoogleDouble, answer: dict[str, Any]):
    google.refuse_next("POST /token", 200, answer)
    with pytest.raises(ProviderUnavailable):
        vendor(google).refresh("1//x")


@pytest.mark.parametrize(("status", "word"), OUR_FAULT)
def test_fault_of_the_set_up_is_an_operators_matter(google: GoogleDouble, status: int, word: str):
    google.refuse_next("POST /token", status, oauth_no(status, word).body)
    with pytest.raises(ProviderMisconfigured) as caught:
        vendor(google).refresh("1//x")
    assert caught.value.code == word


@pytest.mark.parametrize(("status", "word"), FORBIDDEN)
def test_person_is_told_what_the_organisation_forbids(google: GoogleDouble, status: int, word: str):
    asked: list[tuple[Any, type[ProviderTrouble]]] = [
        (lambda: vendor(google).refresh("1//x"), ConnectionBroken),
        (lambda: vendor(google).exchange("4/x", verifier=VERIFIER, redirect_uri=BACK), ConsentRefused),
    ]
    for ask, kind in asked:
        google.refuse_next("POST /token", status, oauth_no(status, word).body)
        with pytest.raises(kind) as caught:
            ask()
        assert "administrator" in str(caught.value.message)


def test_wrong_secret_of_the_site_is_no_fault_of_the_tutor(google: GoogleDouble):
    tokens = connect(google)
    with pytest.raises(ProviderMisconfigured) as caught:
        vendor(google, client_secret="wrong").refresh(tokens.refresh_token)
    assert tokens.refresh_token not in f"{caught.value} {caught.value.detail}"
