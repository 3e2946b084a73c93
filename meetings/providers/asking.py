"""How providers ask their vendors: one trouble where nothing comes, and one way to read how long to wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bookings.outside import Call, NoAnswer, Patience, Reply, ask_vendor
from meetings.errors import ProviderUnavailable

LONGEST_WAIT = timedelta(days=1)


def send_call(call: Call, *, patience: Patience, token: str = "", asked: str = "") -> Reply:
    """Return the vendor's answer, whatever its status; `token` goes as a bearer's, `asked` names the call for operators.

    Raises ProviderUnavailable where none comes that can be read: nobody knows then whether it was done. What a page in
    its place says of being busy counts; of 404 and the like it says nothing, for the vendor itself may never have been
    asked. That a token is refused is believed where the challenge is one for such tokens (RFC 6750, section 3).
    """
    if token:
        call = replace(call, headers={**call.headers, "Authorization": f"Bearer {token}"})
    try:
        return ask_vendor(call, patience=patience)
    except NoAnswer as error:
        if token and error.status == 401 and error.headers.get("WWW-Authenticate", "").lower().startswith("bearer"):
            return Reply(401, {}, error.headers)
        detail = f"{asked or call.method}: {error}"
        if error.status is None or not (error.status in (408, 429) or error.status >= 500):
            raise ProviderUnavailable(detail=detail) from None
        raise ProviderUnavailable(detail=detail, status=error.status, after=asked_to_wait(error)) from None


def asked_to_wait(reply: Reply | NoAnswer) -> timedelta | None:
    """Return how long `Retry-After` asks us to wait: seconds, or a time in ISO 8601 or as in mails; at most a day."""
    text = reply.headers.get("Retry-After", "").strip()
    try:
        wait = timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() else _instant(text) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = parsedate_to_datetime(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
