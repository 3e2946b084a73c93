"""Google Meet REST v2: rooms without a calendar entry, and the calls in them. It knows no models.

A room has no end and there is no way to delete one; nothing tells two creations apart. A creation whose answer is lost
leaves a room that nobody uses, which is harmless: make another. `spaces/…` is what a room is; its code can be given to
another room a year later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bookings.outside import USUAL_PATIENCE, Patience
from meetings.errors import ProviderUnavailable
from meetings.providers.base import Access
from meetings.providers.google_api import GoogleApi
from meetings.providers.google_events import is_meet_address

SPACES_SCOPE = "https://www.googleapis.com/auth/meetings.space.created"
SETTINGS_SCOPE = "https://www.googleapis.com/auth/meetings.space.settings"  # for rooms that Calendar made
OPEN, TRUSTED, RESTRICTED = "OPEN", "TRUSTED", "RESTRICTED"
CREATES_A_MINUTE = 10  # of one account; over it ProviderUnavailable is raised with status 429
_NAME = re.compile(r"spaces/[\w-]{1,100}")


@dataclass(frozen=True)
class Space:
    """A room as Meet has it. `name` is its identity, `code` and `url` are how people come in."""

    name: str
    code: str
    url: str
    access_type: str  # OPEN, TRUSTED or RESTRICTED; "" where Meet does not say
    is_in_use: bool  # a call is running; told to those who own the room, or are in the call


class MeetSpaces:
    """Google Meet for one site. Every method raises the ProviderTrouble of meetings/providers/google_api.py."""

    def __init__(self, meet_url: str, patience: Patience = USUAL_PATIENCE) -> None:
        self._api = GoogleApi(meet_url, patience)

    def create_space(self, access: Access) -> Space:
        """Make a room that opens to whoever has its address: nobody has to be there to let others in.

        Google allows `CREATES_A_MINUTE` for one account. An answer that is lost leaves a room unused.
        """
        config = {"accessType": OPEN, "entryPointAccess": "ALL"}
        return _read(self._api.ask(access, "POST", "/v2/spaces", body={"config": config}))

    def look_at_space(self, name: str, access: Access) -> Space:
        """Return the room of this name (`spaces/…`) or meeting code. Raises RoomGone as well."""
        return _read(self._api.ask(access, "GET", f"/v2/{_path(name)}"))

    def open_space(self, name: str, access: Access) -> Space:
        """Have a room of this account open to whoever has its address. Only by name.

        A room of Calendar's making is opened with SETTINGS_SCOPE only. Another kind may come back: a domain has policies.
        """
        query = {"updateMask": "config.accessType"}
        body = {"config": {"accessType": OPEN}}
        return _read(self._api.ask(access, "PATCH", f"/v2/{_path(name)}", body=body, query=query))

    def end_conference(self, name: str, access: Access) -> None:
        """Send everybody out of a room of ours; its address stays good. Only by name, never by code."""
        self._api.ask(access, "POST", f"/v2/{_path(name)}:endActiveConference", body={})

    def add_cohost(self, name: str, email: str, access: Access) -> None:
        """Let somebody admit others to a room of ours."""
        self._api.ask(access, "POST", f"/v2/{_path(name)}/members", body={"email": email, "role": "COHOST"})


def _path(name: str) -> str:
    """Return the path of a room: its name as it is, a code after `spaces/`."""
    return f"spaces/{quote(name.removeprefix('spaces/'), safe='')}"


def _read(answer: Mapping[str, Any]) -> Space:
    name, code, url = (answer.get(key) for key in ("name", "meetingCode", "meetingUri"))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProviderUnavailable(detail="a space without its name")
    if not isinstance(url, str) or not isinstance(code, str) or not is_meet_address(url):
        raise ProviderUnavailable(detail="a space without an address of Google Meet")
    config = answer.get("config")
    kind = config.get("accessType") if isinstance(config, dict) else ""
    return Space(name, code, url, kind if isinstance(kind, str) else "", bool(answer.get("activeConference")))
