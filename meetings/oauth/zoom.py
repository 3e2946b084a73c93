"""A tutor's consent at Zoom (a General App that users manage, with PKCE). Its rights are those of the app's settings."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.outside import TIME_LIMIT, TIMEOUTS, Patience
from meetings.errors import ConnectionBroken, ConsentRefused, ProviderMisconfigured, ProviderTrouble
from meetings.oauth.base import AccountLook, OAuthVendor, OneToken, Tokens
from meetings.providers.zoom_api import ZoomApi
from meetings.providers.zoom_hosts import BASIC
from meetings.providers.zoom_tokens import ZoomApp, read_token
from meetings.providers.zoom_words import ENDS_AFTER_40_MINUTES

# Granular rights, and the classic ones that hold them.
CLASSIC = {
    "user:read:user": "user:read",
    "meeting:read:meeting": "meeting:read",
    "meeting:read:list_meetings": "meeting:read",
    "meeting:write:meeting": "meeting:write",
    "meeting:update:meeting": "meeting:write",
    "meeting:delete:meeting": "meeting:write",
}
NO_LICENCE = 99
MAY_NOT_HOST = _("This Zoom user has no licence, not even the free one, so it cannot hold meetings.")


class ZoomVendor(OAuthVendor):
    label = "Zoom"
    needed_scopes: ClassVar[frozenset[str]] = frozenset(CLASSIC)

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        oauth_url: str,
        api_url: str,
        timeouts: tuple[float, float] = TIMEOUTS,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        patience = Patience((timeouts[0], timeouts[1]), time_limit)
        self._app = ZoomApp(client_id, client_secret, oauth_url.rstrip("/"), api_url.rstrip("/"), patience)

    @property
    def is_configured(self) -> bool:
        return bool(self._app.client_id and self._app.client_secret)

    def authorize_url(self, *, state: str, challenge: str, redirect_uri: str, login_hint: str = "") -> str:
        """Return where the tutor consents. Zoom takes no hint and no scopes."""
        asked = {
            "response_type": "code",
            "client_id": self._app.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._app.oauth_url}/authorize?{urlencode(asked)}"

    def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        tokens = self._tokens(form, refused=ConsentRefused)
        if not tokens.refresh_token:
            raise ConsentRefused(detail="exchange: no refresh token came")
        return tokens

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens, both: the refresh token that was used is worth nothing from now on."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token}, refused=ConnectionBroken)

    def revoke(self, token: str) -> None:
        """Give the consent back, by its access token. One that is refused opens nothing any more."""
        try:
            self._app.ask("revoke", {"token": token}, refused=ConnectionBroken)
        except ConnectionBroken:
            return
        except ProviderMisconfigured as trouble:
            if trouble.code not in ("invalid_token", "invalid_request"):
                raise

    def look_at(self, token: str) -> AccountLook:
        user = ZoomApi(self._app.api_url, self._app.patience).ask(OneToken(token), "GET", "/users/me")
        plan, email, number = user.get("type"), user.get("email"), user.get("id")
        remark: str | Promise = {BASIC: ENDS_AFTER_40_MINUTES, NO_LICENCE: MAY_NOT_HOST}.get(plan, "")  # type: ignore[arg-type]
        account, account_id = (one if isinstance(one, str) else "" for one in (email, number))
        return AccountLook(account[:254], account_id[:200], can_host=plan != NO_LICENCE, remark=remark)

    def lacking(self, granted: frozenset[str]) -> frozenset[str]:
        """Return the rights that were not given, neither as such nor by a wider or a classic one."""
        held = {scope.removesuffix(":admin") for scope in granted}
        return frozenset(one for one in self.needed_scopes if one not in held and CLASSIC[one] not in held)

    def _tokens(self, form: dict[str, str], *, refused: type[ProviderTrouble]) -> Tokens:
        answer = self._app.ask("token", form, refused=refused)
        token, seconds = read_token(answer)
        following, scopes = answer.get("refresh_token"), answer.get("scope")
        return Tokens(
            access_token=token,
            refresh_token=following if isinstance(following, str) else "",
            expires_in=seconds,
            scopes=frozenset(scopes.split()) if isinstance(scopes, str) and scopes.strip() else self.needed_scopes,
            base_url=self._app.base_url_in(answer),
        )
