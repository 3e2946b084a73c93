"""A lesson as an event of Google Calendar, and what an event tells of its room: values only."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils import timezone

from bookings.times import During
from meetings.errors import ProviderUnavailable
from meetings.providers.base import Person, Room, RoomRequest

MEET_HOST = "meet.google.com"
SECOND_TRY = "-2"
LONGEST_TITLE = 250
MOST_GUESTS = 2
INVITED = "1"
AROUND = timedelta(days=2)  # a call is looked for this near to the lesson only: looking costs a request
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
_ROOM = re.compile(r"/[a-z]{3,}-[a-z]{3,}-[a-z]{3,}")
Event = dict[str, Any]


def event_id(key: str, mark: str) -> str:
    """Return the id of the event for this key: base32hex in lower case, as Calendar wants it.

    It is reckoned, not drawn, so that a second try meets the first one's event. A deleted event keeps its id for good:
    the key has the generation in it.
    """
    digest = hashlib.sha256(f"{mark}\n{key}".encode()).digest()
    return "lp" + base64.b32hexencode(digest).decode().rstrip("=").lower()


def new_event(
    request: RoomRequest,
    *,
    mark: str,
    guests: Sequence[Person] = (),
    waiting: Sequence[Person] = (),
    enters: Collection[str] = (),
) -> Event:
    """Return the event to insert. By `mark` this site's events are found again.

    Two things are for whoever reads the event without the request: `enters`, the kinds of rooms that the tutor gets into by
    themselves, and `waiting`, who is invited later.
    """
    event: Event = {
        "id": event_id(request.key, mark),
        **changing_part(request),
        "guestsCanInviteOthers": False,
        "guestsCanModify": False,
        "reminders": {"useDefault": True},
        "extendedProperties": {
            "private": {"booking": request.reference, "key": request.key, "site": mark, "asked": request.key}
        },
        "conferenceData": conference_request(request.key),
    }
    private = event["extendedProperties"]["private"]
    if enters:
        private["enters"] = ",".join(sorted(enters))
    for number, one in enumerate(waiting):  # each for itself: a property holds 1024 characters
        private[f"guest{number}"] = json.dumps(_guest(one), ensure_ascii=False)
    # A preset answer can be reset and leave the event invisible: `responseStatus` is left out.
    return event | ({"attendees": [_guest(one) for one in guests]} if guests else {})


def invitation(waiting: list[dict[str, str]]) -> Event:
    """Return what has to be sent so that they are guests now, and wait no longer: whoever leaves is not brought back."""
    return {"attendees": waiting, "extendedProperties": {"private": {"invited": INVITED}}}


def waiting_guests(event: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return who is yet to be invited to this event, as it was written when it was made."""
    if _private(event, "invited"):
        return []
    written = [_private(event, f"guest{number}") for number in range(MOST_GUESTS)]
    try:
        return [json.loads(one) for one in written if one]
    except ValueError:  # somebody else wrote there
        return []


def changing_part(request: RoomRequest) -> Event:
    """Return what of an event changes with the lesson. Times carry the tutor's zone and its offset of that day."""
    return {
        "summary": _clean(request.title) or request.reference,
        # No sentence: its language would be that of whoever asks, and differ the next time. Nor the room's own address.
        "description": f"{request.join_url}\n{request.reference}",
        "start": _time(request.during.start, request.time_zone),
        "end": _time(request.during.end, request.time_zone),
    }


def changes_of(event: Mapping[str, Any], request: RoomRequest) -> Event:
    """Return what has to be sent so that the event is as the lesson is now: nothing where nothing differs."""
    wanted = changing_part(request)
    changes = {name: wanted[name] for name in ("summary", "description") if event.get(name, "") != wanted[name]}
    if during_of(event) != request.during:
        for name in ("start", "end"):
            # PATCH merges objects: the day of an entry that somebody made last all day would stay beside the time.
            all_day = {"date": None} if _part(event, name).get("date") else {}
            changes[name] = {**wanted[name], **all_day}
    return changes


def conference_request(request_id: str) -> Event:
    """Return the wish for a Meet link. A request id that was used before is passed over by Google."""
    return {"createRequest": {"requestId": request_id, "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def during_of(event: Mapping[str, Any]) -> During | None:
    """Return the event's time, or None where it has no clock time."""
    try:
        start, end = (datetime.fromisoformat(_part(event, name)["dateTime"]) for name in ("start", "end"))
        return During(start, end)
    except (KeyError, TypeError, ValueError):
        return None


def is_cancelled(event: Mapping[str, Any]) -> bool:
    return event.get("status") == "cancelled"


def is_near(event: Mapping[str, Any]) -> bool:
    """Say whether people could be in the room now."""
    during, now = during_of(event), timezone.now()
    return during is None or during.start - AROUND <= now <= during.end + AROUND


def key_of(event: Mapping[str, Any]) -> str:
    return _private(event, "key")


def asked_with(event: Mapping[str, Any]) -> str:
    """Return the id with which a link was last asked for."""
    return _private(event, "asked")


def enters_by(event: Mapping[str, Any]) -> frozenset[str]:
    """Return which kinds of rooms the tutor gets into by themselves, as it was written when the event was made."""
    return frozenset(_private(event, "enters").split(",")) if _private(event, "enters") else frozenset()


def conference_status(event: Mapping[str, Any]) -> str:
    """Return "pending", "success" or "failure"; "" where the event has no conference at all.

    A link that is there is one, whatever is said of how it was asked for.
    """
    if link_of(event):
        return "success"
    request = _part(_part(event, "conferenceData"), "createRequest")
    status = _part(request, "status").get("statusCode")
    return status if isinstance(status, str) else ("pending" if request else "")


def room_of(event: Mapping[str, Any], *, is_in_use: bool = False) -> Room:
    """Return the room of an event; it is pending while there is no link.

    Raises ProviderUnavailable for an address that is none of Google Meet's: it is given to nobody.
    """
    identity, link = event.get("id"), link_of(event)
    if not isinstance(identity, str) or not identity:
        raise ProviderUnavailable(detail="an event without its id")
    if link and not is_meet_address(link):
        raise ProviderUnavailable(detail="the event's link is no address of Google Meet")
    return Room(external_id=identity, join_url_tutor=link, join_url_student=link, is_in_use=is_in_use)


def link_of(event: Mapping[str, Any]) -> str:
    """Return the address of the video call. The first entry may be a telephone's, and htmlLink is the calendar's page."""
    entries = _part(event, "conferenceData").get("entryPoints")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("entryPointType") == "video" and isinstance(entry.get("uri"), str):
            return str(entry["uri"])
    link = event.get("hangoutLink")
    return link if isinstance(link, str) else ""


def code_of(event: Mapping[str, Any]) -> str:
    """Return the meeting code, such as abc-mnop-xyz, or ""."""
    link = link_of(event)
    return urlsplit(link).path.strip("/") if is_meet_address(link) else ""


def is_meet_address(text: str) -> bool:
    """Say whether this is the https address of a room of Google Meet."""
    try:
        parts = urlsplit(text)
        return (parts.scheme, parts.netloc) == ("https", MEET_HOST) and _ROOM.fullmatch(parts.path) is not None
    except ValueError:
        return False


def _guest(person: Person) -> dict[str, str]:
    name = _clean(person.name)
    return {"email": person.email} | ({"displayName": name} if name else {})


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()[:LONGEST_TITLE]


def _time(instant: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": instant.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"), "timeZone": zone}


def _part(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = thing.get(name)
    return part if isinstance(part, dict) else {}


def _private(event: Mapping[str, Any], name: str) -> str:
    value = _part(_part(event, "extendedProperties"), "private").get(name)
    return value if isinstance(value, str) else ""
