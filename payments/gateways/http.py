"""Calls to a gateway, as bookings/outside.py makes them, with a gateway's error."""

from __future__ import annotations

from typing import Any

from bookings.outside import ANSWER_LIMIT, TIME_LIMIT, TIMEOUTS, USUAL_PATIENCE, Call, NoAnswer, Patience, ask_vendor
from payments.errors import GatewayUnavailable

__all__ = ["ANSWER_LIMIT", "TIMEOUTS", "TIME_LIMIT", "Patience", "call_json"]


def call_json(
    method: str,
    url: str,
    *,
    auth: tuple[str, str],
    body: dict[str, Any] | None = None,
    patience: Patience = USUAL_PATIENCE,
) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON object of the answer. Raises GatewayUnavailable when there is none."""
    try:
        reply = ask_vendor(Call(method, url, auth=auth, body=body), patience=patience)
    except NoAnswer as error:
        raise GatewayUnavailable(str(error)) from None
    if not reply.body:
        raise GatewayUnavailable(f"answered HTTP {reply.status} without a JSON object")
    return reply.status, reply.body
