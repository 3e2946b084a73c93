"""100ms' side of the contract."""

from __future__ import annotations

from typing import Any

from meetings.doubles.hundredms import HundredmsDouble
from meetings.errors import ProviderMisconfigured
from meetings.providers.base import RoomMaker
from meetings.providers.hundredms import HundredmsProvider
from tests.meetings.providers.vendors import DoubledVendor, Held

KEYS: dict[str, Any] = {
    "access_key": "hms-key",
    "secret": "hms-secret-of-more-than-32-bytes-0123",
    "template_id": "our-template",
}
MARK = "linkpool-example"


class HundredmsVendor(DoubledVendor):
    has_two_addresses = True
    keeps_times = False
    refused = ProviderMisconfigured
    calls = {
        "create": ("POST /v2/rooms", "POST /v2/room-codes/", "GET /v2/room-codes/"),
        "move": ("GET /v2/rooms/", "GET /v2/room-codes/"),
        "cancel": ("POST /v2/rooms/", "POST /v2/active-rooms/"),
        "check": ("GET /v2/rooms/", "GET /v2/room-codes/", "GET /v2/sessions"),
    }

    def __init__(self, double: HundredmsDouble) -> None:
        self.double = self.hms = double

    def maker(self) -> RoomMaker:
        return self.hms_maker()

    def hasty(self) -> RoomMaker:
        return self.hms_maker(timeouts=(5, 0.4), time_limit=0.8)

    def hms_maker(self, **options: Any) -> HundredmsProvider:
        usual = {
            **KEYS,
            "subdomain": "linkpool",
            "tutor_role": "host",
            "student_role": "guest",
            "region": "eu",
            "api_url": f"{self.hms.url}/v2",
            "mark": MARK,
        }
        return HundredmsProvider(**{**usual, **options})

    def rooms(self) -> list[Held]:
        ours = [room for room in self.hms.rooms.values() if room.name.startswith(MARK)]
        return [Held(room.id, is_open=room.enabled) for room in ours]

    def addresses(self, external_id: str) -> tuple[str, str]:
        codes = {code.role: code.code for code in self.hms.rooms[external_id].codes}
        page = "https://linkpool.app.100ms.live/meeting/"
        return f"{page}{codes['host']}", f"{page}{codes['guest']}"

    def delete(self, external_id: str) -> None:
        self.hms.forget(external_id)

    def enter(self, external_id: str) -> None:
        self.hms.enter(external_id)

    def add_strangers_room(self) -> None:
        self.hms.add_room(f"other-site-bk-23456789bc-{len(self.hms.rooms)}")

    def refuse_token(self) -> None:
        self.hms.refuse_tokens(1)

    def refuse_every_token(self) -> None:
        self.hms.refuse_tokens(1_000_000)

    def shorten_pages(self) -> None:
        self.hms.page_size = 2
