"""A Google service account that acts for one person of a Workspace domain (domain-wide delegation).

Never without that person: by itself such an account can neither invite anybody nor make a Meet link.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import jwt
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.outside import USUAL_PATIENCE, Call, Patience
from meetings.errors import ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Access, Owner
from meetings.providers.google_ability import CALENDARS_SCOPE
from meetings.providers.google_tokens import ask_for_token, read_token
from meetings.providers.meet_spaces import SETTINGS_SCOPE, SPACES_SCOPE

EVENTS_SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
# What is asked for, the most first: a domain that authorised less refuses the whole, and the next is tried. Each lower one
# is what a site has whose operator left out, or has not yet added, one of the rights.
LADDER = (
    (EVENTS_SCOPE, CALENDARS_SCOPE, SPACES_SCOPE, SETTINGS_SCOPE),
    (EVENTS_SCOPE, SPACES_SCOPE, SETTINGS_SCOPE),
    (EVENTS_SCOPE, SETTINGS_SCOPE),
    (EVENTS_SCOPE, SPACES_SCOPE),
    (EVENTS_SCOPE,),
)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = 3600  # seconds that what we sign is good for: the most that Google takes
SPARE = 300  # seconds before its end from which a token is replaced
SILENCE = 15.0  # seconds: after no answer nobody asks again for so long
SKEW = 10  # seconds by which what we sign is dated back, for clocks that differ
OUTSIDE_WORKSPACE = ("gmail.com", "googlemail.com")


NO_FILE = _("GOOGLE_SERVICE_ACCOUNT_FILE cannot be read: there is no such file, or the site may not read it.")
NO_KEY = _("GOOGLE_SERVICE_ACCOUNT_FILE is not the JSON key of a service account. Please download one at Google again.")
NO_RSA = _("The private key in GOOGLE_SERVICE_ACCOUNT_FILE cannot be used. Please download the file at Google again.")


class KeyFileUnreadable(Exception):
    """The file of a service account cannot be used; `message` says why, and tells nothing of its content."""

    def __init__(self, message: Promise, detail: str) -> None:
        self.message = message
        super().__init__(detail)


@dataclass(frozen=True)
class _Key:
    email: str
    private_key: str = field(repr=False)


class ServiceAccount(Access):
    """The account `delegated_user`, opened with the key in `key_file`. One object serves a whole process."""

    owner: ClassVar[Owner] = Owner.SITE

    def __init__(self, *, key_file: str, delegated_user: str, token_url: str, patience: Patience = USUAL_PATIENCE) -> None:
        """Read nothing yet: a file that is missing is told when a token is asked for, and by `doubts`."""
        self.account = delegated_user
        self._key_file, self._token_url, self._patience = key_file, token_url, patience
        self._lock = threading.Lock()
        self._token, self._good_until, self._silent_until = "", 0.0, 0.0
        self._rung = 0  # of LADDER: the most that the domain authorised, as far as we know

    def token(self) -> str:
        """Return the token in memory, or another shortly before it ends. Raises ProviderMisconfigured as well.

        With each new hour all rights are asked for again: one that was authorised meanwhile is had without a restart.
        """
        with self._lock:
            if time.time() < self._good_until:
                return self._token
            self._rung = 0
            return self._fetch()

    def renewed(self, refused: str) -> str:
        with self._lock:
            return self._token if self._token not in ("", refused) else self._fetch()

    def _fetch(self) -> str:
        """Ask for a token, but not where nobody answered a moment ago: those who wait here must not each wait for Google."""
        if time.monotonic() < self._silent_until:
            raise ProviderUnavailable(detail="token: no answer a moment ago")
        try:
            token, seconds = self._ask_for_most()
        except ProviderUnavailable:
            self._silent_until = time.monotonic() + SILENCE
            raise
        self._token, self._good_until = token, time.time() + seconds - SPARE
        return token

    def _ask_for_most(self) -> tuple[str, int]:
        """Return a token and its life, with the most rights that the domain authorised."""
        while True:
            try:
                return self._ask(LADDER[self._rung])
            except ProviderMisconfigured as error:
                if error.code != "unauthorized_client" or self._rung == len(LADDER) - 1:
                    raise
                self._rung += 1

    def _ask(self, scopes: tuple[str, ...]) -> tuple[str, int]:
        if not self.account:
            raise ProviderMisconfigured(detail="there is no user to act for")
        try:
            assertion = self._signed(read_key(self._key_file), scopes)
        except KeyFileUnreadable as error:
            raise ProviderMisconfigured(detail=str(error), code="key_file") from None
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
        # Nobody can reconnect this account: that there is no such user, too, is the set-up's fault.
        call = Call("POST", self._token_url, form=form)
        return read_token(
            ask_for_token(call, refused=ProviderMisconfigured, asked="service account", patience=self._patience)
        )

    def _signed(self, key: _Key, scopes: tuple[str, ...]) -> str:
        now = int(time.time()) - SKEW
        claims = {
            "iss": key.email,
            "sub": self.account,
            "scope": " ".join(scopes),
            "aud": self._token_url,
            "iat": now,
            "exp": now + LIFE,
        }
        return _sign(claims, key)


def read_key(path: str) -> _Key:
    """Return what the file of a service account holds. Raises KeyFileUnreadable."""
    try:
        found: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise KeyFileUnreadable(NO_FILE, f"key file: {type(error).__name__}") from None
    except ValueError:
        raise KeyFileUnreadable(NO_KEY, "key file: no JSON") from None
    email, private_key = (found.get(name) if isinstance(found, dict) else None for name in ("client_email", "private_key"))
    if not isinstance(email, str) or not isinstance(private_key, str) or not email or not private_key:
        raise KeyFileUnreadable(NO_KEY, "key file: no key of a service account")
    return _Key(email, private_key)


def doubts_about_service_account(key_file: str, delegated_user: str) -> list[str]:
    """Return what looks wrong with these two settings, in sentences for the owner."""
    if not key_file and not delegated_user:
        return []
    if not key_file or not delegated_user:
        return [str(_("Only one of GOOGLE_SERVICE_ACCOUNT_FILE and GOOGLE_DELEGATED_USER is set; Google needs both."))]
    found = []
    if delegated_user.lower().rpartition("@")[2] in OUTSIDE_WORKSPACE:
        found.append(str(_("GOOGLE_DELEGATED_USER must be an account of your Google Workspace, not one of gmail.com.")))
    try:
        _sign({}, read_key(key_file))
    except KeyFileUnreadable as error:
        found.append(str(error.message))
    return found


def _sign(claims: dict[str, Any], key: _Key) -> str:
    try:
        return jwt.encode(claims, key.private_key, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        raise KeyFileUnreadable(NO_RSA, "key file: no RSA key") from None
