"""Calls to a gateway: always a time limit, no redirect, a bounded answer, JSON or nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from payments.errors import GatewayUnavailable

TIMEOUTS = (5.0, 20.0)  # seconds: to connect, between two bytes
ANSWER_LIMIT = 256 * 1024  # bytes
TIME_LIMIT = 30.0  # seconds for the whole answer: a trickle of bytes beats the timeout between two


@dataclass(frozen=True)
class Patience:
    """How long a gateway's answer is waited for, in seconds."""

    timeouts: tuple[float, float] = TIMEOUTS
    time_limit: float = TIME_LIMIT


def call_json(
    method: str,
    url: str,
    *,
    auth: tuple[str, str],
    body: dict[str, Any] | None = None,
    patience: Patience = Patience(),
) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON object of the answer.

    Raises GatewayUnavailable when there is none: no connection, no answer in time, a redirect, HTML, too much.
    """
    began = time.monotonic()
    try:
        with requests.request(
            method,
            url,
            auth=auth,
            json=body,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            timeout=patience.timeouts,
            allow_redirects=False,
            stream=True,
        ) as response:
            return response.status_code, _read_object(response, until=began + patience.time_limit)
    except (requests.RequestException, HTTPError) as error:
        # The class says enough; the text may hold the address with what is in it.
        raise GatewayUnavailable(f"no answer ({type(error).__name__})") from None


def _read_object(response: requests.Response, *, until: float) -> dict[str, Any]:
    if response.is_redirect or 300 <= response.status_code < 400:
        raise GatewayUnavailable(f"answered HTTP {response.status_code}, a redirect")
    raw = b""
    for chunk in _chunks(response):
        raw += chunk
        if len(raw) > ANSWER_LIMIT or time.monotonic() > until:
            raise GatewayUnavailable(f"answered HTTP {response.status_code} with too much, or too slowly")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise GatewayUnavailable(f"answered HTTP {response.status_code} without a JSON object")
    return answer


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as they come: `iter_content` would wait for a full chunk, however slowly it trickles in."""
    while chunk := response.raw.read1(16 * 1024, decode_content=True):
        yield chunk
