"""Meetings as Zoom writes them: what is sent of a lesson, and what is read of an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from bookings.times import During
from meetings.errors import ProviderCannot, ProviderUnavailable
from meetings.providers.base import Room, RoomRequest
from meetings.providers.words import one_line

Answer = dict[str, Any]

LONGEST_TOPIC, LONGEST_ADDRESS = 200, 1000
LONGEST_WAY = 2000  # a redirect to a longer address is refused by Django
MINUTE = timedelta(minutes=1)
MOST_MINUTES = 1440
FREE_MINUTES = 40  # after these a host without a paid plan is cut off

SETTINGS: Answer = {
    # A waiting room closes the door to whoever comes before the tutor, so nobody may join before the host.
    "waiting_room": True,
    "join_before_host": False,
    # By default the user's own setting counts, and then strangers with the personal address walk in.
    "use_pmi": False,
    "approval_type": 2,
    "meeting_authentication": False,
    "auto_recording": "none",
    "host_video": True,
    "participant_video": True,
    "email_notification": False,
    "registrants_email_notification": False,
}
# Nobody signs in as a host whom all share, so nobody could let anybody in.
WITHOUT_HOST: Answer = {**SETTINGS, "waiting_room": False, "join_before_host": True, "jbh_time": 0}

_PLAIN = re.compile(rf"[!-~]{{1,{LONGEST_WAY}}}")  # what browsers drop from an address is in none of Zoom's
_ZOOM = re.compile(r"([a-z0-9-]+\.)*zoom\.us")

IS_OVER = _("This session is over.")
ENDS_AFTER_40_MINUTES = _("This Zoom account has no paid plan: Zoom ends the meeting after 40 minutes, and both join again.")
LETS_NO_GUESTS_IN = _(
    "This Zoom account lets only people in who are signed in to Zoom. Switch that off in Zoom's settings for your students."
)


@dataclass(frozen=True)
class Marker:
    """The first line of an agenda, by which a meeting is known to be ours."""

    mark: str

    def of(self, key: str) -> str:
        return f"booking:{self.mark}:{key}"

    def key_in(self, agenda: Any) -> str | None:
        """Return the key that an agenda was made for, None if the meeting is not of this site."""
        first = agenda.split("\n", 1)[0].strip() if isinstance(agenda, str) else ""
        key = first.removeprefix(self.of(""))
        return key if key and key != first else None


def body_of(request: RoomRequest, marker: Marker, *, settings: Answer, now: datetime) -> Answer:
    """Return what a new meeting is asked for with. Raises ProviderCannot for a lesson that is over."""
    during = time_left(request.during, now=now)
    return {
        "topic": one_line(request.title, most=LONGEST_TOPIC) or request.reference,
        "type": 2,
        **time_of(during, request.time_zone),
        "agenda": f"{marker.of(request.key)}\n{request.join_url}",
        "default_password": True,
        "settings": settings,
    }


def time_left(during: During, *, now: datetime) -> During:
    """Return the lesson from now on: a start that is past would silently become "now". Raises ProviderCannot."""
    if during.end <= now:
        raise ProviderCannot(IS_OVER, detail="the lesson is over")
    soon = (now + 2 * MINUTE).replace(second=0, microsecond=0)
    return During(max(during.start, soon), max(during.end, soon + MINUTE))


def time_of(during: During, zone: str) -> Answer:
    """Return the time in Zoom's fields: UTC, whole minutes, rounded up."""
    minutes = -(-(during.end - during.start) // MINUTE)
    start = during.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"start_time": start, "timezone": zone, "duration": min(minutes, MOST_MINUTES)}


def changes_of(meeting: Answer, request: RoomRequest, *, now: datetime) -> Answer:
    """Return what must be sent so that the meeting has the lesson's time; nothing where it has it already.

    Each update counts against the limit of the day, and one with a past start is ignored without an error.
    """
    wanted = time_of(request.during, request.time_zone)
    if request.during.start <= now:
        wanted = {"duration": wanted["duration"]}
    same = instant_of(meeting.get("start_time")) == instant_of(wanted.get("start_time")) or "start_time" not in wanted
    return {} if same and meeting.get("duration") == wanted["duration"] else wanted


def instant_of(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def number_of(meeting: Answer) -> str:
    """Return the meeting's number as text: it may be longer than any integer column. Raises ProviderUnavailable."""
    number = meeting.get("id")
    text = str(number) if isinstance(number, int | str) and not isinstance(number, bool) else ""
    if not text.isdecimal() or len(text) > 30:
        raise ProviderUnavailable(detail="answered without a meeting's number")
    return text


def room_of(meeting: Answer, *, schemes: frozenset[str]) -> Room:
    """Return the room. `start_url` is no part of it: it makes its bearer the host. Raises ProviderUnavailable."""
    address = meeting.get("join_url")
    if not isinstance(address, str) or len(address) > LONGEST_ADDRESS or urlsplit(address).scheme not in schemes:
        raise ProviderUnavailable(detail="answered without a meeting's address")
    return Room(
        external_id=number_of(meeting),
        join_url_tutor=address,
        join_url_student=address,
        is_in_use=meeting.get("status") == "started",
        remark=LETS_NO_GUESTS_IN if effective(meeting, "meeting_authentication") else "",
    )


def way_of_host(meeting: Answer, *, api_url: str) -> str:
    """Return the address that lets its bearer in as the host, for two hours; "" if none came that leads to Zoom.

    Whoever has it is signed in to the host's account: it is followed by the host at once, and neither kept nor logged.
    """
    address = meeting.get("start_url")
    return address if isinstance(address, str) and is_at_zoom(address, api_url=api_url) else ""


def is_at_zoom(address: str, *, api_url: str) -> bool:
    """Say whether an address leads over https to a host of Zoom's, or to the very host at which we ask."""
    if not _PLAIN.fullmatch(address):
        return False
    try:
        parts, ours = urlsplit(address), urlsplit(api_url)
        is_zooms = parts.scheme == "https" and parts.port is None and bool(_ZOOM.fullmatch(parts.hostname or ""))
    except ValueError:
        return False
    is_ours = (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
    return "@" not in parts.netloc and (is_zooms or is_ours)


def effective(meeting: Answer, setting: str) -> bool:
    """Say whether a setting is on, whatever was asked for: the account's policies have the last word."""
    settings = meeting.get("settings")
    return isinstance(settings, dict) and settings.get(setting) is True
