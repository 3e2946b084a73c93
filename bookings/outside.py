"""Calls to vendors over HTTP: always a time limit, no redirect, a bounded answer, a JSON object or nothing.

It knows no vendor: whoever calls says what a status means, and keeps tokens out of what it raises.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.exceptions import HTTPError

TIMEOUTS = (5.0, 20.0)  # seconds: to connect, between two bytes
ANSWER_LIMIT = 256 * 1024  # bytes
TIME_LIMIT = 30.0  # seconds for the whole answer: a trickle of bytes beats the timeout between two


class NoAnswer(Exception):
    """Nothing came that can be read; whether the work was done is not known. The text tells no secret.

    `status` and `headers` are those of an answer without a JSON object, such as the page of a proxy.
    """

    def __init__(self, text: str, *, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.headers = status, headers or {}


@dataclass(frozen=True)
class Patience:
    """How long a vendor's answer is waited for, in seconds."""

    timeouts: tuple[float, float] = TIMEOUTS
    time_limit: float = TIME_LIMIT

    def at_most(self, other: Patience) -> Patience:
        """Return the shorter of each of the two."""
        connect, read = (min(mine, theirs) for mine, theirs in zip(self.timeouts, other.timeouts, strict=True))
        return Patience((connect, read), min(self.time_limit, other.time_limit))


USUAL_PATIENCE = Patience()


@dataclass(frozen=True)
class Call:
    """What is asked. `body` goes as JSON, `form` as a form; `auth` is for Basic."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None
    auth: tuple[str, str] | None = None


@dataclass(frozen=True)
class Reply:
    """What was answered; an empty body reads as an empty object. `headers` are found whatever their case."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300


def ask_vendor(call: Call, *, patience: Patience = USUAL_PATIENCE) -> Reply:
    """Send the call and return the answer, whatever its status.

    Raises NoAnswer when there is none: no connection, no answer in time, a redirect, HTML, too much of it.
    """
    began = time.monotonic()
    try:
        with requests.request(
            call.method,
            call.url,
            auth=call.auth,
            json=call.body,
            data=call.form,
            params=call.query,
            headers={"Accept": "application/json", **call.headers},
            timeout=patience.timeouts,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _read_object(response, until=began + patience.time_limit)
            return Reply(response.status_code, body, response.headers)
    except (requests.RequestException, HTTPError) as error:
        # The class says enough; the text may hold the address with what is in it.
        raise NoAnswer(f"no answer ({type(error).__name__})") from None


def _read_object(response: requests.Response, *, until: float) -> dict[str, Any]:
    if response.is_redirect or 300 <= response.status_code < 400:
        raise _unreadable(response, ", a redirect")
    raw = b""
    for chunk in _chunks(response):
        raw += chunk
        if len(raw) > ANSWER_LIMIT or time.monotonic() > until:
            raise _unreadable(response, " with too much, or too slowly")
    if not raw.strip() and response.status_code < 300:
        return {}
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise _unreadable(response, " without a JSON object")
    return answer


def _unreadable(response: requests.Response, why: str) -> NoAnswer:
    return NoAnswer(f"answered HTTP {response.status_code}{why}", status=response.status_code, headers=response.headers)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as they come: `iter_content` would wait for a full chunk, however slowly it trickles in."""
    while chunk := response.raw.read1(16 * 1024, decode_content=True):
        yield chunk
