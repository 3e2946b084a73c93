"""How 100ms is asked: a token minted for each call, and what each refusal means to us."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from bookings.outside import Call, Patience, Reply
from meetings.errors import ProviderMisconfigured, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.providers.asking import asked_to_wait, send_call

BACK_DATED = 10  # seconds: a clock of ours that goes ahead would else be refused
TOKEN_SECONDS = 600


class HundredmsApi:
    """100ms at its address, opened by the key of the site."""

    def __init__(self, base_url: str, *, access_key: str, secret: str, patience: Patience) -> None:
        self._base_url, self._patience = base_url.rstrip("/"), patience
        self._access_key, self._secret = access_key, secret

    def ask(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return what 100ms answers. A token that is refused is minted once more.

        Raises RoomGone for 404, ProviderUnavailable where nobody knows or it is too busy, else ProviderMisconfigured.
        """
        call = Call(method, f"{self._base_url}{path}", body=body, query=query)
        reply = self._send(call)
        if reply.status == 401:
            reply = self._send(call)
        if reply.is_fine:
            return reply.body
        raise trouble_of(reply, asked=method)

    def _send(self, call: Call) -> Reply:
        return send_call(call, patience=self._patience, token=self._token())

    def _token(self) -> str:
        now = int(time.time())
        told = {
            "access_key": self._access_key,
            "type": "management",
            "version": 2,
            "iat": now - BACK_DATED,
            "nbf": now - BACK_DATED,
            "exp": now + TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(told, self._secret, algorithm="HS256")


def trouble_of(reply: Reply, *, asked: str) -> ProviderTrouble:
    """Return what a refusal means, by the table of 100ms: its code repeats the status."""
    status, detail = reply.status, f"{asked}: {reply.status}"
    if status in (408, 429) or status >= 500:
        return ProviderUnavailable(detail=detail, code=str(status), status=status, after=asked_to_wait(reply))
    kind = RoomGone if status == 404 else ProviderMisconfigured
    return kind(detail=detail, code=str(status), status=status)
