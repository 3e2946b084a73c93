"""What a pretend Zoom knows: hosts and their meetings. And what it says of a meeting that is asked for."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bookings.doubles.server import Request

Thing = dict[str, Any]
CALLS_A_DAY = 100  # create and update, of one host
KEY_LIFE = timedelta(hours=2)  # of a start_url
WRITTEN = "%Y-%m-%dT%H:%M:%SZ"

FIELDS: dict[str, type | tuple[type, ...]] = {
    "topic": str,
    "type": int,
    "start_time": str,
    "timezone": str,
    "duration": int,
    "agenda": str,
    "password": str,
    "default_password": bool,
    "settings": dict,
}
SETTINGS: Thing = {
    "host_video": False,
    "participant_video": False,
    "join_before_host": True,
    "jbh_time": 0,
    "waiting_room": False,
    "use_pmi": False,
    "approval_type": 2,
    "meeting_authentication": False,
    "auto_recording": "none",
    "email_notification": True,
    "registrants_email_notification": True,
    "mute_upon_entry": False,
    "watermark": False,
}
LONGEST = {"topic": 200, "agenda": 2000, "password": 10}
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class Refused(Exception):
    """What Zoom says no to: it decides with a status and a code of its own, and uses codes for several statuses."""

    def __init__(self, status: int, code: int, message: str, *, errors: list[Thing] | None = None) -> None:
        self.status = status
        self.body: Thing = {"code": code, "message": message, **({"errors": errors} if errors else {})}
        super().__init__(f"{status}/{code}")


def invalid(name: str, message: str) -> Refused:
    return Refused(400, 300, "Validation Failed.", errors=[{"field": name, "message": message}])


def no_meeting(number: str) -> Refused:
    return Refused(404, 3001, f"Meeting does not exist: {number}.")


@dataclass
class Meeting:
    id: int
    topic: str
    starts_at: datetime
    minutes: int
    timezone: str
    agenda: str
    settings: Thing
    password: str
    made_at: datetime
    status: str = "waiting"  # or started, ended

    def facts(self, host: Host, url: str, now: datetime, *, lists_only: bool = False) -> Thing:
        """Return it as Zoom writes it, with another start_url each time; lists cut the agenda and know no settings."""
        pwd = f"?pwd={self.password}.1" if self.password else ""
        told: Thing = {
            "uuid": f"/{secrets.token_urlsafe(12)}==",
            "id": self.id,
            "host_id": host.id,
            "topic": self.topic,
            "type": 2,
            "start_time": self.starts_at.strftime(WRITTEN),
            "duration": self.minutes,
            "timezone": self.timezone,
            "agenda": self.agenda[:250] if lists_only else self.agenda,
            "created_at": self.made_at.strftime(WRITTEN),
            "join_url": f"{url}/j/{self.id}{pwd}",
        }
        if lists_only:
            return told
        told |= {"host_email": host.email, "status": "waiting" if self.status == "ended" else self.status}
        told |= {"settings": self.settings, "start_url": f"{url}/s/{self.id}?zak={host.new_key(self.id, now)}"}
        return told | ({"password": self.password} if self.password else {})


@dataclass
class Host:
    """A user of Zoom. `plan` is 1 Basic or 2 Licensed; `policies` win over what a meeting asks for."""

    email: str
    plan: int = 2
    zone: str = "UTC"
    policies: Thing = field(default_factory=dict)
    habits: Thing = field(default_factory=lambda: {"use_pmi": True})  # what a meeting gets that does not ask
    can_host: bool = True
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    meetings: dict[int, Meeting] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)  # of each day (UTC)
    keys: dict[str, tuple[int, datetime]] = field(default_factory=dict)  # of start_urls: for which meeting, until when

    def count_call(self, now: datetime) -> None:
        """Raises Refused for the 101st create or update of a day."""
        day = now.date().isoformat()
        if self.calls.get(day, 0) >= CALLS_A_DAY:
            message = f"You have reached the maximum daily rate limit ({CALLS_A_DAY}) for this API. Try again later."
            raise Refused(429, 429, message)
        self.calls[day] = self.calls.get(day, 0) + 1

    def new_key(self, number: int, now: datetime) -> str:
        """Give what makes its bearer the host of this meeting."""
        key = secrets.token_urlsafe(24)
        self.keys[key] = (number, now + KEY_LIFE)
        return key

    def has_given(self, key: str, number: int, now: datetime) -> bool:
        """Say whether the key opens this meeting still."""
        meant, ends_at = self.keys.get(key, (0, now))
        return meant == number and ends_at > now

    def effective(self, asked: Thing, before: Thing | None = None) -> Thing:
        """Return the settings that a meeting gets: a waiting room is told before, and policies have the last word."""
        found = {**(before or {**SETTINGS, **self.habits}), **asked, **self.policies}
        return found | ({"join_before_host": False} if found["waiting_room"] else {})

    def facts(self) -> Thing:
        return {
            "id": self.id,
            "email": self.email,
            "type": self.plan,
            "timezone": self.zone,
            "first_name": self.email.split("@")[0].title(),
            "last_name": "Host",
            "account_id": "acc-" + self.id[:8],
            "pmi": 5551112222,
            "status": "active",
        }


def read_body(request: Request) -> Thing:
    """Return the fields of a meeting that came. Raises Refused: an unknown one is a typo, so it is refused here."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, 300, "Request Body should be a valid JSON object.")
    for name, value in body.items():
        kind = FIELDS.get(name)
        if kind is None or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise invalid(name, "Invalid field.")
        if len(str(value)) > LONGEST.get(name, 5000):
            raise invalid(name, f"Must not be longer than {LONGEST.get(name)}.")
    for name, value in body.get("settings", {}).items():
        if name not in SETTINGS or type(value) is not type(SETTINGS[name]):
            raise invalid(f"settings.{name}", "Invalid field.")
    _require_sense(body)
    return body


def _require_sense(body: Thing) -> None:
    if body.get("type", 2) != 2:
        raise invalid("type", "Only scheduled meetings are pretended.")
    if not 1 <= body.get("duration", 60) <= 1440:
        raise invalid("duration", "Invalid field.")
    if re.search(r"[\x00-\x1f\x7f]", body.get("topic", "")):
        raise invalid("topic", "Invalid field.")
    if "timezone" in body:
        try:
            ZoneInfo(body["timezone"])
        except (KeyError, ValueError, OSError):
            raise invalid("timezone", "Invalid field.") from None


def start_of(body: Thing, now: datetime, otherwise: datetime) -> datetime:
    """Return the start that is meant: a past one is silently not what was asked for."""
    text, zone = body.get("start_time"), ZoneInfo(body.get("timezone", "UTC"))
    if text is None:
        return otherwise
    try:
        if _ZONED.fullmatch(text):
            starts_at = datetime.strptime(text, WRITTEN).replace(tzinfo=UTC)
        elif _LOCAL.fullmatch(text):
            starts_at = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        else:
            raise ValueError
    except ValueError:
        raise invalid("start_time", "Invalid field.") from None
    return otherwise if starts_at < now - timedelta(seconds=1) else starts_at
