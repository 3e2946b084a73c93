"""What a pretend Google knows: people, their consents and calendars, and rooms of Meet. And how it says no."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bookings.doubles.server import Double, Request

Thing = dict[str, Any]
MINUTE = 60
TOKEN_SECONDS = 3599
MOST_REFRESH_TOKENS = 100  # of one person for one client: the oldest dies without a word

GOOGLE = "https://www.googleapis.com/auth/"
EMAIL = f"{GOOGLE}userinfo.email"  # what "email" is called once it is granted
EVENTS = frozenset([f"{GOOGLE}calendar", f"{GOOGLE}calendar.events", f"{GOOGLE}calendar.events.owned"])
CALENDAR_LIST = frozenset(
    [f"{GOOGLE}calendar{name}" for name in ("", ".readonly", ".calendarlist", ".calendarlist.readonly")]
)
SPACES_CREATED = f"{GOOGLE}meetings.space.created"  # rooms that the Meet API made for us
SPACES_SETTINGS = f"{GOOGLE}meetings.space.settings"  # the settings of any room of the person
SPACES = frozenset([SPACES_CREATED, SPACES_SETTINGS])
KNOWN_SCOPES = {"openid", "email", EMAIL, *EVENTS, *CALENDAR_LIST, *SPACES}
PERSONAL = ("gmail.com", "googlemail.com")


class Refused(Exception):
    """A request that Google says no to, in the form of the service that says it."""

    def __init__(self, status: int, body: Thing) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body}")


def calendar_no(status: int, reason: str, message: str = "", *, domain: str = "global") -> Refused:
    """Return a refusal as Calendar v3 words it."""
    message = message or reason
    error = {"domain": domain, "reason": reason, "message": message}
    return Refused(status, {"error": {"code": status, "message": message, "errors": [error]}})


def meet_no(status: int, name: str, message: str = "", *, reason: str = "") -> Refused:
    """Return a refusal as Meet v2 words it."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return Refused(status, {"error": {"code": status, "message": message or name, "status": name, "details": details}})


def oauth_no(status: int, error: str, description: str = "") -> Refused:
    """Return a refusal as the token endpoint words it."""
    return Refused(status, {"error": error, "error_description": description or error})


@dataclass
class Account:
    """A person at Google with the primary calendar, or a robot (a service account acting for itself)."""

    email: str
    can_meet: bool = True
    is_robot: bool = False
    access_type: str = ""  # of the rooms it makes, where that is not what is usual for such an account
    quota: str = ""  # the reason with which all its changes are refused: "quotaExceeded", ...
    granted: set[str] = field(default_factory=set)
    events: dict[str, Thing] = field(default_factory=dict)
    refresh_tokens: list[str] = field(default_factory=list)
    asked: deque[float] = field(default_factory=deque)  # when Calendar was called
    created: deque[float] = field(default_factory=deque)  # when spaces were made

    @property
    def usual_access(self) -> str:
        """Return whom its rooms let in without knocking, unless they are told otherwise."""
        is_personal = self.email.rpartition("@")[2] in PERSONAL
        return self.access_type or ("RESTRICTED" if is_personal else "TRUSTED")

    @property
    def sub(self) -> str:
        return str(int(hashlib.sha256(self.email.encode()).hexdigest()[:16], 16))


@dataclass(frozen=True)
class Token:
    account: Account
    scopes: frozenset[str]
    ends_at: float


@dataclass(frozen=True)
class Grant:
    account: Account
    scopes: frozenset[str]


@dataclass
class Space:
    """A room of Meet; `made_by` is whose it is."""

    name: str
    code: str
    made_by: str
    is_ours: bool  # made through the Meet API, so meetings.space.created may end a call in it
    config: Thing
    conference: str = ""  # of the call that is running
    members: dict[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"https://meet.google.com/{self.code}"


class GoogleBooks(Double):
    """The books behind all the services. `requests_a_minute` is Calendar's limit for one person."""

    def __init__(
        self,
        *,
        client_id: str = "client.apps.googleusercontent.com",
        client_secret: str = "secret-of-the-client",  # noqa: S107 - of a pretend client
        requests_a_minute: int = 600,
        pause: float = 0,
        port: int = 0,
        silence: float = 60,
        seed: int = 1,
    ) -> None:
        """`pause` is how long each answer takes, in seconds."""
        super().__init__(port=port, silence=silence, seed=seed)
        self.client_id, self.client_secret = client_id, client_secret
        self.requests_a_minute, self.pause = requests_a_minute, pause
        self.ahead = 0.0  # seconds by which its clock is ahead of ours
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.grants: dict[str, Grant] = {}  # by refresh token
        self.spaces: dict[str, Space] = {}  # by name
        self.refusals: list[tuple[str, int, Thing]] = []  # for the next requests whose "METHOD /path" begins so

    def now(self) -> float:
        return time.time() + self.ahead

    def pass_time(self, seconds: float) -> None:
        """Let time pass here only: tokens expire, quotas fill up again."""
        with self.lock:
            self.ahead += seconds

    def account(self, email: str) -> Account:
        """Return this person, who may be new."""
        with self.lock:
            return self.accounts.setdefault(email, Account(email))

    def allow(self, account: Account, scopes: frozenset[str], *, seconds: float = TOKEN_SECONDS) -> str:
        """Return an access token."""
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.tokens[token] = Token(account, scopes, self.now() + seconds)
        return token

    def refuse_next(self, asked: str, status: int, body: Thing) -> None:
        """Answer the next request that begins so, such as "POST /calendar", with this; nothing is done."""
        with self.lock:
            self.refusals.append((asked, status, body))

    def bearer(self, request: Request) -> Token | None:
        """Return the token of the request while it is good."""
        scheme, _space, word = request.headers.get("Authorization", "").partition(" ")
        token = self.tokens.get(word) if scheme == "Bearer" else None
        return token if token is not None and token.ends_at > self.now() else None

    def count(self, times: deque[float], most: int) -> bool:
        """Note one more in this minute and say whether that is still allowed."""
        while times and times[0] <= self.now() - MINUTE:
            times.popleft()
        if len(times) >= most:
            return False
        times.append(self.now())
        return True

    def new_space(self, made_by: str, *, is_ours: bool) -> Space:
        letters = "".join(secrets.choice("abcdefghijkmnopqrstuvwxyz") for _ in range(10))
        code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
        config = {"accessType": self.account(made_by).usual_access, "entryPointAccess": "ALL"}
        space = Space(f"spaces/{secrets.token_urlsafe(9)}", code, made_by, is_ours, config)
        self.spaces[space.name] = space
        return space

    def find_space(self, name: str) -> Space | None:
        """Return it by its name, with or without "spaces/", by its code or by its address."""
        word = name.removeprefix("https://meet.google.com/").removeprefix("spaces/")
        found = self.spaces.get(f"spaces/{word}")
        return found or next((one for one in self.spaces.values() if one.code == word.lower()), None)


def json_body(request: Request, refuse: Refused) -> Thing:
    """Return the JSON object that came. Raises `refuse` if it is none."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise refuse from None
    if not isinstance(body, dict):
        raise refuse
    return body


def unknown_in(thing: Mapping[str, Any], known: Mapping[str, Any], path: str = "") -> str:
    """Return the first field that the vendor does not know, as `a.b`, or "". `known` maps a name to what is inside it."""
    for name, value in thing.items():
        if name not in known:
            return f"{path}{name}"
        inside = known[name]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(inside, dict) and isinstance(one, dict) and (wrong := unknown_in(one, inside, f"{path}{name}.")):
                return wrong
    return ""
