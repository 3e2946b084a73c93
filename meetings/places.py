"""What people call the place of a session. The raw address is never told, the company behind it may be."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation

from bookings.kept import read_kept
from meetings.models import Meeting
from meetings.providers import get_provider

# The hosts of addresses that people paste, and what they are called.
NAMES = {
    "meet.google.com": "Google Meet",
    "zoom.us": "Zoom",
    "teams.microsoft.com": "Microsoft Teams",
    "teams.live.com": "Microsoft Teams",
    "webex.com": "Webex",
    "whereby.com": "Whereby",
    "meet.jit.si": "Jitsi Meet",
    "app.100ms.live": "100ms",
}
GIVEN = ("pool", "manual")  # their own label says how the address came about, not where it leads


def name_of_place(meeting: Meeting) -> str:
    """Return where a ready meeting is held, such as "Google Meet"; empty if that cannot be told.

    Read anew each time, so that it is right after a fallback. Wants the meeting with its link.
    """
    if meeting.provider in GIVEN:
        return name_of_host(meeting.link.url if meeting.link else meeting.join_url_student)
    return label_of(meeting.provider)


def place_in_english(meeting: Meeting) -> str:
    """Return the place as rows keep it, whoever causes them."""
    with translation.override(settings.LANGUAGE_CODE):
        return name_of_place(meeting)


def name_of_host(address: str) -> str:
    """Return what the host of an address is called: a company's name, else the host; empty for no address.

    Empty as well where the host alone is the address: whoever reads it could walk in.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    is_whole = not parts.path.strip("/") and not parts.query
    unknown = "" if is_whole else host
    return next((name for known, name in NAMES.items() if host == known or host.endswith(f".{known}")), unknown)


def remark_of(meeting: Meeting) -> str:
    """Return what the tutor should know of the account that holds it, such as a limit of 40 minutes; maybe empty."""
    rooms = meeting.rooms.filter(generation=meeting.generation, connection__isnull=False).select_related("connection")
    room = rooms.order_by("-pk").first()
    return read_kept(room.connection.remark) if room and room.connection else ""


def label_of(provider: str) -> str:
    """Return what people call a provider, in their language; empty for one this site no longer has."""
    return str(get_provider(provider).label) if provider in settings.MEETING_PROVIDERS else ""
