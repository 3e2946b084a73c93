"""100ms on a local port: its second API under `/v2`."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar
from urllib.parse import unquote

import jwt

from bookings.doubles.server import Answer, Double, Request
from meetings.doubles.hundredms_books import (
    MOST_CODES,
    Code,
    Refused,
    Room,
    Thing,
    new_code,
    read_body,
    require_sense,
    written,
)

DEFAULT_TEMPLATE = "default-template"
PAGE_SIZE = 100
_TOKEN_FIELDS = ["access_key", "type", "version", "iat", "nbf", "exp", "jti"]


class HundredmsDouble(Double):
    """Rooms by name: an existing name gives the room of that name, changed. Fields that it does not know are refused."""

    verbs: ClassVar[frozenset[str]] = frozenset(
        ["add_room", "enter", "leave", "forget", "set_enabled", "set_roles", "refuse_tokens", "refuse_next"]
    )

    def __init__(
        self, *, access_key: str, secret: str, template_id: str, port: int = 0, silence: float = 60, seed: int = 1
    ) -> None:
        super().__init__(port=port, silence=silence, seed=seed)
        self._access_key, self._secret = access_key, secret
        self.templates: dict[str, list[str]] = {
            DEFAULT_TEMPLATE: ["broadcaster", "hls-viewer"],
            template_id: ["host", "guest", "__internal_recorder"],
        }
        self.rooms: dict[str, Room] = {}
        self.page_size = PAGE_SIZE  # at most so many in a list
        self.refusals: list[tuple[str, Refused]] = []
        self._tokens_to_refuse = 0
        self._numbers = Random(7)  # noqa: S311 - for numbers that repeat

    def answer(self, request: Request) -> Answer:
        try:
            self._require_token(request)
            self._refuse_if_told(request)
            return self._api(request)
        except Refused as refused:
            return Answer(refused.status, refused.body)

    def error(self, status: int) -> Answer:
        headers = {"Retry-After": "2"} if status == 429 else {}
        said = "too many requests" if status == 429 else "internal server error"
        return Answer(status, Refused(status, said).body, headers)

    def state(self) -> Thing:
        return {"rooms": len(self.rooms), "open": sum(room.enabled for room in self.rooms.values())}

    def add_room(self, name: str) -> str:
        """Add a room that others made. Returns its id."""
        with self.lock:
            return self._make({"name": name}).id

    def enter(self, room_id: str) -> None:
        with self.lock:
            self.rooms[room_id].is_in_use = True

    def leave(self, room_id: str) -> None:
        with self.lock:
            self.rooms[room_id].is_in_use = False

    def forget(self, room_id: str) -> None:
        """Have the room not be there any more."""
        with self.lock:
            del self.rooms[room_id]

    def set_enabled(self, room_id: str, enabled: bool) -> None:
        with self.lock:
            self.rooms[room_id].enabled = enabled

    def set_roles(self, template_id: str, roles: list[str]) -> None:
        """Change a template."""
        with self.lock:
            self.templates[template_id] = roles

    def refuse_tokens(self, number: int) -> None:
        """Refuse the next tokens, good as they are."""
        with self.lock:
            self._tokens_to_refuse = number

    def refuse_next(self, status: int, message: str = "refused", asked: str = "") -> None:
        """Have the next call refused that begins so, nothing done."""
        with self.lock:
            self.refusals.append((asked, Refused(status, message)))

    def _require_token(self, request: Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            told = jwt.decode(token, self._secret, algorithms=["HS256"], options={"require": _TOKEN_FIELDS})
        except jwt.PyJWTError as error:
            raise Refused(401, "Token validation error", type(error).__name__) from None
        if (told["access_key"], told["type"], told["version"]) != (self._access_key, "management", 2):
            raise Refused(401, "Token validation error", "not found")
        if self._tokens_to_refuse:
            self._tokens_to_refuse -= 1
            raise Refused(401, "Token validation error", "refused")

    def _refuse_if_told(self, request: Request) -> None:
        asked = f"{request.method} {request.path}"
        for place, (beginning, refused) in enumerate(self.refusals):
            if asked.startswith(beginning):
                del self.refusals[place]
                raise refused

    def _api(self, request: Request) -> Answer:
        asked = {name: values[0] for name, values in request.query.items()}
        match [request.method, *map(unquote, request.path.strip("/").split("/"))]:
            case ["POST", "v2", "rooms"]:
                return self._create(read_body(request, {*_ROOM_FIELDS}))
            case ["GET", "v2", "rooms"]:
                return self._list(asked)
            case ["GET", "v2", "rooms", room_id]:
                return Answer(200, self._room(room_id).facts())
            case ["POST", "v2", "rooms", room_id]:
                return self._update(self._room(room_id), read_body(request, {*_ROOM_FIELDS, "enabled"}))
            case ["GET", "v2", "room-codes", "room", room_id]:
                return self._read_codes(self._room(room_id), asked)
            case ["POST", "v2", "room-codes", "room", room_id]:
                return self._make_codes(self._room(room_id))
            case ["POST", "v2", "active-rooms", room_id, "end-room"]:
                return self._end(self._room(room_id), read_body(request, {"reason", "lock"}))
            case ["GET", "v2", "sessions"]:
                return self._sessions(asked)
        raise Refused(404, "no such address")

    def _create(self, body: Thing) -> Answer:
        require_sense(body, self.templates)
        name = body.get("name", "").lower()
        room = next((one for one in self.rooms.values() if name and one.name.lower() == name), None)
        if room is None:
            return Answer(200, self._make(body).facts())
        room.change({"template_id": DEFAULT_TEMPLATE, **body, "name": room.name})
        return Answer(200, room.facts())

    def _make(self, body: Thing) -> Room:
        number = f"{self._numbers.getrandbits(96):024x}"
        usual: Thing = {"name": number, "template_id": DEFAULT_TEMPLATE, "region": "in", **body}
        room = Room(id=number, made_at=datetime.now(UTC), **usual)
        self.rooms[room.id] = room
        return room

    def _update(self, room: Room, body: Thing) -> Answer:
        require_sense(body, self.templates)
        room.change(body)
        return Answer(200, room.facts())

    def _list(self, asked: dict[str, str]) -> Answer:
        if asked.keys() - {"name", "enabled", "limit", "start", "before", "after"}:
            raise Refused(400, "invalid query")
        found = [
            room
            for room in self.rooms.values()
            if asked.get("name", room.name).lower() == room.name.lower()
            and asked.get("enabled", str(room.enabled).lower()) == str(room.enabled).lower()
        ]
        return Answer(200, self._page([room.facts() for room in found], asked, key="id"))

    def _read_codes(self, room: Room, asked: dict[str, str]) -> Answer:
        self._require_open(room)
        found = [
            code.facts()
            for code in room.codes
            if asked.get("role", code.role) == code.role
            and asked.get("enabled", str(code.enabled).lower()) == str(code.enabled).lower()
        ]
        return Answer(200, self._page(found, asked, key="code"))

    def _page(self, found: list[Thing], asked: dict[str, str], *, key: str) -> Thing:
        limit = min(int(asked.get("limit") or 10), self.page_size)
        places = [number for number, one in enumerate(found, 1) if one[key] == asked.get("start")]
        begin = places[0] if places else 0
        page = found[begin : begin + limit]
        return {"limit": limit, "data": page, "last": page[-1][key] if page else ""}

    def _make_codes(self, room: Room) -> Answer:
        """Add what is missing, and disable the codes of roles that the template has no more."""
        self._require_open(room)
        roles = self.templates[room.template_id]
        for role in roles:
            if all(code.role != role for code in room.codes) and len(room.codes) < MOST_CODES:
                room.codes.append(Code(new_code(self._numbers), role, room.id, datetime.now(UTC)))
        for code in room.codes:
            code.enabled = code.enabled and code.role in roles
        return Answer(200, {"data": [code.facts() for code in room.codes if code.role in roles]})

    def _end(self, room: Room, body: Thing) -> Answer:
        if not room.is_in_use:
            raise Refused(404, "active session not found")
        room.is_in_use = False
        room.enabled = room.enabled and not body.get("lock")
        return Answer(200, {"message": "session is ending"})

    def _sessions(self, asked: dict[str, str]) -> Answer:
        if asked.keys() - {"room_id", "active", "limit", "start", "before", "after"}:
            raise Refused(400, "invalid query")
        wanted = asked.get("room_id")
        rooms = [room for room in self.rooms.values() if room.is_in_use and wanted in (None, room.id)]
        data: list[dict[str, Any]] = [
            {"id": f"session-{room.id}", "room_id": room.id, "active": True, "created_at": written(datetime.now(UTC))}
            for room in rooms
        ]
        return Answer(200, {"limit": 10, "data": data, "last": ""})

    def _room(self, room_id: str) -> Room:
        if room_id not in self.rooms:
            raise Refused(404, "room not found")
        return self.rooms[room_id]

    def _require_open(self, room: Room) -> None:
        if not room.enabled:
            raise Refused(403, "Room is disabled")


_ROOM_FIELDS = ("name", "description", "template_id", "region", "max_duration_seconds", "size")
