"""The OAuth side of a pretend Zoom: consents, tokens that rotate, and an account that hosts for all."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from bookings.doubles.server import Answer, Double, Request
from meetings.doubles.zoom_books import Host, Refused

GRANULAR = (
    *("user:read:user", "meeting:read:meeting", "meeting:read:list_meetings"),
    *("meeting:write:meeting", "meeting:update:meeting", "meeting:delete:meeting"),
)
ADMIN = (*(f"{scope}:admin" for scope in GRANULAR), "user:read:list_users:admin")
TOKEN_SECONDS, CODE_SECONDS = 3599, 300


@dataclass
class Grant:
    """One consent. `account_id` instead of a host: the account of the owner, for all its hosts."""

    host: Host | None
    scopes: tuple[str, ...]
    refresh_token: str = ""
    redirect_uri: str = ""
    challenge: str = ""
    coded_at: datetime | None = None
    access_tokens: dict[str, datetime] = field(default_factory=dict)  # and when they end


class OAuthError(Exception):
    """Said in the words of the token endpoint, which are not those of the API."""

    def __init__(self, status: int, error: str, reason: str) -> None:
        self.answer = Answer(status, {"reason": reason, "error": error})
        super().__init__(error)


class ZoomOAuth(Double):
    """`/oauth/authorize` consents at once as `consenting`, so that a browser comes straight back."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        account_id: str = "",
        port: int = 0,
        silence: float = 60,
        seed: int = 1,
    ) -> None:
        super().__init__(port=port, silence=silence, seed=seed)
        self.client_id, self.client_secret, self.account_id = client_id, client_secret, account_id
        self.hosts: dict[str, Host] = {}
        self.grants: list[Grant] = []
        self.codes: dict[str, Grant] = {}
        self.consenting = "ada@example.com"  # who sits at the browser; "" says no
        self.granted: tuple[str, ...] = GRANULAR
        self.api_url = ""  # said with tokens; empty = this double's own
        self.refuses_all = False  # every access token, new ones too
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def pass_time(self, seconds: float) -> None:
        with self.lock:
            self._ahead += timedelta(seconds=seconds)

    def add_host(self, email: str, **facts: Any) -> str:
        """Add a user, or change one. Returns its id."""
        with self.lock:
            host = self.hosts.setdefault(email, Host(email))
            for name, value in facts.items():
                setattr(host, name, value)
            return host.id

    def give_tokens(self, email: str = "ada@example.com", scopes: tuple[str, ...] = GRANULAR) -> dict[str, Any]:
        """Consent without a browser, and return what the token endpoint would."""
        with self.lock:
            self.add_host(email)
            grant = Grant(self.hosts[email], tuple(scopes))
            self.grants.append(grant)
            return self._tokens(grant)

    def expire_tokens(self) -> None:
        """Refuse every access token given so far, before its time: 401/124."""
        with self.lock:
            for grant in self.grants:
                grant.access_tokens.clear()

    def withdraw(self, email: str) -> None:
        """Have this host remove the app: access and refresh tokens are worth nothing."""
        with self.lock:
            self.grants = [grant for grant in self.grants if grant.host is None or grant.host.email != email]

    def oauth(self, request: Request) -> Answer:
        """Answer `/oauth/…`."""
        verb = request.path.removeprefix("/oauth/")
        if (request.method, verb) == ("GET", "authorize"):
            return self._authorize({name: values[0] for name, values in request.query.items()})
        try:
            form = self._form_of(request)
            if (request.method, verb) == ("POST", "token"):
                return Answer(200, self._give(form))
            if (request.method, verb) == ("POST", "revoke"):
                return Answer(200, self._revoke(form.get("token", "")))
        except OAuthError as error:
            return error.answer
        return Answer(404, {"reason": "no such address", "error": "not_found"})

    def grant_of(self, token: str) -> Grant:
        """Return the grant of an access token. Raises Refused as 401/124."""
        for grant in self.grants:
            ends_at = grant.access_tokens.get(token)
            if ends_at is not None and not self.refuses_all:
                if ends_at > self.now():
                    return grant
                raise Refused(401, 124, "Access token is expired.")
        raise Refused(401, 124, "Invalid access token.")

    def _authorize(self, asked: dict[str, str]) -> Answer:
        where, state = asked.get("redirect_uri", ""), asked.get("state", "")
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code" or not where:
            return Answer(400, {"code": 4700, "message": "Invalid client_id or redirect."})
        if not self.consenting:
            return _redirect(where, error="access_denied", state=state)
        self.add_host(self.consenting)
        code = secrets.token_urlsafe(24)
        challenge = asked.get("code_challenge", "")
        if challenge and asked.get("code_challenge_method") != "S256":
            return Answer(400, {"code": 300, "message": "Only S256 is pretended."})
        host = self.hosts[self.consenting]
        self.codes[code] = Grant(host, self.granted, redirect_uri=where, challenge=challenge, coded_at=self.now())
        return _redirect(where, code=code, state=state)

    def _form_of(self, request: Request) -> dict[str, str]:
        credentials = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credentials}":
            raise OAuthError(400, "invalid_client", "Invalid client_id or client_secret")
        if request.query:
            raise OAuthError(400, "invalid_request", "Values belong into the body")
        return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}

    def _give(self, form: dict[str, str]) -> dict[str, Any]:
        kinds = {
            "authorization_code": self._for_code,
            "refresh_token": self._for_refresh_token,
            "account_credentials": self._for_account,
        }
        kind = kinds.get(form.get("grant_type", ""))
        if kind is None:
            raise OAuthError(400, "unsupported_grant_type", "unsupported grant type")
        return kind(form)

    def _for_code(self, form: dict[str, str]) -> dict[str, Any]:
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or grant.coded_at is None or self.now() > grant.coded_at + timedelta(seconds=CODE_SECONDS):
            raise OAuthError(400, "invalid_grant", "Invalid authorization code")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise OAuthError(400, "invalid_request", "Redirect URI mismatch.")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if grant.challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
            raise OAuthError(400, "invalid_grant", "Invalid code verifier")
        if grant.host is not None:
            self.withdraw(grant.host.email)  # only the newest consent of a person counts
        self.grants.append(grant)
        return self._tokens(grant)

    def _for_refresh_token(self, form: dict[str, str]) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        grant = next((one for one in self.grants if one.refresh_token and one.refresh_token == token), None)
        if grant is None:
            raise OAuthError(400, "invalid_grant", "Invalid Token!")
        return self._tokens(grant)

    def _for_account(self, form: dict[str, str]) -> dict[str, Any]:
        if not self.account_id or form.get("account_id") != self.account_id:
            raise OAuthError(400, "invalid_request", "Bad Request")
        grant = next((one for one in self.grants if one.host is None), None)
        if grant is None:
            grant = Grant(None, ADMIN)
            self.grants.append(grant)
        return {name: value for name, value in self._tokens(grant).items() if name != "refresh_token"}

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        """Give new ones. The refresh token used for it is refused from now on; access tokens stay good."""
        grant.refresh_token = secrets.token_urlsafe(32)
        access_token = secrets.token_urlsafe(32)
        grant.access_tokens[access_token] = self.now() + timedelta(seconds=TOKEN_SECONDS)
        return {
            "access_token": access_token,
            "token_type": "bearer",
            "refresh_token": grant.refresh_token,
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(grant.scopes),
            "api_url": self.api_url or self.url,
        }

    def _revoke(self, token: str) -> dict[str, Any]:
        grant = next((one for one in self.grants if token in one.access_tokens), None)
        if grant is None:
            raise OAuthError(400, "invalid_request", "Invalid Token!")
        self.grants.remove(grant)
        return {"status": "success"}


def _redirect(where: str, **values: str) -> Answer:
    joint = "&" if "?" in where else "?"
    return Answer(302, None, {"Location": f"{where}{joint}{urlencode(values)}"})
