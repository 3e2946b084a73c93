"""How Google Calendar and Google Meet are asked, and what each of their refusals means to us.

Calendar tells a reason in `errors[0].reason`, Meet a name in `status`; some answers have both, and a scope that is
missing is told in `details`. Status and reason decide, never the text, but for one: "Invalid conference type value."
has no reason of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.outside import USUAL_PATIENCE, Call, Patience, Reply
from meetings.errors import (
    ConnectionBroken,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
    RoomGone,
)
from meetings.providers.asking import asked_to_wait, send_call
from meetings.providers.base import Access, Owner

LEFT_ALONE = timedelta(hours=6)  # an account over its quota: such limits take hours to days to recover
BUSY = ("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED")
OVER_QUOTA = ("quotaExceeded", "dailyLimitExceeded", "calendarUsageLimitsExceeded")
WITHOUT_RIGHT = ("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
WITHOUT_CALENDAR = ("notACalendarUser",)
NO_MEET = "Invalid conference type value"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")

QUOTA_IS_USED = _("This Google account has reached a limit of Google Calendar. Another way is taken for now.")
RIGHT_IS_MISSING = _("Google was connected without leave to change the calendar. Please connect it again and tick the box.")
SITE_LACKS_RIGHT = _("Our own Google account lacks a right. Whoever runs the site has to authorise it at Google.")
CANNOT_MEET = _("This Google account cannot make Google Meet links.")
HAS_NO_CALENDAR = _("This Google account has no calendar.")


class GoogleApi:
    """One of Google's services, at its address."""

    def __init__(self, base_url: str, patience: Patience = USUAL_PATIENCE) -> None:
        self._base_url, self._patience = base_url, patience

    def ask(
        self,
        access: Access,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return what the service answers. A token that is refused is renewed once.

        Raises ConnectionBroken if the next one is refused as well, else the trouble that `trouble_of` finds. With an
        account of the site nobody can connect anything again: its operator must look, so that is ProviderMisconfigured.
        """
        token = access.token()
        reply = self._send(token, method, path, body=body, query=query)
        if reply.status == 401:
            token = access.renewed(token)
            reply = self._send(token, method, path, body=body, query=query)
        if reply.is_fine:
            return reply.body
        trouble = trouble_of(reply, method)
        if access.owner is Owner.SITE and isinstance(trouble, ConnectionBroken):
            raise ProviderMisconfigured(SITE_LACKS_RIGHT, detail=trouble.detail, code=trouble.code, status=trouble.status)
        raise trouble

    def _send(
        self, token: str, method: str, path: str, *, body: Mapping[str, Any] | None, query: Mapping[str, str] | None
    ) -> Reply:
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        return send_call(Call(method, url, body=body), patience=self._patience, token=token)


def trouble_of(reply: Reply, asked: str) -> ProviderTrouble:
    """Return what a refusal means, by the table of Calendar v3 and Meet v2."""
    reason = reason_of(reply)
    kind, message, after = _meaning(reply, reason)
    words = f"{asked}: {reply.status} {reason}".strip()
    return kind(message, detail=words, code=reason, status=reply.status, after=after)


def _meaning(reply: Reply, reason: str) -> tuple[type[ProviderTrouble], str | Promise | None, timedelta | None]:
    status = reply.status
    if status == 403:
        return _forbidden(reply, reason)
    if status in (408, 412, 429) or status >= 500:
        return ProviderUnavailable, None, asked_to_wait(reply)
    if status == 401:
        return ConnectionBroken, None, None
    if status in (404, 410):
        return RoomGone, None, None
    if status == 409:  # whoever inserts reads the event then; anywhere else two changes met
        return ProviderUnavailable, None, None
    if status == 400 and NO_MEET in _text(reply.body.get("error"), "message"):
        return ProviderCannot, CANNOT_MEET, None
    return ProviderMisconfigured, None, None


def _forbidden(reply: Reply, reason: str) -> tuple[type[ProviderTrouble], str | Promise | None, timedelta | None]:
    if reason in BUSY:
        return ProviderUnavailable, None, asked_to_wait(reply)
    if reason in OVER_QUOTA:
        return ProviderCannot, QUOTA_IS_USED, LEFT_ALONE
    if reason in WITHOUT_RIGHT:
        return ConnectionBroken, RIGHT_IS_MISSING, None
    if reason in WITHOUT_CALENDAR:
        return ProviderCannot, HAS_NO_CALENDAR, None
    return ProviderMisconfigured, None, None


def reason_of(reply: Reply) -> str:
    """Return the vendor's own word for what is wrong, or "": letters only, so that nothing else slips through."""
    error = reply.body.get("error")
    if not isinstance(error, dict):
        return _word(error)
    words = [_word(_text(one, "reason")) for name in ("errors", "details") for one in _list(error.get(name))]
    if "ACCESS_TOKEN_SCOPE_INSUFFICIENT" in words:
        return "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    return next(filter(None, words), "") or _word(error.get("status"))


def _text(thing: Any, name: str) -> str:
    value = thing.get(name) if isinstance(thing, dict) else None
    return value if isinstance(value, str) else ""


def _list(thing: Any) -> list[Any]:
    return thing if isinstance(thing, list) else []


def _word(value: Any) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
