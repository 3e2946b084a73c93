"""How Zoom is asked, and what each of its refusals means to us.

Zoom uses one code for several statuses and says with 400 what others say with 403: status and code together decide.
Only the two limits of 429 are told apart by a header or, for want of it, by a word of the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.outside import Call, Patience, Reply
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

ENDED, IN_PROGRESS, NO_MEETING, NO_USER = "3007", "3002", "3001", "1001"
NO_RIGHT = "4700"

RIGHT_IS_MISSING = _("Zoom was connected without all the rights that meetings need. Please connect it again.")
USER_IS_GONE = _("This Zoom account is no longer there. Please connect the account that you use now.")
PLAN_FORBIDS = _("The plan of this Zoom account does not allow this meeting. Another way is taken.")
CANNOT_HOST = _("This Zoom account may not hold meetings. Another way is taken.")
DAY_IS_FULL = _("Zoom takes no more meetings of this account today. Another way is taken.")

Meaning = tuple[type[ProviderTrouble], str | Promise | None]
MEANINGS: dict[tuple[int, str], Meaning] = {
    (401, NO_RIGHT): (ConnectionBroken, RIGHT_IS_MISSING),
    (400, "4711"): (ConnectionBroken, RIGHT_IS_MISSING),
    (404, NO_USER): (ConnectionBroken, USER_IS_GONE),
    (400, "1010"): (ConnectionBroken, USER_IS_GONE),
    (400, "200"): (ProviderCannot, PLAN_FORBIDS),
    (400, "3161"): (ProviderCannot, CANNOT_HOST),
    (404, NO_MEETING): (RoomGone, None),
}  # whatever else Zoom refuses (300, 3000, 3002, 3003, 3007 with 400) is a fault of ours
_FIELD = re.compile(r"[\w.\[\]]{1,60}")


class ZoomApi:
    """Zoom at its address, or at the one that it gave for an account."""

    def __init__(self, base_url: str, patience: Patience) -> None:
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
        """Return what Zoom answers; nothing for 204. A token that is refused is renewed once.

        Raises ConnectionBroken if the next one is refused as well, else the trouble of `trouble_of`. With an account of
        the site nobody can connect anything again: its operator must look, so that is ProviderMisconfigured.
        """
        token = access.token()
        reply = self._send(token, Call(method, self._url(access, path), body=body, query=query))
        if reply.status == 401 and code_of(reply) != NO_RIGHT:
            reply = self._send(access.renewed(token), Call(method, self._url(access, path), body=body, query=query))
        if reply.is_fine:
            return reply.body
        trouble = trouble_of(reply, asked=method)
        if access.owner is Owner.SITE and isinstance(trouble, ConnectionBroken):
            raise ProviderMisconfigured(detail=trouble.detail, code=trouble.code, status=trouble.status)
        raise trouble

    def _url(self, access: Access, path: str) -> str:
        return f"{access.base_url or self._base_url}{path}"

    def _send(self, token: str, call: Call) -> Reply:
        return send_call(call, patience=self._patience, token=token)


def trouble_of(reply: Reply, *, asked: str) -> ProviderTrouble:
    """Return what a refusal means, by the table of Zoom's errors."""
    code, status = code_of(reply), reply.status
    detail = " ".join([f"{asked}: {status}/{code}", *_fields_of(reply)])
    if status == 429 and _is_of_the_day(reply):
        return ProviderCannot(DAY_IS_FULL, detail=f"{detail} daily", code=code, status=status, after=until_midnight(reply))
    if status in (408, 429) or status >= 500:
        return ProviderUnavailable(detail=detail, code=code, status=status, after=asked_to_wait(reply))
    otherwise: Meaning = (ConnectionBroken if status == 401 else ProviderMisconfigured, None)
    kind, message = MEANINGS.get((status, code), otherwise)
    return kind(message, detail=detail, code=code, status=status)


def code_of(reply: Reply) -> str:
    """Return Zoom's own number for what is wrong, or ""."""
    code = reply.body.get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else ""


def until_midnight(reply: Reply) -> timedelta:
    """Return how long the limit of the day lasts: as told, else until 00:00 UTC."""
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return asked_to_wait(reply) or midnight - now


def _is_of_the_day(reply: Reply) -> bool:
    message = reply.body.get("message")
    told = [reply.headers.get("X-RateLimit-Type", ""), message if isinstance(message, str) else ""]
    return any("daily" in words.lower() for words in told)


def _fields_of(reply: Reply) -> list[str]:
    """Return which fields "Validation Failed." is about, without what was in them."""
    errors = reply.body.get("errors")
    names = [one.get("field") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return [name for name in names[:5] if isinstance(name, str) and _FIELD.fullmatch(name)]
