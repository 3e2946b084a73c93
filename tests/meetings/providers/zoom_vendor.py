"""Zoom's side of the contract."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from meetings.doubles.zoom import ZoomDouble
from meetings.providers.base import RoomMaker
from meetings.providers.zoom import ZoomProvider
from tests.meetings.providers.vendors import DoubledVendor, Held, IssuedAccess

ADA = "ada@example.com"
APP: dict[str, Any] = {"client_id": "zoom-app", "client_secret": "zoom-app-secret"}
MARK = "linkpool-example"


class ZoomVendor(DoubledVendor):
    calls = {
        "create": ("POST /v2/users/", "GET /v2/users/me/meetings"),
        "move": ("GET /v2/meetings/", "PATCH /v2/meetings/"),
        "cancel": ("DELETE /v2/meetings/",),
        "check": ("GET /v2/meetings/",),
    }

    def __init__(self, double: ZoomDouble) -> None:
        self.double = self.zoom = double
        self._access = IssuedAccess(lambda: str(double.give_tokens(ADA)["access_token"]), account=ADA)

    @property
    def access(self) -> IssuedAccess:
        return self._access

    def maker(self) -> RoomMaker:
        return self.zoom_maker()

    def hasty(self) -> RoomMaker:
        return self.zoom_maker(timeouts=(5, 0.4), time_limit=0.8)

    def zoom_maker(self, **options: Any) -> ZoomProvider:
        return ZoomProvider(**{**APP, "api_url": f"{self.zoom.url}/v2", "mark": MARK, **options})

    def rooms(self) -> list[Held]:
        return [
            Held(str(one.id), starts_at=one.starts_at, ends_at=one.starts_at + timedelta(minutes=one.minutes))
            for host in self.zoom.hosts.values()
            for one in host.meetings.values()
            if one.agenda.startswith(f"booking:{MARK}:")
        ]

    def addresses(self, external_id: str) -> tuple[str, str]:
        hosts = self.zoom.hosts.values()
        [told] = [
            host.meetings[key].facts(host, self.zoom.url, self.zoom.now())
            for host in hosts
            for key in host.meetings
            if str(key) == external_id
        ]
        return told["join_url"], told["join_url"]

    def delete(self, external_id: str) -> None:
        self.zoom.delete_meeting(int(external_id))

    def enter(self, external_id: str) -> None:
        self.zoom.start_meeting(int(external_id))

    def add_strangers_room(self) -> None:
        for agenda in ("", "booking:other-site:BK-23456789BC-0", "Call me about booking:x"):
            self.zoom.add_meeting(ADA, topic="Family", agenda=agenda)

    def refuse_token(self) -> None:
        self.zoom.expire_tokens()

    def refuse_every_token(self) -> None:
        self.zoom.refuses_all = True

    def shorten_pages(self) -> None:
        self.zoom.page_size = 2
