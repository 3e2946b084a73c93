"""Whether a Google account can make Meet links: its primary calendar tells, to whoever may see the list of calendars."""

from __future__ import annotations

from django.utils.functional import Promise

from meetings.errors import ConnectionBroken, ProviderCannot, ProviderMisconfigured, RoomGone
from meetings.providers.base import Access
from meetings.providers.google_api import CANNOT_MEET, HAS_NO_CALENDAR, WITHOUT_RIGHT, GoogleApi

CALENDARS_SCOPE = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
MEET = "hangoutsMeet"


def why_it_cannot_meet(calendar: GoogleApi, access: Access) -> str | Promise | None:
    """Return why this account cannot make Meet links, "" if it can, None without the right to look."""
    try:
        primary = calendar.ask(access, "GET", "/users/me/calendarList/primary")
    except RoomGone:
        return HAS_NO_CALENDAR
    except ProviderCannot as error:
        return error.message
    except (ConnectionBroken, ProviderMisconfigured) as error:
        if error.code in WITHOUT_RIGHT:
            return None
        raise
    properties = primary.get("conferenceProperties")
    allowed = properties.get("allowedConferenceSolutionTypes") if isinstance(properties, dict) else None
    return "" if isinstance(allowed, list) and MEET in allowed else CANNOT_MEET
