"""What Google Calendar checks of an event, field by field. It ignores unknown fields; this does not, for typos' sake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from meetings.doubles.google_books import Account, Thing, calendar_no, unknown_in

MEET = "hangoutsMeet"
_TIME = {"date": None, "dateTime": None, "timeZone": None}
_KNOWN: dict[str, Any] = {
    "id": None,
    "summary": None,
    "description": None,
    "location": None,
    "start": _TIME,
    "end": _TIME,
    "attendees": {"email": None, "displayName": None, "responseStatus": None, "optional": None},
    "guestsCanInviteOthers": None,
    "guestsCanModify": None,
    "guestsCanSeeOtherGuests": None,
    "reminders": {"useDefault": None, "overrides": {"method": None, "minutes": None}},
    "extendedProperties": {"private": None, "shared": None},
    "conferenceData": {"createRequest": {"requestId": None, "conferenceSolutionKey": {"type": None}}},
    "source": {"title": None, "url": None},
    "status": None,
    "transparency": None,
    "visibility": None,
}
_ID = re.compile(r"[a-v0-9]{5,1024}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_PROPERTY = (44, 1024)  # name, value


def check_event(event: Mapping[str, Any], account: Account) -> None:
    """Raise Refused as Calendar refuses what was sent."""
    if wrong := unknown_in(event, _KNOWN):
        raise calendar_no(400, "invalid", f"Unknown field: {wrong}")
    if "id" in event and not (isinstance(event["id"], str) and _ID.fullmatch(event["id"])):
        raise calendar_no(400, "invalid", "Invalid resource id value.")
    for name in ("summary", "description", "location"):
        if not isinstance(event.get(name, ""), str):
            raise calendar_no(400, "invalid", f"Invalid value for: {name}")
    _check_guests(event.get("attendees", []), account)
    for kind in event.get("extendedProperties", {}).values():
        for name, value in kind.items():
            if not isinstance(value, str) or len(name) > _LONGEST_PROPERTY[0] or len(value) > _LONGEST_PROPERTY[1]:
                raise calendar_no(400, "invalid", "Invalid extended property value.")


def _check_guests(guests: list[Thing], account: Account) -> None:
    if guests and account.is_robot:
        message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
        raise calendar_no(403, "forbiddenForServiceAccounts", message, domain="calendar")
    for guest in guests:
        if not _EMAIL.fullmatch(guest.get("email", "")):
            raise calendar_no(400, "invalid", "Invalid attendee email.")


def check_times(event: Mapping[str, Any]) -> None:
    """Raise Refused unless the event, as it would be kept, has a start and a later end."""
    for name in ("start", "end"):
        if name not in event:
            raise calendar_no(400, "required", f"Missing {name} time.")
    if instant_of(event["start"]) >= instant_of(event["end"]):
        raise calendar_no(400, "timeRangeEmpty", "The specified time range is empty.")


def instant_of(time: Mapping[str, Any]) -> datetime:
    """Return an event's time in UTC. Raises Refused for what is no RFC 3339 time, or has neither offset nor zone."""
    given = {name: value for name, value in time.items() if value is not None}
    try:
        zone = ZoneInfo(given["timeZone"]) if "timeZone" in given else None
    except (KeyError, ValueError, OSError, TypeError):
        raise calendar_no(400, "invalid", "Invalid time zone definition.") from None
    if ("date" in given) == ("dateTime" in given):
        raise calendar_no(400, "invalid", "Start and end times must either both be date or both be dateTime.")
    if "date" in given:
        return datetime.fromisoformat(given["date"]).replace(tzinfo=zone or UTC).astimezone(UTC)
    text = given["dateTime"]
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise calendar_no(400, "badRequest", "Bad Request")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise calendar_no(400, "badRequest", "Bad Request") from None
    if instant.tzinfo is None and zone is None:
        raise calendar_no(400, "required", "Missing time zone definition for start time.")
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def merge_patch(kept: Mapping[str, Any], sent: Mapping[str, Any]) -> Thing:
    """Return the event after a PATCH: objects are merged, null takes away, arrays are replaced as a whole."""
    merged = dict(kept)
    for name, value in sent.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge_patch(merged[name], value)
        else:
            merged[name] = value
    return merged
