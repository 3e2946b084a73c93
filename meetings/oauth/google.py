"""A tutor's consent at Google (OAuth 2.0 for web servers, with PKCE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bookings.outside import USUAL_PATIENCE, Call, Patience
from meetings.errors import (
    ConnectionBroken,
    ConsentRefused,
    ProviderMisconfigured,
    ProviderTrouble,
)
from meetings.oauth.base import AccountLook, OAuthVendor, OneToken, Tokens
from meetings.providers.asking import send_call
from meetings.providers.base import ABILITY_UNSEEN
from meetings.providers.google_ability import CALENDARS_SCOPE, why_it_cannot_meet
from meetings.providers.google_api import GoogleApi, trouble_of
from meetings.providers.google_tokens import ask_for_token, read_token

GOOGLE = "https://www.googleapis.com/auth/"
OWN_EVENTS = f"{GOOGLE}calendar.events.owned"
ENOUGH = frozenset([OWN_EVENTS, f"{GOOGLE}calendar.events", f"{GOOGLE}calendar"])  # any of them
CALENDARS = CALENDARS_SCOPE  # tells whether the account can make Meet links; tutors may leave it out
MAY_LOOK = frozenset([CALENDARS, *(f"{GOOGLE}calendar{name}" for name in ("", ".readonly", ".calendarlist"))])
SPACES = f"{GOOGLE}meetings.space.created"  # ends calls; tutors may leave it out
ASKED = ("openid", "email", OWN_EVENTS, CALENDARS, SPACES)


class GoogleVendor(OAuthVendor):
    label = "Google"
    needed_scopes = frozenset([OWN_EVENTS])

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        authorize_url: str,
        token_url: str,
        calendar_url: str,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:
        """The addresses of revoking and of looking at a token lie beside `token_url`."""
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._authorize_url, self._token_url = authorize_url, token_url
        self._calendar_url, self._patience = calendar_url, patience

    @property
    def is_configured(self) -> bool:
        return all(self._client.values())

    def authorize_url(self, *, state: str, challenge: str, redirect_uri: str, login_hint: str = "") -> str:
        asked = {
            "client_id": self._client["client_id"],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(ASKED),
            "access_type": "offline",
            # Without it a refresh token comes with the first consent only: whoever connects again would get none.
            "prompt": "consent select_account",
            "include_granted_scopes": "true",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._authorize_url}?{urlencode(asked | ({'login_hint': login_hint} if login_hint else {}))}"

    def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        tokens = self._tokens(form, refused=ConsentRefused, asked="exchange")
        if not tokens.refresh_token:
            raise ConsentRefused(detail="exchange: no refresh token came")
        return tokens

    def refresh(self, refresh_token: str) -> Tokens:
        """Return a new access token; Google tells no new refresh token, the old one stays good."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._tokens(form, refused=ConnectionBroken, asked="refresh")

    def revoke(self, token: str) -> None:
        """Drop every right that this person gave the site's app, whichever of the tokens is handed over."""
        call = Call("POST", self._beside("revoke"), form={"token": token})
        try:
            ask_for_token(call, refused=ConnectionBroken, asked="revoke", patience=self._patience)
        except ConnectionBroken:
            return
        except ProviderMisconfigured as error:
            if error.code not in ("invalid_token", "invalid_request"):
                raise

    def look_at(self, token: str) -> AccountLook:
        """Ask whose token it is and, where leave was given to, whether that calendar can have Meet links."""
        call = Call("POST", self._beside("tokeninfo"), form={})
        reply = send_call(call, patience=self._patience, token=token, asked="look")
        if reply.status in (400, 401):
            raise ConnectionBroken(detail="look: the token is refused", status=reply.status)
        if not reply.is_fine:
            raise trouble_of(reply, "look")
        why = None
        if _words(reply.body, "scope") & MAY_LOOK:
            why = why_it_cannot_meet(GoogleApi(self._calendar_url, self._patience), OneToken(token))
        remark = ABILITY_UNSEEN if why is None else why
        return AccountLook(_text(reply.body, "email"), _text(reply.body, "sub"), can_host=not why, remark=remark)

    def revoked_with(self, access_token: str, refresh_token: str) -> str:
        """Return the refresh token: an access token that has expired revokes nothing."""
        return refresh_token or access_token

    def lacking(self, granted: frozenset[str]) -> frozenset[str]:
        """Return the rights that are needed and were not given; wider ones than we ask for are enough."""
        return frozenset() if granted & ENOUGH else self.needed_scopes

    def _tokens(self, form: dict[str, str], *, refused: type[ProviderTrouble], asked: str) -> Tokens:
        call = Call("POST", self._token_url, form={**form, **self._client})
        answer = ask_for_token(call, refused=refused, asked=asked, patience=self._patience)
        token, seconds = read_token(answer)
        ends_in = answer.get("refresh_token_expires_in")
        return Tokens(
            access_token=token,
            refresh_token=_text(answer, "refresh_token"),
            expires_in=seconds,
            scopes=_words(answer, "scope"),
            grant_ends_in=ends_in if isinstance(ends_in, int) else None,
        )

    def _beside(self, name: str) -> str:
        return f"{self._token_url.rpartition('/')[0]}/{name}"


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _words(answer: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(_text(answer, name).split())
