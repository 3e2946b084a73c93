"""The Zoom account of the site's owner, which hosts for all tutors (Server-to-Server OAuth)."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

from bookings.outside import TIME_LIMIT, TIMEOUTS, Patience
from meetings.errors import ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Access, Owner
from meetings.providers.zoom_tokens import ZoomApp, read_token

AHEAD = 300.0  # seconds: a token is renewed when it has less than this to live
SILENCE = 15.0  # seconds: after no answer nobody asks again for so long


class ZoomAccount(Access):
    """One object for each process: whoever asks while a token is being fetched waits for that one."""

    owner: ClassVar[Owner] = Owner.SITE

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        account_id: str,
        oauth_url: str,
        api_url: str,
        host: str = "",
        timeouts: tuple[float, float] = TIMEOUTS,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.account = host or account_id  # without a host every user of that account is one
        patience = Patience((timeouts[0], timeouts[1]), time_limit)
        self._app = ZoomApp(client_id, client_secret, oauth_url.rstrip("/"), api_url.rstrip("/"), patience)
        self._account_id = account_id
        self._lock = threading.Lock()
        self._token, self._good_until, self._silent_until = "", 0.0, 0.0

    def token(self) -> str:
        with self._lock:
            return self._token if time.monotonic() < self._good_until else self._fetch()

    def renewed(self, refused: str) -> str:
        with self._lock:
            return self._fetch() if self._token == refused else self._token

    def _fetch(self) -> str:
        """Ask for a token; there is no refresh token here. Raises ProviderMisconfigured or ProviderUnavailable."""
        if time.monotonic() < self._silent_until:
            raise ProviderUnavailable(detail="token: no answer a moment ago")
        form = {"grant_type": "account_credentials", "account_id": self._account_id}
        try:
            answer = self._app.ask("token", form, refused=ProviderMisconfigured)
            self._token, seconds = read_token(answer)
        except ProviderUnavailable:
            self._silent_until = time.monotonic() + SILENCE
            raise
        self.base_url = self._app.base_url_in(answer)
        self._good_until = time.monotonic() + max(seconds - AHEAD, 1.0)
        return self._token
