"""The settings of meetings. `settings.py` takes them over; they have a file of their own for its length."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from config import env


def _mark_of(text: str) -> str:
    """Return the text as small letters, digits and hyphens, which every vendor takes in names."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


env.begin_group("Meetings")
ROOM_MARK = _mark_of(
    env.text(
        "ROOM_MARK",
        urlsplit(os.environ.get("SITE_URL", "").strip()).hostname or "localhost",
        "By this the site knows its own rooms in an account at Zoom, Google or 100ms that others use as well.",
        shown="the host of SITE_URL",
    )
)
POOL_FULL = env.one_of(
    "POOL_FULL",
    "accept",
    ("accept", "refuse"),
    "When every pool link would be taken: accept = sell the time all the same, refuse = do not offer it.",
)
POOL_TARGET_SIZE = env.whole(
    "POOL_TARGET_SIZE", 0, "Pool links are made at Google up to this number; 0 = none are made.", most=10_000
)
POOL_GOOGLE_ACCOUNT = env.text(
    "POOL_GOOGLE_ACCOUNT", "", "The connected Google account that makes and checks pool links; empty = the service account."
)
ALERT_QUIET_MINUTES = env.whole(
    "ALERT_QUIET_MINUTES", 60, "The same alert about meetings is mailed again after this long at the earliest.", least=1
)
ALERT_HOURS_AHEAD = env.whole(
    "ALERT_HOURS_AHEAD", 24, "A paid session without an address is overdue when it starts within so many hours.", least=1
)
ALERT_QUEUE_MINUTES = env.whole(
    "ALERT_QUEUE_MINUTES", 5, "Background work is late when a job that could run has waited for so long.", least=1
)
ALERT_POOL_PERCENT = env.whole(
    "ALERT_POOL_PERCENT",
    90,
    "The pool is nearly full when so much of it will be in use at once within 24 hours.",
    least=1,
    most=100,
)
CALLS_KEPT_DAYS = env.whole(
    "CALLS_KEPT_DAYS", 90, "Each call to a meeting provider is kept for so long, its number by day for good.", least=7
)
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID", "", "OAuth client of Google; empty = tutors cannot connect Google.")
GOOGLE_CLIENT_SECRET = env.text("GOOGLE_CLIENT_SECRET", "", "Its secret.")
GOOGLE_SERVICE_ACCOUNT_FILE = env.text(
    "GOOGLE_SERVICE_ACCOUNT_FILE", "", "JSON key of a service account that may act for GOOGLE_DELEGATED_USER."
)
GOOGLE_DELEGATED_USER = env.text(
    "GOOGLE_DELEGATED_USER", "", "The Workspace account in whose calendar meetings are made for tutors without Google."
)
GOOGLE_INVITES = env.flag(
    "GOOGLE_INVITES", False, "Google invites both sides, so our mails carry no entry; people then see the raw address early."
)
GOOGLE_AUTHORIZE_URL = env.address(
    "GOOGLE_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth", "Where tutors consent at Google."
)
GOOGLE_TOKEN_URL = env.address("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token", "Where Google gives tokens.")
GOOGLE_CALENDAR_URL = env.address(
    "GOOGLE_CALENDAR_URL", "https://www.googleapis.com/calendar/v3", "Where Google Calendar is called."
)
GOOGLE_MEET_URL = env.address("GOOGLE_MEET_URL", "https://meet.googleapis.com", "Where Google Meet is called.")
ZOOM_CLIENT_ID = env.text("ZOOM_CLIENT_ID", "", "OAuth client of Zoom; empty = not offered.")
ZOOM_CLIENT_SECRET = env.text("ZOOM_CLIENT_SECRET", "", "Its secret.")
ZOOM_ACCOUNT_ID = env.text(
    "ZOOM_ACCOUNT_ID", "", "Set for a Server-to-Server app: one Zoom account hosts all, tutors need not connect."
)
ZOOM_HOST = env.text("ZOOM_HOST", "", "The Zoom user who hosts then (e-mail); empty = each tutor's own address.")
ZOOM_OAUTH_URL = env.address("ZOOM_OAUTH_URL", "https://zoom.us/oauth", "Where tutors consent at Zoom.")
ZOOM_API_URL = env.address("ZOOM_API_URL", "https://api.zoom.us/v2", "Where Zoom is called.")
HMS_APP_ACCESS_KEY = env.text("HMS_APP_ACCESS_KEY", "", "100ms access key; empty = not offered.")
HMS_APP_SECRET = env.text("HMS_APP_SECRET", "", "Its secret.")
HMS_TEMPLATE_ID = env.text("HMS_TEMPLATE_ID", "", "The 100ms template of rooms.")
HMS_SUBDOMAIN = env.text("HMS_SUBDOMAIN", "", "The name before .app.100ms.live that belongs to the template.")
HMS_TUTOR_ROLE = env.text("HMS_TUTOR_ROLE", "host", "The template's role for tutors.")
HMS_STUDENT_ROLE = env.text("HMS_STUDENT_ROLE", "guest", "The template's role for students.")
HMS_REGION = env.one_of("HMS_REGION", "auto", ("auto", "in", "eu", "us"), "Where 100ms holds the rooms: auto, in, eu or us.")
HMS_API_URL = env.address("HMS_API_URL", "https://api.100ms.live/v2", "Where 100ms is called.")

# A provider without its keys is listed, and offered to nobody.
MEETING_PROVIDERS: dict[str, dict[str, Any]] = {
    "pool": {"BACKEND": "meetings.providers.pool.PoolProvider", "OPTIONS": {}},
    "manual": {"BACKEND": "meetings.providers.manual.ManualProvider", "OPTIONS": {}},
    "google": {
        "BACKEND": "meetings.providers.google.GoogleProvider",
        "INVITES": GOOGLE_INVITES,
        "OPTIONS": {
            "calendar_url": GOOGLE_CALENDAR_URL,
            "meet_url": GOOGLE_MEET_URL,
            "mark": ROOM_MARK,
            "client_id": GOOGLE_CLIENT_ID,
            "client_secret": GOOGLE_CLIENT_SECRET,
            "service_account_file": GOOGLE_SERVICE_ACCOUNT_FILE,
            "delegated_user": GOOGLE_DELEGATED_USER,
            "invites": GOOGLE_INVITES,
        },
        "OAUTH": {
            "BACKEND": "meetings.oauth.google.GoogleVendor",
            "OPTIONS": {
                "client_id": GOOGLE_CLIENT_ID,
                "client_secret": GOOGLE_CLIENT_SECRET,
                "authorize_url": GOOGLE_AUTHORIZE_URL,
                "token_url": GOOGLE_TOKEN_URL,
                "calendar_url": GOOGLE_CALENDAR_URL,
            },
        },
    },
    "zoom": {
        "BACKEND": "meetings.providers.zoom.ZoomProvider",
        "OPTIONS": {
            "client_id": ZOOM_CLIENT_ID,
            "client_secret": ZOOM_CLIENT_SECRET,
            "account_id": ZOOM_ACCOUNT_ID,
            "host": ZOOM_HOST,
            "api_url": ZOOM_API_URL,
            "mark": ROOM_MARK,
        },
    },
    "hundredms": {
        "BACKEND": "meetings.providers.hundredms.HundredmsProvider",
        "OPTIONS": {
            "access_key": HMS_APP_ACCESS_KEY,
            "secret": HMS_APP_SECRET,
            "template_id": HMS_TEMPLATE_ID,
            "subdomain": HMS_SUBDOMAIN,
            "tutor_role": HMS_TUTOR_ROLE,
            "student_role": HMS_STUDENT_ROLE,
            "region": HMS_REGION,
            "api_url": HMS_API_URL,
            "mark": ROOM_MARK,
        },
    },
}
if GOOGLE_SERVICE_ACCOUNT_FILE and GOOGLE_DELEGATED_USER:
    MEETING_PROVIDERS["google"]["SITE_ACCESS"] = {
        "BACKEND": "meetings.providers.google_service.ServiceAccount",
        "OPTIONS": {
            "key_file": GOOGLE_SERVICE_ACCOUNT_FILE,
            "delegated_user": GOOGLE_DELEGATED_USER,
            "token_url": GOOGLE_TOKEN_URL,
        },
    }
_ZOOM_APP = {
    "client_id": ZOOM_CLIENT_ID,
    "client_secret": ZOOM_CLIENT_SECRET,
    "oauth_url": ZOOM_OAUTH_URL,
    "api_url": ZOOM_API_URL,
}
# One app is of one kind: it asks tutors for their consent, or it works for the account of the owner.
if not ZOOM_ACCOUNT_ID:
    MEETING_PROVIDERS["zoom"]["OAUTH"] = {"BACKEND": "meetings.oauth.zoom.ZoomVendor", "OPTIONS": _ZOOM_APP}
elif ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET:
    MEETING_PROVIDERS["zoom"]["SITE_ACCESS"] = {
        "BACKEND": "meetings.providers.zoom_account.ZoomAccount",
        "OPTIONS": {**_ZOOM_APP, "account_id": ZOOM_ACCOUNT_ID, "host": ZOOM_HOST},
    }
