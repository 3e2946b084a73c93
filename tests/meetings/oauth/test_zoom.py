"""A tutor's consent at Zoom, against the pretend one."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bookings.doubles.server import Fault
from meetings.doubles.zoom import ZoomDouble
from meetings.doubles.zoom_oauth import GRANULAR
from meetings.errors import ConnectionBroken, ConsentRefused, ProviderMisconfigured, ProviderTrouble, ProviderUnavailable
from meetings.oauth.zoom import ZoomVendor
from tests.meetings.providers.scripted import ScriptedVendor
from tests.meetings.providers.zoom_vendor import ADA, APP

VERIFIER = "v" * 64
BACK = "https://linkpool.example/connections/zoom/back/"


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP) as double:
        yield double


@pytest.fixture
def vendor(zoom: ZoomDouble) -> ZoomVendor:
    return make_vendor(zoom.url)


def make_vendor(url: str, **changes: Any) -> ZoomVendor:
    options = {**APP, "oauth_url": f"{url}/oauth", "api_url": f"{url}/v2", "timeouts": (5, 0.4), "time_limit": 0.8}
    return ZoomVendor(**{**options, **changes})


def consent(vendor: ZoomVendor, state: str = "state-1") -> dict[str, str]:
    """Go to Zoom as a browser would, and return what it is sent back with."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    address = vendor.authorize_url(state=state, challenge=challenge, redirect_uri=BACK, login_hint=ADA)
    where = requests.get(address, allow_redirects=False, timeout=5).headers["Location"]
    assert where.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


def exchange(vendor: ZoomVendor, code: str, **changes: str):
    return vendor.exchange(code, **{"verifier": VERIFIER, "redirect_uri": BACK, **changes})


def test_consent_gives_tokens_that_open_the_account(zoom: ZoomDouble, vendor: ZoomVendor):
    back = consent(vendor)
    assert back["state"] == "state-1"
    tokens = exchange(vendor, back["code"])
    assert (tokens.scopes, tokens.expires_in, tokens.base_url) == (frozenset(GRANULAR), 3599, f"{zoom.url}/v2")
    assert vendor.lacking(tokens.scopes) == frozenset()
    look = vendor.look_at(tokens.access_token)
    assert (look.account, look.account_id, look.can_host, look.remark) == (ADA, zoom.hosts[ADA].id, True, "")


def test_tokens_are_not_shown(vendor: ZoomVendor):
    tokens = exchange(vendor, consent(vendor)["code"])
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)


def test_values_go_in_the_body_alone(zoom: ZoomDouble, vendor: ZoomVendor):
    exchange(vendor, consent(vendor)["code"])
    asked = zoom.requests[-1]
    assert (asked.method, asked.path, asked.query) == ("POST", "/oauth/token", {})
    assert asked.headers["Authorization"].startswith("Basic ")
    assert APP["client_secret"].encode() not in asked.body


def test_no_is_told_by_the_browser(zoom: ZoomDouble, vendor: ZoomVendor):
    zoom.change(consenting="")
    assert consent(vendor) == {"error": "access_denied", "state": "state-1"}


@pytest.mark.parametrize("changes", [{"verifier": "w" * 64}, {"verifier": ""}])
@pytest.mark.defect("IT-16")
def test_code_without_its_verifier_is_refused(vendor: ZoomVendor, changes: dict[str, str]):
    with pytest.raises(ConsentRefused):
        exchange(vendor, consent(vendor)["code"], **changes)


def test_code_works_once(vendor: ZoomVendor):
    code = consent(vendor)["code"]
    exchange(vendor, code)
    with pytest.raises(ConsentRefused):
        exchange(vendor, code)


def test_code_works_for_five_minutes(zoom: ZoomDouble, vendor: ZoomVendor):
    code = consent(vendor)["code"]
    zoom.pass_time(301)
    with pytest.raises(ConsentRefused):
        exchange(vendor, code)


def test_other_return_address_is_our_fault(vendor: ZoomVendor):
    with pytest.raises(ProviderMisconfigured):
        exchange(vendor, consent(vendor)["code"], redirect_uri=f"{BACK}other")


@pytest.mark.defect("IT-18")
def test_refresh_gives_another_refresh_token_and_the_old_one_is_refused(vendor: ZoomVendor):
    first = exchange(vendor, consent(vendor)["code"])
    second = vendor.refresh(first.refresh_token)
    assert second.refresh_token not in ("", first.refresh_token)
    assert second.access_token != first.access_token
    with pytest.raises(ConnectionBroken) as caught:
        vendor.refresh(first.refresh_token)
    assert (caught.value.code, caught.value.status) == ("invalid_grant", 400)
    assert vendor.refresh(second.refresh_token).refresh_token


def test_consent_that_was_withdrawn_cannot_be_refreshed(zoom: ZoomDouble, vendor: ZoomVendor):
    tokens = exchange(vendor, consent(vendor)["code"])
    zoom.withdraw(ADA)
    with pytest.raises(ConnectionBroken):
        vendor.refresh(tokens.refresh_token)
    with pytest.raises(ConnectionBroken):
        vendor.look_at(tokens.access_token)


def test_consent_is_given_back_and_given_back_again(zoom: ZoomDouble, vendor: ZoomVendor):
    tokens = exchange(vendor, consent(vendor)["code"])
    vendor.revoke(tokens.access_token)
    assert zoom.grants == []
    vendor.revoke(tokens.access_token)


@pytest.mark.parametrize("fault", list(Fault))
def test_consent_is_never_gone_because_an_answer_was_lost(zoom: ZoomDouble, vendor: ZoomVendor, fault: Fault):
    tokens = exchange(vendor, consent(vendor)["code"])
    zoom.fail_next(fault, "POST /oauth/token")
    with pytest.raises(ProviderUnavailable):
        vendor.refresh(tokens.refresh_token)


REFUSALS = [
    (400, {"reason": "Invalid Token!", "error": "invalid_grant"}, ConnectionBroken),
    (401, {"reason": "Invalid Token!", "error": "invalid_grant"}, ConnectionBroken),
    (401, {"code": 4741, "message": "replaced"}, ConnectionBroken),
    (400, {"reason": "Bad Request", "error": "invalid_request"}, ProviderMisconfigured),
    (400, {"reason": "Invalid client", "error": "invalid_client"}, ProviderMisconfigured),
    (401, {"reason": "Invalid client", "error": "invalid_client"}, ProviderMisconfigured),
    *((400, {"code": code, "message": "no"}, ProviderMisconfigured) for code in (4702, 4704, 4706, 4709)),
    (400, {}, ProviderMisconfigured),
    (400, {"error": {"odd": 1}, "code": "x"}, ProviderMisconfigured),
    (429, {"reason": "slow down", "error": "invalid_grant"}, ProviderUnavailable),
    (500, {"reason": "oops", "error": "invalid_grant"}, ProviderUnavailable),
    (503, {}, ProviderUnavailable),
    (302, None, ProviderUnavailable),
    (200, {}, ProviderUnavailable),
    (200, {"access_token": ""}, ProviderUnavailable),
    (200, {"access_token": 7}, ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
def test_refusal_of_a_refresh_means(status: int, body: Any, kind: type[ProviderTrouble]):
    with ScriptedVendor((status, body)) as scripted, pytest.raises(ProviderTrouble) as caught:
        make_vendor(scripted.url).refresh("secret-token")
    assert type(caught.value) is kind
    assert "secret-token" not in f"{caught.value!r} {caught.value} {caught.value.detail} {caught.value.code}"


def test_token_without_scopes_is_taken_to_have_those_of_the_app():
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": "soon"}
    with ScriptedVendor((200, answer)) as scripted:
        vendor = make_vendor(scripted.url)
        tokens = vendor.refresh("old")
    assert (tokens.scopes, tokens.expires_in, tokens.base_url) == (vendor.needed_scopes, 3599, "")


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        ("https://api.zoom.us", "https://api.zoom.us/v2"),
        ("https://api-eu.zoom.us/", "https://api-eu.zoom.us/v2"),
        ("https://zoom.us", "https://zoom.us/v2"),
        ("http://api.zoom.us", ""),
        ("https://evil.example", ""),
        ("https://zoom.us.evil.example", ""),
        ("https://evilzoom.us", ""),
        ("https://user@api.zoom.us", ""),
        ("https://api.zoom.us:8443", ""),
        ("https://evil.example#.zoom.us", ""),
        ("https://[", ""),
        ("", ""),
        (None, ""),
        (7, ""),
        ("http://gateway.test:9", "http://gateway.test:9/v2"),
        ("http://gateway.test", ""),
    ],
)
def test_tokens_are_sent_to_zoom_or_to_the_address_of_the_settings_alone(told: Any, believed: str):
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": 3599, "scope": "user:read", "api_url": told}
    with ScriptedVendor((200, answer)) as scripted:
        assert make_vendor(scripted.url, api_url="http://gateway.test:9/v2").refresh("old").base_url == believed


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        (set(GRANULAR), set()),
        ({"user:read", "meeting:read", "meeting:write"}, set()),
        ({f"{scope}:admin" for scope in GRANULAR}, set()),
        ({"meeting:write", "meeting:read"}, {"user:read:user"}),
        (set(GRANULAR) - {"meeting:delete:meeting"}, {"meeting:delete:meeting"}),
        ({"user:read"}, set(GRANULAR) - {"user:read:user"}),
    ],
)
def test_rights_may_be_granular_or_classic(vendor: ZoomVendor, granted: set[str], lacking: set[str]):
    assert vendor.lacking(frozenset(granted)) == lacking


@pytest.mark.parametrize(("plan", "can_host", "word"), [(1, True, "40"), (2, True, ""), (99, False, "licence")])
def test_account_says_what_its_plan_allows(zoom: ZoomDouble, vendor: ZoomVendor, plan: int, can_host: bool, word: str):
    zoom.add_host(ADA, plan=plan)
    look = vendor.look_at(exchange(vendor, consent(vendor)["code"]).access_token)
    assert look.can_host == can_host
    assert word in str(look.remark)
    assert bool(look.remark) == bool(word)


def test_vendor_without_its_keys_is_not_offered():
    assert make_vendor("https://zoom.test").is_configured
    assert not make_vendor("https://zoom.test", client_id="").is_configured
    assert not make_vendor("https://zoom.test", client_secret="").is_configured
