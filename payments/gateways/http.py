"""Calls to a gateway: always a time limit, no redirect, a bounded answer, JSON or nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import requests

from payments.errors import GatewayUnavailable

TIMEOUTS = (5, 20)  # seconds: to connect, between two bytes
ANSWER_LIMIT = 256 * 1024  # bytes
TIME_LIMIT = 30  # seconds for the whole answer: a trickle of bytes beats the timeout between two


def call_json(
    method: str, url: str, *, auth: tuple[str, str], body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON object of the answer.

    Raises GatewayUnavailable when there is none: no connection, no answer in time, a redirect, HTML, too much.
    """
    try:
        with requests.request(
            method,
            url,
            auth=auth,
            json=body,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            timeout=TIMEOUTS,
            allow_redirects=False,
            stream=True,
        ) as response:
            return response.status_code, _read_object(response)
    except requests.RequestException as error:
        # The class says enough; the text may hold the address with what is in it.
        raise GatewayUnavailable(f"no answer ({type(error).__name__})") from None


def _read_object(response: requests.Response) -> dict[str, Any]:
    if response.is_redirect or 300 <= response.status_code < 400:
        raise GatewayUnavailable(f"answered HTTP {response.status_code}, a redirect")
    raw, began = b"", time.monotonic()
    for chunk in response.iter_content(16 * 1024):
        raw += chunk
        if len(raw) > ANSWER_LIMIT or time.monotonic() - began > TIME_LIMIT:
            raise GatewayUnavailable(f"answered HTTP {response.status_code} with too much, or too slowly")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise GatewayUnavailable(f"answered HTTP {response.status_code} without a JSON object")
    return answer
