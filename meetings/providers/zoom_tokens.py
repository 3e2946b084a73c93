"""Zoom's token endpoint: Basic auth, everything in the body, and what each of its refusals means to us.

It speaks other words than the API: `{"reason": …, "error": …}`. Text of its answers stays out of what is raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bookings.outside import Call, Patience, Reply
from meetings.errors import ProviderMisconfigured, ProviderTrouble, ProviderUnavailable
from meetings.providers.asking import asked_to_wait, send_call
from meetings.providers.zoom_words import is_at_zoom

REPLACED = "4741"  # a newer consent of the same person took this one's place
USUAL_SECONDS = 3599
LONGEST_HOST = 200
_WORD = re.compile(r"\w{1,60}")


@dataclass(frozen=True)
class ZoomApp:
    """An app at Zoom's marketplace, and where it is served."""

    client_id: str
    client_secret: str
    oauth_url: str
    api_url: str  # with /v2
    patience: Patience

    def ask(self, verb: str, form: Mapping[str, str], *, refused: type[ProviderTrouble]) -> dict[str, Any]:
        """Return what `/oauth/VERB` answers.

        Raises `refused` where the code or token is worth nothing, ProviderUnavailable where nobody knows, and
        ProviderMisconfigured for whatever else is refused.
        """
        call = Call("POST", f"{self.oauth_url}/{verb}", form=form, auth=(self.client_id, self.client_secret))
        reply = send_call(call, patience=self.patience, asked=verb)
        if reply.is_fine:
            return reply.body
        raise _trouble_of(reply, verb, refused)

    def base_url_in(self, answer: Mapping[str, Any]) -> str:
        """Return where an account is served, if the answer names a host of Zoom's or the one that we know; else "".

        Tokens are sent there, so nobody else may be named.
        """
        told = answer.get("api_url")
        if not isinstance(told, str) or not is_at_zoom(told, api_url=self.api_url):
            return ""
        parts = urlsplit(told)
        if len(parts.netloc) > LONGEST_HOST:
            return ""
        return f"{parts.scheme}://{parts.netloc}/v2"


def read_token(answer: Mapping[str, Any]) -> tuple[str, int]:
    """Return the access token and the seconds that it lives. Raises ProviderUnavailable if there is none."""
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token:
        raise ProviderUnavailable(detail="token: answered without a token")
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 10**9
    return token, seconds if is_number else USUAL_SECONDS  # type: ignore[return-value]


def _trouble_of(reply: Reply, verb: str, refused: type[ProviderTrouble]) -> ProviderTrouble:
    error, number, status = reply.body.get("error"), reply.body.get("code"), reply.status
    word = error if isinstance(error, str) and _WORD.fullmatch(error) else ""
    code = word or (str(number) if isinstance(number, int) else "")
    detail = f"{verb}: {status} {code}".strip()
    if status in (408, 429) or status >= 500:
        return ProviderUnavailable(detail=detail, code=code, status=status, after=asked_to_wait(reply))
    kind = refused if code in ("invalid_grant", REPLACED) and status in (400, 401) else ProviderMisconfigured
    return kind(detail=detail, code=code, status=status)
