"""Google's consent page and token endpoint, as a double: consent scope by scope, PKCE, refresh, service accounts."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

from bookings.doubles.server import Answer, Request
from meetings.doubles.google_books import (
    EMAIL,
    KNOWN_SCOPES,
    MOST_REFRESH_TOKENS,
    TOKEN_SECONDS,
    Account,
    GoogleBooks,
    Grant,
    Thing,
    oauth_no,
)

CODE_SECONDS = 600
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASKED = frozenset(
    [
        "access_type",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "include_granted_scopes",
        "login_hint",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ]
)
_FORMS = {
    "authorization_code": {"grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier"},
    "refresh_token": {"grant_type", "refresh_token", "client_id", "client_secret"},
    JWT_BEARER: {"grant_type", "assertion"},
}


@dataclass
class _Code:
    asked: Mapping[str, str]
    account: Account
    scopes: frozenset[str]
    is_first: bool
    made_at: float


@dataclass
class ServiceAccount:
    """A robot; `may` are the scopes that the domain's administrator authorised for it."""

    email: str
    public_key: str
    may: frozenset[str] = field(default_factory=frozenset)


class GoogleOAuth(GoogleBooks):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.codes: dict[str, _Code] = {}
        self.service_accounts: dict[str, ServiceAccount] = {}
        self.grants_last: int | None = None  # seconds, where people grant access for a time only

    # What people do.

    def consent(self, address: str, account: str = "", without: Sequence[str] = ()) -> str:
        """Consent on the page at this address, those scopes unticked; returns the address that the browser is sent to."""
        asked = self._read_request(urlsplit(address).query)
        email = account or asked.get("login_hint") or "tutor@example.com"
        wanted = {EMAIL if scope == "email" else scope for scope in asked["scope"].split()}
        with self.lock:
            person = self.account(email)
            code = f"4/{secrets.token_urlsafe(24)}"
            granted = frozenset(wanted - set(without))
            self.codes[code] = _Code(asked, person, granted, not person.granted, self.now())
            person.granted |= granted
        return _back(asked, code=code, scope=" ".join(sorted(granted)))

    def deny(self, address: str) -> str:
        """Refuse on the page; returns the address that the browser is sent to."""
        return _back(self._read_request(urlsplit(address).query), error="access_denied")

    def revoke_grant(self, account: str) -> None:
        """Take the consent back, as people can in their Google account."""
        with self.lock:
            self._forget(self.account(account))

    def expire_tokens(self, account: str = "") -> None:
        """Have the access tokens refused from now on, before their time; of everybody, or of one."""
        with self.lock:
            for word, token in list(self.tokens.items()):
                if account in ("", token.account.email):
                    del self.tokens[word]

    def add_service_account(self, email: str, public_key: str, may: Iterable[str]) -> None:
        with self.lock:
            self.service_accounts[email] = ServiceAccount(email, public_key, frozenset(may))

    # What programs ask.

    def answer_oauth(self, request: Request) -> Answer | None:
        """Answer what belongs here, else return None."""
        match request.method, request.path:
            case "GET", "/o/oauth2/v2/auth":
                return self._page(request)
            case "POST", "/o/oauth2/v2/consent":
                return self._decide(_form(request))
            case "POST", "/token":
                return Answer(200, self._give_token(_form(request)))
            case "POST", "/tokeninfo":
                return Answer(200, self._tell_token(request))
            case "POST", "/revoke":
                return Answer(200, self._revoke(_form(request)))
        return None

    def _read_request(self, query: str) -> dict[str, str]:
        asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if asked.get("client_id") != self.client_id:
            raise oauth_no(401, "invalid_client", "The OAuth client was not found.")
        if wrong := asked.keys() - _ASKED:
            raise oauth_no(400, "invalid_request", f"Unknown parameter: {min(wrong)}")
        if asked.get("response_type") != "code" or not asked.get("scope"):
            raise oauth_no(400, "invalid_request", "Required parameter is missing: response_type or scope")
        if unknown := set(asked["scope"].split()) - KNOWN_SCOPES:
            raise oauth_no(400, "invalid_scope", f"Some requested scopes were invalid: {min(unknown)}")
        if not asked.get("redirect_uri", "").startswith(("https://", "http://")):
            raise oauth_no(400, "redirect_uri_mismatch")
        if "code_challenge" in asked and asked.get("code_challenge_method") != "S256":
            raise oauth_no(400, "invalid_request", "Invalid code challenge method")
        return asked

    def _page(self, request: Request) -> Answer:
        query = urlencode({name: values[0] for name, values in request.query.items()})
        asked = self._read_request(query)
        boxes = "".join(
            f'<p><label><input type="checkbox" name="scope" value="{escape(scope)}" checked> {escape(scope)}</label></p>'
            for scope in asked["scope"].split()
        )
        page = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pretend Google</title></head><body>
<h1>Pretend Google: {escape(self.client_id)} wants to access your account</h1>
<form method="post" action="/o/oauth2/v2/consent"><input type="hidden" name="request" value="{escape(query)}">
<p><label>Account <input name="account" value="{escape(asked.get("login_hint", "tutor@example.com"))}"></label></p>
{boxes}<button name="decision" value="allow">Continue</button> <button name="decision" value="deny">Cancel</button>
</form></body></html>"""
        return Answer(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _decide(self, form: Mapping[str, list[str]]) -> Answer:
        address = f"/o/oauth2/v2/auth?{form['request'][0]}"
        if form.get("decision") != ["allow"]:
            return Answer(302, None, {"Location": self.deny(address)})
        ticked = {EMAIL if scope == "email" else scope for scope in form.get("scope", [])}
        without = sorted(KNOWN_SCOPES - ticked)
        return Answer(302, None, {"Location": self.consent(address, form.get("account", [""])[0], without)})

    def _give_token(self, many: Mapping[str, list[str]]) -> Thing:
        form = {name: values[0] for name, values in many.items()}
        kind = form.get("grant_type", "")
        if kind not in _FORMS:
            raise oauth_no(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
        if wrong := form.keys() - _FORMS[kind]:
            raise oauth_no(400, "invalid_request", f"Parameter not allowed: {min(wrong)}")
        if kind == JWT_BEARER:
            return self._for_service_account(form.get("assertion", ""))
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise oauth_no(401, "invalid_client", "The OAuth client was not found.")
        if kind == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""))
        return self._exchanged(form)

    def _exchanged(self, form: Mapping[str, str]) -> Thing:
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.made_at + CODE_SECONDS < self.now():
            raise oauth_no(400, "invalid_grant", "Malformed auth code.")
        if form.get("redirect_uri") != code.asked["redirect_uri"]:
            raise oauth_no(400, "redirect_uri_mismatch", "Bad Request")
        if (challenge := code.asked.get("code_challenge")) is not None:
            if "code_verifier" not in form:
                raise oauth_no(400, "invalid_grant", "Missing code verifier.")
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
                raise oauth_no(400, "invalid_grant", "Invalid code verifier.")
        is_incremental = code.asked.get("include_granted_scopes") == "true"
        scopes = frozenset(code.account.granted) if is_incremental else code.scopes
        told = self._told(code.account, scopes)
        is_asked_again = "consent" in code.asked.get("prompt", "").split()
        if code.asked.get("access_type") == "offline" and (code.is_first or is_asked_again):
            told["refresh_token"] = self._new_refresh_token(code.account, scopes)
            if self.grants_last is not None:
                told["refresh_token_expires_in"] = self.grants_last
        return told

    def _new_refresh_token(self, account: Account, scopes: frozenset[str]) -> str:
        word = f"1//{secrets.token_urlsafe(32)}"
        self.grants[word] = Grant(account, scopes)
        account.refresh_tokens.append(word)
        while len(account.refresh_tokens) > MOST_REFRESH_TOKENS:
            del self.grants[account.refresh_tokens.pop(0)]
        return word

    def _refreshed(self, word: str) -> Thing:
        grant = self.grants.get(word)
        if grant is None:
            raise oauth_no(400, "invalid_grant", "Token has been expired or revoked.")
        return self._told(grant.account, grant.scopes)

    def _told(self, account: Account, scopes: frozenset[str]) -> Thing:
        return {
            "access_token": self.allow(account, scopes),
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(sorted(scopes)),
            "token_type": "Bearer",
        }

    def _for_service_account(self, assertion: str) -> Thing:
        try:
            claimed = jwt.decode(assertion, options={"verify_signature": False})
            robot = self.service_accounts[claimed["iss"]]
            options: Any = {"require": ["iat", "exp"]}
            claims = jwt.decode(assertion, robot.public_key, ["RS256"], audience=f"{self.url}/token", options=options)
        except (jwt.PyJWTError, KeyError):
            raise oauth_no(400, "invalid_grant", "Invalid JWT Signature.") from None
        if claims["exp"] > claims["iat"] + 3600:
            raise oauth_no(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise oauth_no(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        if "sub" not in claims:
            robot_self = self.account(robot.email)
            robot_self.is_robot, robot_self.can_meet = True, False
            return self._without_scope(robot_self, scopes)
        if not scopes <= robot.may:
            message = "Client is unauthorized to retrieve access tokens using this method, or client not authorized."
            raise oauth_no(401, "unauthorized_client", message)
        if claims["sub"] not in self.accounts:
            raise oauth_no(400, "invalid_grant", "Invalid email or User ID")
        return self._without_scope(self.accounts[claims["sub"]], scopes)

    def _without_scope(self, account: Account, scopes: frozenset[str]) -> Thing:
        told = self._told(account, scopes)
        del told["scope"]
        return told

    def _tell_token(self, request: Request) -> Thing:
        token = self.bearer(request)
        if token is None:
            raise oauth_no(400, "invalid_token", "Invalid Value")
        told: Thing = {"aud": self.client_id, "scope": " ".join(sorted(token.scopes)), "expires_in": "3000"}
        if "openid" in token.scopes:
            told["sub"] = token.account.sub
        if EMAIL in token.scopes:
            told |= {"email": token.account.email, "email_verified": "true"}
        return told

    def _revoke(self, form: Mapping[str, list[str]]) -> Thing:
        word = form.get("token", [""])[0]
        known = self.grants.get(word) or self.tokens.get(word)
        if known is None:
            raise oauth_no(400, "invalid_token", "Token expired or revoked")
        self._forget(known.account)
        return {}

    def _forget(self, account: Account) -> None:
        """Drop every right that this person gave the project, whichever token names it."""
        account.granted.clear()
        account.refresh_tokens.clear()
        self.grants = {word: grant for word, grant in self.grants.items() if grant.account is not account}
        self.tokens = {word: token for word, token in self.tokens.items() if token.account is not account}


def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs(request.body.decode(), keep_blank_values=True)


def _back(asked: Mapping[str, str], **told: str) -> str:
    address = asked["redirect_uri"]
    state = {"state": asked["state"]} if "state" in asked else {}
    return f"{address}{'&' if '?' in address else '?'}{urlencode({**state, **told})}"
