"""A pretend Google with Ada's account, as the contract and the tests of Google ask for it."""

from __future__ import annotations

from typing import Any

from bookings.outside import Patience
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_events import instant_of
from meetings.providers.base import Owner
from meetings.providers.google import GoogleProvider
from tests.meetings.providers.vendors import DoubledVendor, Held, IssuedAccess

ADA = "ada@example.com"
OFFICE = "office@school.example.com"  # of the site, which hosts for all tutors
MARK = "testserver"
EVENTS = "/calendar/v3/calendars/primary/events"
RIGHTS = [
    f"https://www.googleapis.com/auth/{name}"
    for name in ("calendar.events.owned", "calendar.calendarlist.readonly", "meetings.space.created")
]
SETTINGS = "https://www.googleapis.com/auth/meetings.space.settings"
HASTY = Patience(timeouts=(0.5, 0.5), time_limit=0.5)


class SiteAccess(IssuedAccess):
    owner = Owner.SITE


class GoogleVendor(DoubledVendor):
    calls = {
        "create": (f"POST {EVENTS}", f"GET {EVENTS}/"),
        "move": (f"GET {EVENTS}/", f"PATCH {EVENTS}/"),
        "cancel": (f"DELETE {EVENTS}/",),
        "check": (f"GET {EVENTS}/",),
    }

    def __init__(self, double: GoogleDouble) -> None:
        self.double: GoogleDouble = double
        self.ada = double.account(ADA)
        self._access = IssuedAccess(self.issue)
        self._is_refused = False

    @property
    def access(self) -> IssuedAccess:
        return self._access

    def issue(self) -> str:
        return "refused" if getattr(self, "_is_refused", False) else self.double.token_for(ADA, *RIGHTS)

    def site(self, *rights: str, account: str = OFFICE) -> SiteAccess:
        """The site's own account, with all the rights of the operating guide unless told otherwise."""
        return SiteAccess(lambda: self.double.token_for(account, *(rights or (*RIGHTS, SETTINGS))), account=account)

    def maker(self, **options: Any) -> GoogleProvider:
        addresses = self.double.settings
        usual: dict[str, Any] = {
            "calendar_url": addresses["GOOGLE_CALENDAR_URL"],
            "meet_url": addresses["GOOGLE_MEET_URL"],
            "mark": MARK,
            "client_id": "client",
            "client_secret": "secret",
        }
        return GoogleProvider(**{**usual, **options})

    def hasty(self) -> GoogleProvider:
        return self.maker(patience=HASTY)

    def rooms(self) -> list[Held]:
        return [
            Held(event["id"], event["status"] != "cancelled", instant_of(event["start"]), instant_of(event["end"]))
            for event in self.ada.events.values()
        ]

    def event(self, external_id: str) -> dict[str, Any]:
        return self.ada.events[external_id]

    def addresses(self, external_id: str) -> tuple[str, str]:
        link: str = self.event(external_id)["hangoutLink"]
        return link, link

    def delete(self, external_id: str) -> None:
        self.double.delete_event(ADA, external_id)

    def enter(self, external_id: str) -> None:
        self.double.start_call(self.event(external_id)["hangoutLink"])

    def add_strangers_room(self) -> None:
        identity = f"stranger{len(self.ada.events)}"
        times = {name: {"dateTime": f"2030-01-01T{hour}:00:00Z"} for name, hour in (("start", "10"), ("end", "11"))}
        self.ada.events[identity] = {"id": identity, "status": "confirmed", "organizer": {"email": ADA}, **times}

    def refuse_token(self) -> None:
        self.double.expire_tokens()

    def refuse_every_token(self) -> None:
        self._is_refused = True
        self.double.expire_tokens()

    def shorten_pages(self) -> None:
        self.double.page_size = 2

    def asked(self, method: str, path: str = EVENTS) -> int:
        """Return how many requests of this method began with this path."""
        return sum((one.method, one.path[: len(path)]) == (method, path) for one in self.double.requests)
