"""Zoom on a local port: OAuth under `/oauth`, the API under `/v2`, and where its addresses lead people: `/j` and `/s`."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from bookings.doubles.server import Answer, Request
from meetings.doubles.zoom_books import Host, Meeting, Refused, Thing, no_meeting, read_body, start_of
from meetings.doubles.zoom_oauth import Grant, ZoomOAuth

PER_SECOND = "You have reached the maximum per-second rate limit for this API. Try again later."
PAGE_SIZE = 300
_PAST = timedelta(minutes=1)


class ZoomDouble(ZoomOAuth):
    """Both of its hosts in one, which a path's beginning tells apart. Fields that it does not know are refused."""

    verbs: ClassVar[frozenset[str]] = frozenset(
        [
            *("add_host", "give_tokens", "expire_tokens", "withdraw", "pass_time", "change"),
            *("add_meeting", "start_meeting", "end_meeting", "delete_meeting", "refuse_next"),
        ]
    )

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self.tells_limits = True  # headers of a 429; live answers have often had none
        self.makes_passwords = True  # False: 201 without `password`
        self.page_size = PAGE_SIZE  # at most so many in a list
        self.refusals: list[tuple[str, Refused]] = []
        self._numbers = random.Random(7)  # noqa: S311 - for meeting numbers that repeat
        self.add_host("ada@example.com")

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/oauth/"):
            return self.oauth(request)
        try:
            self._refuse_if_told(request)
            return self._come_in(request) if request.path.startswith(("/j/", "/s/")) else self._api(request)
        except Refused as refused:
            return Answer(refused.status, refused.body, self._limits(refused))

    def error(self, status: int) -> Answer:
        """Return a 500 or a 429 that either host could have sent."""
        if status == 429:
            refused = Refused(429, 429, PER_SECOND)
            return Answer(429, refused.body, self._limits(refused))
        return Answer(status, {"code": status, "message": "Internal Server Error", "error": "server_error"})

    def state(self) -> Thing:
        hosts = self.hosts.values()
        return {"hosts": [host.email for host in hosts], "meetings": sum(len(host.meetings) for host in hosts)}

    def change(self, **facts: Any) -> None:
        """Set `consenting`, `granted`, `tells_limits`, `makes_passwords`, `refuses_all` or `api_url`."""
        for name in facts.keys() - {"consenting", "granted", "tells_limits", "makes_passwords", "refuses_all", "api_url"}:
            raise LookupError(name)
        with self.lock:
            for name, value in facts.items():
                setattr(self, name, value)

    def refuse_next(self, status: int, code: int, message: str = "", asked: str = "") -> None:
        """Have the next call of the API refused that begins so, nothing done."""
        with self.lock:
            self.refusals.append((asked, Refused(status, code, message or f"Code {code}.")))

    def start_meeting(self, number: int) -> None:
        self._set_status(number, "started")

    def end_meeting(self, number: int) -> None:
        self._set_status(number, "ended")

    def delete_meeting(self, number: int) -> None:
        """Delete it as its host does in Zoom."""
        with self.lock:
            host, meeting = self._find(str(number))
            del host.meetings[meeting.id]

    def add_meeting(self, email: str, *, topic: str, agenda: str = "", starts_at: datetime | None = None) -> int:
        """Add one that others made. Returns its number."""
        with self.lock:
            starts_at = starts_at or self.now() + timedelta(days=1)
            body = {"topic": topic, "agenda": agenda, "start_time": starts_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
            return self._make(self.hosts[email], body).id

    def _come_in(self, request: Request) -> Answer:
        """Say as whom a browser comes in: by a start_url as the host, who begins the meeting; else as a guest, who waits."""
        kind, _slash, number = request.path.strip("/").partition("/")
        host, meeting = self._find(number)
        if kind == "j":
            is_let_in = meeting.settings["join_before_host"] or meeting.status == "started"
            return Answer(200, {"role": "guest", "waits_for_host": not is_let_in})
        if request.method != "GET" or not host.has_given(request.query.get("zak", [""])[0], meeting.id, self.now()):
            raise Refused(400, 3003, "You are not the meeting host.")
        meeting.status = "started"
        return Answer(200, {"role": "host", "email": host.email})

    def _refuse_if_told(self, request: Request) -> None:
        asked = f"{request.method} {request.path}"
        for place, (beginning, refused) in enumerate(self.refusals):
            if asked.startswith(beginning):
                del self.refusals[place]
                raise refused

    def _api(self, request: Request) -> Answer:
        grant = self.grant_of(request.headers.get("Authorization", "").removeprefix("Bearer "))
        match [request.method, *map(unquote, request.path.strip("/").split("/"))]:
            case ["GET", "v2", "users"]:
                _require(grant, "user:read:list_users", "user:read")
                return Answer(200, {"users": [host.facts() for host in self.hosts.values()], "next_page_token": ""})
            case ["GET", "v2", "users", user]:
                _require(grant, "user:read:user", "user:read")
                return Answer(200, self._host(grant, user).facts())
            case ["POST", "v2", "users", user, "meetings"]:
                return self._create(grant, user, request)
            case ["GET", "v2", "users", user, "meetings"]:
                return self._list(grant, user, request)
            case [method, "v2", "meetings", number] if method in ("GET", "PATCH", "DELETE"):
                return self._meeting(grant, method, number, request)
        raise Refused(404, 2300, "This API endpoint is not recognized.")

    def _create(self, grant: Grant, user: str, request: Request) -> Answer:
        _require(grant, "meeting:write:meeting", "meeting:write")
        host, body = self._host(grant, user), read_body(request)
        if not host.can_host:
            raise Refused(400, 3161, "Meeting hosting and scheduling capabilities are not allowed for your user account.")
        host.count_call(self.now())
        return Answer(201, self._make(host, body).facts(host, self.url, self.now()))

    def _make(self, host: Host, body: Thing) -> Meeting:
        meeting = Meeting(
            id=self._numbers.choice((8 * 10**10, 9 * 10**15)) + self._numbers.randrange(10**10),
            topic=body.get("topic", "Zoom Meeting"),
            starts_at=start_of(body, self.now(), self.now().replace(microsecond=0)),
            minutes=body.get("duration", 60),
            timezone=body.get("timezone", host.zone),
            agenda=body.get("agenda", ""),
            settings=host.effective(body.get("settings", {})),
            password=body.get("password") or (secrets.token_urlsafe(6)[:8] if self.makes_passwords else ""),
            made_at=self.now(),
        )
        host.meetings[meeting.id] = meeting
        return meeting

    def _list(self, grant: Grant, user: str, request: Request) -> Answer:
        _require(grant, "meeting:read:list_meetings", "meeting:read")
        asked = {name: values[0] for name, values in request.query.items()}
        if asked.keys() - {"type", "page_size", "next_page_token"} or asked.get("type", "scheduled") not in _TYPES:
            raise Refused(400, 300, "Validation Failed.")
        host, size = self._host(grant, user), int(asked.get("page_size", 30))
        if not 1 <= size <= PAGE_SIZE:
            raise Refused(400, 300, "Validation Failed.")
        found = [one for one in host.meetings.values() if _is_listed(one, asked.get("type", "scheduled"), self.now())]
        size, begin = min(size, self.page_size), int(asked.get("next_page_token") or 0)
        more = str(begin + size) if begin + size < len(found) else ""
        page = [one.facts(host, self.url, self.now(), lists_only=True) for one in found[begin : begin + size]]
        return Answer(200, {"page_size": size, "total_records": len(found), "next_page_token": more, "meetings": page})

    def _meeting(self, grant: Grant, method: str, number: str, request: Request) -> Answer:
        kind = {"GET": "read", "PATCH": "update", "DELETE": "delete"}[method]
        _require(grant, f"meeting:{kind}:meeting", "meeting:read" if method == "GET" else "meeting:write")
        host, meeting = self._find(number)
        if grant.host is not None and grant.host is not host:
            raise Refused(400, 3003, "You are not the meeting host.")
        if method == "GET":
            return Answer(200, meeting.facts(host, self.url, self.now()))
        if method == "DELETE":
            self._delete(host, meeting)
        else:
            self._update(host, meeting, read_body(request))
        return Answer(204, None)

    def _delete(self, host: Host, meeting: Meeting) -> None:
        if meeting.status == "started":
            raise Refused(400, 3002, "Sorry, you cannot delete this meeting since it's in progress.")
        if meeting.status == "ended":
            raise Refused(400, 3007, "Sorry, you cannot delete this meeting since it has ended.")
        del host.meetings[meeting.id]

    def _update(self, host: Host, meeting: Meeting, body: Thing) -> None:
        if meeting.status == "started":
            raise Refused(400, 3000, "Cannot update or delete meetings that have started using this method.")
        host.count_call(self.now())
        meeting.starts_at = start_of(body, self.now(), meeting.starts_at)
        meeting.minutes = body.get("duration", meeting.minutes)
        meeting.timezone = body.get("timezone", meeting.timezone)
        meeting.topic, meeting.agenda = body.get("topic", meeting.topic), body.get("agenda", meeting.agenda)
        meeting.settings = host.effective(body.get("settings", {}), before=meeting.settings)

    def _host(self, grant: Grant, user: str) -> Host:
        if grant.host is not None:
            if user != "me":
                raise Refused(400, 4711, "Invalid access token, does not contain scopes: user-level apps must ask for me.")
            return grant.host
        for host in self.hosts.values():
            if user in (host.email, host.id):
                return host
        raise Refused(404, 1001, f"User does not exist: {user}.")

    def _find(self, number: str) -> tuple[Host, Meeting]:
        for host in self.hosts.values():
            if number.isdigit() and int(number) in host.meetings:
                return host, host.meetings[int(number)]
        raise no_meeting(number)

    def _set_status(self, number: int, status: str) -> None:
        with self.lock:
            self._find(str(number))[1].status = status

    def _limits(self, refused: Refused) -> dict[str, str]:
        if refused.status != 429 or not self.tells_limits:
            return {}
        if "daily" not in refused.body["message"]:
            return {"X-RateLimit-Category": "Light", "X-RateLimit-Type": "QPS", "Retry-After": "2"}
        midnight = (self.now() + timedelta(days=1)).astimezone(UTC).replace(hour=0, minute=0, second=0)
        until = midnight.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"X-RateLimit-Category": "Light", "X-RateLimit-Type": "Daily-limit", "Retry-After": until}


_TYPES = ("scheduled", "live", "upcoming")


def _is_listed(meeting: Meeting, kind: str, now: datetime) -> bool:
    if kind == "live":
        return meeting.status == "started"
    return kind == "scheduled" or meeting.status == "started" or meeting.starts_at > now - _PAST


def _require(grant: Grant, granular: str, classic: str) -> None:
    """Raises Refused with 400, which is how Zoom says that a scope is missing."""
    if not {granular, f"{granular}:admin", classic, f"{classic}:admin"} & set(grant.scopes):
        raise Refused(400, 4711, f"Invalid access token, does not contain scopes:[{granular}].")
