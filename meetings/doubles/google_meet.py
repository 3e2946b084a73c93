"""Google Meet REST v2 as a double: rooms, the calls in them, and who may let others in."""

from __future__ import annotations

import re
import secrets
from typing import Any

from bookings.doubles.server import Answer, Request
from meetings.doubles.google_books import (
    SPACES,
    SPACES_CREATED,
    SPACES_SETTINGS,
    GoogleBooks,
    Space,
    Thing,
    Token,
    json_body,
    meet_no,
    unknown_in,
)

_CREATES_A_MINUTE = 10  # of one person
_PATH = re.compile(r"/v2/spaces(?:/([^/:]+))?(:endActiveConference|/members)?")
_CONFIG = {"accessType": None, "entryPointAccess": None}
_CHOICES = {"accessType": ("OPEN", "TRUSTED", "RESTRICTED"), "entryPointAccess": ("ALL", "CREATOR_APP_ONLY")}


class GoogleMeet(GoogleBooks):
    # What people do.

    def set_access(self, account: str, access_type: str) -> None:
        """Let the rooms that this person makes from now on open to OPEN, TRUSTED or RESTRICTED; "" is the usual."""
        with self.lock:
            self.account(account).access_type = access_type

    def start_call(self, space: str) -> str:
        """Let people meet in the room, named by its name, code or address; returns the name of the call."""
        with self.lock:
            found = self._named(space)
            found.conference = found.conference or f"conferenceRecords/{secrets.token_urlsafe(9)}"
            return found.conference

    def stop_call(self, space: str) -> None:
        with self.lock:
            self._named(space).conference = ""

    def forget_space(self, space: str) -> None:
        """Have the room be there no more, as after a year unused."""
        with self.lock:
            del self.spaces[self._named(space).name]

    def _named(self, space: str) -> Space:
        found = self.find_space(space)
        if found is None:
            raise LookupError(f"no space {space}")
        return found

    # What programs ask.

    def answer_meet(self, request: Request, token: Token | None) -> Answer:
        if token is None:
            raise meet_no(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise meet_no(404, "NOT_FOUND")
        if not token.scopes & _rights_for(request):
            message = "Request had insufficient authentication scopes."
            raise meet_no(403, "PERMISSION_DENIED", message, reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        name, verb = found.groups()
        if name is None and verb is None and request.method == "POST":
            return Answer(200, self._create(request, token))
        space = self.find_space(name or "")
        if space is None:
            raise meet_no(404, "NOT_FOUND", "Requested entity was not found.")
        return Answer(200, self._act(request, token, space, verb))

    def _act(self, request: Request, token: Token, space: Space, verb: str | None) -> Thing:
        is_owner = space.made_by == token.account.email
        if request.method == "GET" and verb is None:
            return _shown(space, is_owner=is_owner)
        is_any_changed = request.method == "PATCH" and SPACES_SETTINGS in token.scopes
        if not is_owner or not (space.is_ours or is_any_changed):
            raise meet_no(403, "PERMISSION_DENIED", "The caller does not have permission")
        if request.path.split("/")[3].partition(":")[0] == space.code:
            raise meet_no(400, "INVALID_ARGUMENT", "A meeting code cannot be used here.")
        match request.method, verb:
            case "PATCH", None:
                return self._change_space(request, space)
            case "POST", ":endActiveConference":
                self._body(request, {})
                space.conference = ""
                return {}
            case "POST", "/members":
                sent = self._body(request, {"email": None, "role": None})
                space.members[str(sent.get("email"))] = str(sent.get("role"))
                return {"name": f"{space.name}/members/{len(space.members)}", **sent}
        raise meet_no(404, "NOT_FOUND")

    def _create(self, request: Request, token: Token) -> Thing:
        sent = self._body(request, {"config": _CONFIG})
        _check_config(sent.get("config", {}))
        if not self.count(token.account.created, _CREATES_A_MINUTE):
            raise meet_no(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Space creation requests'")
        space = self.new_space(token.account.email, is_ours=True)
        space.config |= sent.get("config", {})
        return _shown(space, is_owner=True)

    def _change_space(self, request: Request, space: Space) -> Thing:
        sent = self._body(request, {"config": _CONFIG})
        _check_config(sent.get("config", {}))
        for path in request.query.get("updateMask", [""])[0].split(","):
            name = path.removeprefix("config.")
            if name not in sent.get("config", {}):
                raise meet_no(400, "INVALID_ARGUMENT", f"Invalid update mask: {path}")
            space.config[name] = sent["config"][name]
        return _shown(space, is_owner=True)

    def _body(self, request: Request, known: dict[str, Any]) -> Thing:
        sent = json_body(request, meet_no(400, "INVALID_ARGUMENT", "Invalid JSON payload received."))
        if wrong := unknown_in(sent, known):
            raise meet_no(400, "INVALID_ARGUMENT", f'Invalid JSON payload received. Unknown name "{wrong}"')
        return sent


def _rights_for(request: Request) -> frozenset[str]:
    """Return the rights of which any is enough to ask this at all (the vendor's discovery document)."""
    return SPACES if request.method in ("GET", "PATCH") else frozenset([SPACES_CREATED])


def _check_config(config: Thing) -> None:
    for name, value in config.items():
        if value not in _CHOICES[name]:
            raise meet_no(400, "INVALID_ARGUMENT", f"Invalid value at config.{name}")


def _shown(space: Space, *, is_owner: bool) -> Thing:
    """Return the room as its owner sees it, or anybody else: they are told neither of settings nor of calls."""
    told: Thing = {"name": space.name, "meetingUri": space.uri, "meetingCode": space.code}
    if is_owner:
        told["config"] = dict(space.config)
    return told | ({"activeConference": {"conferenceRecord": space.conference}} if is_owner and space.conference else {})
