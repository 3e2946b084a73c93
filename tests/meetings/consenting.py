"""A vendor on a local port that gives consents as Zoom does: each renewal ends the old refresh token at once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client, override_settings
from django.utils import timezone

from bookings.doubles.server import Answer, Double, Request
from bookings.models import Tutor
from bookings.outside import USUAL_PATIENCE, Call, NoAnswer, Reply, ask_vendor
from meetings.errors import ConnectionBroken, ConsentRefused, ProviderMisconfigured, ProviderUnavailable
from meetings.models import VideoConnection
from meetings.oauth.base import AccountLook, OAuthVendor, Tokens
from meetings.providers.base import Access, Owner, Room, RoomMaker, RoomRequest

RIGHTS = frozenset({"rooms:write", "me:read"})
REFUSED = "started-already"  # a room that the vendor does not close
PAGE = "/teaching/meetings/"
BEGIN = "/teaching/meetings/zoom/connect/"
CALLBACK = "/connections/zoom/callback"


class ConsentDouble(Double):
    """The vendor. `consent` is what a person does on its page: it returns the code of the redirect."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.codes: dict[str, dict[str, str]] = {}
        self.grants: dict[str, str] = {}  # living refresh token → account
        self.bearers: dict[str, str] = {}  # living access token → account
        self.refreshes = self.revocations = 0
        self.rights = RIGHTS
        self.can_host = True
        self._number = 0

    def consent(self, *, challenge: str, redirect_uri: str, account: str = "ada@vendor.test") -> str:
        with self.lock:
            code = self._new("code")
            self.codes[code] = {"challenge": challenge, "redirect_uri": redirect_uri, "account": account}
            return code

    def grant(self, account: str = "ada@vendor.test") -> tuple[str, str]:
        """Return an access and a refresh token that were given at some time."""
        with self.lock:
            access, refresh = self._new("access"), self._new("refresh")
            self.grants[refresh], self.bearers[access] = account, account
            return access, refresh

    def answer(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.path == "/me":
            account = self.bearers.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
            return (
                Answer(200, {"account": account, "can_host": self.can_host}) if account else Answer(401, {"error": "bearer"})
            )
        if request.path == "/revoke":
            self.revocations += 1
            account = self.bearers.pop(form["token"], None)
            self.grants = {token: whose for token, whose in self.grants.items() if whose != account}
            return Answer(200, {})
        return self._exchange(form) if form["grant_type"] == "authorization_code" else self._refresh(form)

    def _exchange(self, form: dict[str, str]) -> Answer:
        asked = self.codes.pop(form["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["verifier"].encode()).digest()).decode().rstrip("=")
        if asked is None or digest != asked["challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return Answer(400, {"error": "invalid_grant"})
        return self._tokens(asked["account"])

    def _refresh(self, form: dict[str, str]) -> Answer:
        self.refreshes += 1
        account = self.grants.pop(form["refresh_token"], None)
        return self._tokens(account) if account else Answer(400, {"error": "invalid_grant"})

    def _tokens(self, account: str) -> Answer:
        access, refresh = self.grant(account)
        granted = " ".join(sorted(self.rights))
        return Answer(200, {"access": access, "refresh": refresh, "expires_in": 3600, "scope": granted})

    def _new(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._number}"

    def error(self, status: int) -> Answer:
        return Answer(status, {"error": "server_error"})


class ConsentVendor(OAuthVendor):
    label = "Consent"
    needed_scopes = RIGHTS
    patience = USUAL_PATIENCE

    def __init__(self, *, url: str) -> None:
        self.url = url

    def authorize_url(self, *, state: str, challenge: str, redirect_uri: str, login_hint: str = "") -> str:
        return f"{self.url}/authorize?" + urlencode({"state": state, "challenge": challenge, "redirect_uri": redirect_uri})

    def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "verifier": verifier, "redirect_uri": redirect_uri}
        return self._tokens(form, ConsentRefused)

    def refresh(self, refresh_token: str) -> Tokens:
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token}, ConnectionBroken)

    def revoke(self, token: str) -> None:
        self._ask(Call("POST", f"{self.url}/revoke", form={"token": token}))

    def look_at(self, token: str) -> AccountLook:
        reply = self._ask(Call("GET", f"{self.url}/me", headers={"Authorization": f"Bearer {token}"}))
        if reply.status == 401:
            raise ConnectionBroken(status=401)
        account, can_host = reply.body["account"], reply.body["can_host"]
        return AccountLook(account, account, can_host, "" if can_host else "It cannot hold meetings.")

    def _tokens(self, form: dict[str, str], refused: type[ConnectionBroken] | type[ConsentRefused]) -> Tokens:
        reply = self._ask(Call("POST", f"{self.url}/token", form=form))
        if reply.body.get("error") == "invalid_grant":
            raise refused(status=reply.status, code="invalid_grant")
        if not reply.is_fine:
            raise ProviderMisconfigured(status=reply.status)
        body = reply.body
        return Tokens(body["access"], body["refresh"], body["expires_in"], frozenset(body["scope"].split()))

    def _ask(self, call: Call) -> Reply:
        try:
            reply = ask_vendor(call, patience=self.patience)
        except NoAnswer as error:
            raise ProviderUnavailable(detail=str(error)) from None
        if reply.status >= 429:
            raise ProviderUnavailable(status=reply.status)
        return reply


class ConsentRooms(RoomMaker):
    """Rooms that exist in the head of whoever asks: these tests are about accounts."""

    label = "Consent rooms"
    owners = frozenset({Owner.TUTOR, Owner.SITE})

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        assert access is not None
        access.token()
        address = f"https://vendor.test/{request.key}"
        return Room(external_id=request.key, join_url_tutor=address, join_url_student=address)

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        return self.create(request, access)

    def cancel(self, external_id: str, access: Access | None) -> None:
        assert access is not None
        access.token()
        if external_id == REFUSED:
            raise ProviderMisconfigured(status=400, code="3000")

    def check(self, external_id: str, access: Access | None) -> Room:
        address = f"https://vendor.test/{external_id}"
        return Room(external_id=external_id, join_url_tutor=address, join_url_student=address)


class SiteKeys(Access):
    """The site's own account."""

    def __init__(self, *, account: str) -> None:
        self.account = account

    def token(self) -> str:
        return "site-token"

    def renewed(self, refused: str) -> str:
        return "site-token-2"


def providers(double: Double, *, site_account: str = "") -> dict[str, Any]:
    """Return MEETING_PROVIDERS with this vendor in Zoom's place."""
    zoom: dict[str, Any] = {
        "BACKEND": f"{__name__}.ConsentRooms",
        "OPTIONS": {},
        "OAUTH": {"BACKEND": f"{__name__}.ConsentVendor", "OPTIONS": {"url": double.url}},
    }
    if site_account:
        zoom["SITE_ACCESS"] = {"BACKEND": f"{__name__}.SiteKeys", "OPTIONS": {"account": site_account}}
    return {"pool": {"BACKEND": "meetings.providers.pool.PoolProvider", "OPTIONS": {}}, "zoom": zoom}


@contextmanager
def a_vendor(**options: Any) -> Iterator[ConsentDouble]:
    with ConsentDouble(**options) as double, override_settings(MEETING_PROVIDERS=providers(double)):
        yield double


def connect(tutor: Tutor, double: ConsentDouble, *, lives: timedelta = timedelta(hours=1), **fields: Any) -> VideoConnection:
    """Store a connection whose tokens the vendor knows."""
    access, refresh = double.grant()
    now = timezone.now()
    values = {"access_token": access, "refresh_token": refresh, "expires_at": now + lives, "connected_at": now}
    connection: VideoConnection = VideoConnection.objects.create(
        tutor=tutor, provider="zoom", **{"account": "ada@vendor.test", "scopes": " ".join(RIGHTS), **values, **fields}
    )
    return connection


def stored(connection: VideoConnection) -> VideoConnection:
    """Read the row again, its tokens included."""
    row: VideoConnection = VideoConnection.objects.defer(None).get(pk=connection.pk)
    return row


def begin(client: Client) -> dict[str, str]:
    """Press “Connect”, and return what the vendor's page is asked for."""
    answer = client.post(BEGIN)
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def come_back(client: Client, **query: str) -> list[str]:
    """Return from the vendor, and return what the page says then."""
    answer = client.get(CALLBACK, query)
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    return [str(message) for message in client.get(PAGE).context["messages"]]


def consent(vendor: ConsentDouble, asked: dict[str, str], **account: str) -> str:
    return vendor.consent(challenge=asked["challenge"], redirect_uri=asked["redirect_uri"], **account)
