"""Google's token endpoint and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from bookings.outside import USUAL_PATIENCE, Call, Patience, Reply
from meetings.errors import ProviderMisconfigured, ProviderTrouble, ProviderUnavailable
from meetings.providers.asking import asked_to_wait, send_call
from meetings.providers.google_api import reason_of

LATER = ("internal_failure", "server_error", "temporarily_unavailable", "rate_limit_exceeded")
FORBIDDEN = ("admin_policy_enforced", "org_internal", "access_denied")
NOT_ALLOWED = _(
    "The organisation of this Google account does not allow it to be connected here. Please ask its administrator to allow "
    "it, or connect another account."
)


def ask_for_token(
    call: Call, *, refused: type[ProviderTrouble], asked: str, patience: Patience = USUAL_PATIENCE
) -> dict[str, Any]:
    """Return the answer of the token endpoint.

    `refused` is raised for `invalid_grant`, whose meaning depends on what was asked, and, with a sentence of its own, where
    rules of the account's organisation forbid it. Raises ProviderUnavailable, which says nothing about the consent, and
    ProviderMisconfigured.
    """
    reply = send_call(call, patience=patience, asked=asked)
    if reply.is_fine:
        return reply.body
    raise _trouble(reply, refused, asked)


def read_token(answer: Mapping[str, Any]) -> tuple[str, int]:
    """Return the access token and how many seconds it lives. Raises ProviderUnavailable if there is none."""
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(seconds, int) or seconds <= 0:
        raise ProviderUnavailable(detail="an answer without a token")
    return token, seconds


def _trouble(reply: Reply, refused: type[ProviderTrouble], asked: str) -> ProviderTrouble:
    """Decide on `error`, never on its description."""
    word = reason_of(reply)
    told: dict[str, Any] = {"detail": f"{asked}: {reply.status} {word}".strip(), "code": word, "status": reply.status}
    if reply.status in (408, 429) or reply.status >= 500 or word in LATER:
        return ProviderUnavailable(after=asked_to_wait(reply), **told)
    if word == "invalid_grant":
        return refused(**told)
    if word in FORBIDDEN:
        return refused(NOT_ALLOWED, **told)
    return ProviderMisconfigured(**told)
