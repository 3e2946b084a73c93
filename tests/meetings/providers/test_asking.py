"""Answers that no vendor gives but what stands before it: pages in the place of JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookings.outside import Call, Patience, Reply
from meetings.errors import ConnectionBroken, ProviderUnavailable
from meetings.providers.asking import send_call
from meetings.providers.base import Access
from meetings.providers.google_api import GoogleApi
from meetings.providers.zoom_api import ZoomApi
from tests.meetings.providers.scripted import ScriptedVendor
from tests.meetings.providers.vendors import IssuedAccess

PAGE = b"<html><body>Please come back later</body></html>"
BEARER, BASIC = {"WWW-Authenticate": 'Bearer realm="api"'}, {"WWW-Authenticate": 'Basic realm="proxy"'}
JSON = (200, {"name": "fine"})


def send(status: int, body: Any, headers: dict[str, str], **sent: str) -> Reply:
    with ScriptedVendor((status, body, headers)) as vendor:
        return send_call(Call("GET", f"{vendor.url}/rooms"), patience=Patience(), **{"token": "secret", **sent})


@pytest.mark.parametrize("body", [PAGE, b""])
@pytest.mark.parametrize(
    ("status", "headers", "known", "after"),
    [
        (429, {"Retry-After": "7"}, 429, timedelta(seconds=7)),
        (503, {"retry-after": "5400"}, 503, timedelta(minutes=90)),
        (503, {"Retry-After": "soon"}, 503, None),
        (502, {}, 502, None),
        (404, {"Retry-After": "7"}, None, None),
        (410, {}, None, None),
        (409, {}, None, None),  # for some this would mean that it was made
        (403, {}, None, None),
        (401, BASIC, None, None),
        (401, {}, None, None),
        (302, {"Location": "https://login.test/", "Retry-After": "7"}, None, None),
    ],
)
def test_page_is_no_answer_but_tells_how_long_to_wait(
    status: int, headers: dict[str, str], known: int | None, after: timedelta | None, body: bytes
):
    with pytest.raises(ProviderUnavailable) as caught:
        send(status, body, headers)
    assert (caught.value.status, caught.value.after) == (known, after)
    assert caught.value.detail.startswith(f"GET: answered HTTP {status}")


def test_token_that_is_refused_with_a_page_is_refused():
    assert send(401, PAGE, BEARER).status == 401
    with pytest.raises(ProviderUnavailable):
        send(401, PAGE, BEARER, token="")  # nothing was sent that could be refused


@pytest.mark.parametrize("api", [ZoomApi, GoogleApi])
def test_refused_token_is_renewed_once_though_a_page_says_so(api: Any):
    access = IssuedAccess(lambda: "token")
    with ScriptedVendor((401, PAGE, BEARER), JSON, (401, PAGE, BEARER)) as vendor:
        asked = api(vendor.url, Patience())
        assert asked.ask(access, "GET", "/rooms") == JSON[1]
        assert len(access.renewals) == 1
        with pytest.raises(ConnectionBroken):
            asked.ask(access, "GET", "/rooms")


def test_token_is_not_blamed_for_a_page_that_asks_for_a_password():
    access: Access = IssuedAccess(lambda: "token")
    with ScriptedVendor((401, PAGE, BASIC)) as vendor, pytest.raises(ProviderUnavailable):
        ZoomApi(vendor.url, Patience()).ask(access, "GET", "/rooms")
