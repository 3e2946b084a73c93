"""What a pretend 100ms knows: templates, rooms and their codes. And what it says to a room that is asked for."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bookings.doubles.server import Request

Thing = dict[str, Any]

REGIONS = ("eu", "in", "us", "auto")
MOST_CODES = 100
FIELDS: dict[str, type] = {
    "name": str,
    "description": str,
    "template_id": str,
    "region": str,
    "max_duration_seconds": int,
    "size": int,
    "enabled": bool,
}
_NAME = re.compile(r"[a-zA-Z0-9.\-:_]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Refused(Exception):
    """What 100ms says no to: the code repeats the status."""

    def __init__(self, status: int, message: str, *details: str) -> None:
        self.status = status
        self.body: Thing = {"code": status, "message": message, "details": list(details)}
        super().__init__(f"{status} {message}")


@dataclass
class Code:
    code: str
    role: str
    room_id: str
    made_at: datetime
    enabled: bool = True

    def facts(self) -> Thing:
        at = written(self.made_at)
        told = {"code": self.code, "role": self.role, "room_id": self.room_id, "enabled": self.enabled}
        return {**told, "created_at": at, "updated_at": at}


@dataclass
class Room:
    id: str
    name: str
    template_id: str
    region: str
    made_at: datetime
    description: str = ""
    max_duration_seconds: int = 43_200
    size: int = 0
    enabled: bool = True
    is_in_use: bool = False
    codes: list[Code] = field(default_factory=list)

    def facts(self) -> Thing:
        told = {name: getattr(self, name) for name in ("id", "name", "enabled", "description", "template_id", "region")}
        at = written(self.made_at)
        return {**told, "max_duration_seconds": self.max_duration_seconds, "created_at": at, "updated_at": at}

    def change(self, asked: Thing) -> None:
        for name, value in asked.items():
            setattr(self, name, value)


def read_body(request: Request, allowed: set[str] | None = None) -> Thing:
    """Return the fields that came. Raises Refused: an unknown one is a typo, so it is refused here."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "invalid request body")
    for name, value in body.items():
        kind = FIELDS.get(name)
        if name not in (allowed or FIELDS) or (kind is not None and type(value) is not kind):
            raise Refused(400, "invalid request body", f"{name} is not allowed")
    return body


def require_sense(body: Thing, templates: Thing) -> None:
    """Raises Refused for what a room cannot be."""
    if not _NAME.fullmatch(body.get("name", "a")):
        raise Refused(400, "invalid room name")
    if body.get("region", "auto") not in REGIONS:
        raise Refused(400, "invalid region")
    if not 120 <= body.get("max_duration_seconds", 120) <= 43_200:
        raise Refused(400, "invalid max duration")
    if not 0 <= body.get("size", 0) <= 2500:
        raise Refused(400, "invalid size")
    if "template_id" in body and body["template_id"] not in templates:
        raise Refused(400, "template not found")


def new_code(numbers: random.Random) -> str:
    return "-".join("".join(numbers.choices(_LETTERS, k=length)) for length in (3, 4, 3))


def written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
