"""Google Calendar v3 as a double: events with a Meet link that is made a while later, and only where asked for."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bookings.doubles.server import Answer, Request
from meetings.doubles.google_books import (
    CALENDAR_LIST,
    EVENTS,
    Account,
    GoogleBooks,
    Refused,
    Thing,
    Token,
    calendar_no,
    json_body,
    unknown_in,
)
from meetings.doubles.google_events import MEET, check_event, check_times, instant_of, merge_patch
from meetings.doubles.google_fields import with_fields

BASE = "/calendar/v3"
_EVENT = re.compile(r"/calendars/([^/]+)/events(?:/([^/]+))?")
_WRITING = dict.fromkeys(("conferenceDataVersion", "sendUpdates"))
_QUERIES: dict[str, dict[str, Any]] = {
    "POST": _WRITING,
    "PATCH": _WRITING,
    "DELETE": {"sendUpdates": None},
    "GET": dict.fromkeys(
        ("fields", "maxResults", "orderBy", "pageToken", "privateExtendedProperty", "showDeleted", "singleEvents", "timeMin")
    ),
}
_LIMITS = {"rateLimitExceeded": "Rate Limit Exceeded", "quotaExceeded": "Calendar usage limits exceeded."}


class GoogleCalendar(GoogleBooks):
    """`pending_reads`: how often an event is read before its link is there. `page_size`: the most in one page of a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pending_reads = 1
        self.page_size = 250
        self.failing = 0  # so many of the next conferences fail
        self.mails: list[tuple[str, str, str]] = []  # (what, event, sendUpdates): invitations that Google sent

    # What happens there without us.

    def fail_conferences(self, times: int = 1) -> None:
        """Have the next conferences that are asked for end in "failure"."""
        with self.lock:
            self.failing = times

    def hold_conferences(self, reads: int = 1_000_000) -> None:
        """Have the conferences asked for from now on stay pending for so many reads."""
        with self.lock:
            self.pending_reads = reads

    def allow_meet(self, account: str, is_allowed: bool) -> None:
        with self.lock:
            self.account(account).can_meet = is_allowed

    def set_quota(self, account: str, reason: str = "") -> None:
        """Refuse all changes of this person with 403 and that reason; "" ends it."""
        with self.lock:
            self.account(account).quota = reason

    def delete_event(self, account: str, event: str) -> None:
        """Delete it by hand, as people do in their calendar."""
        with self.lock:
            self.account(account).events[event]["status"] = "cancelled"

    def change_event(self, account: str, event: str, changes: Thing) -> None:
        """Change it by hand."""
        with self.lock:
            kept = self.account(account).events
            kept[event] = merge_patch(kept[event], changes)

    # What programs ask.

    def answer_calendar(self, request: Request, token: Token | None) -> Answer:
        if token is None:
            raise calendar_no(401, "authError", "Invalid Credentials")
        path = request.path.removeprefix(BASE)
        if (request.method, path) == ("GET", "/users/me/calendarList/primary"):
            return Answer(200, self._calendar_of(token))
        found = _EVENT.fullmatch(path)
        if found is None:
            raise calendar_no(404, "notFound", "Not Found")
        self._check(request, token)
        calendar, event = found.groups()
        if calendar not in ("primary", token.account.email):
            raise calendar_no(404, "notFound", "Not Found")
        match request.method, event:
            case "POST", None:
                return Answer(200, self._insert(token.account, request))
            case "GET", None:
                return Answer(200, with_fields(self._list(token.account, request), _first(request, "fields", "")))
            case "GET", _:
                return Answer(200, with_fields(self._read(token.account, event), _first(request, "fields", "")))
            case "PATCH", _:
                return Answer(200, self._patch(token.account, event, request))
            case "DELETE", _:
                return self._delete(token.account, event, request)
        raise calendar_no(404, "notFound", "Not Found")

    def _check(self, request: Request, token: Token) -> None:
        if not token.scopes & EVENTS:
            message = "Request had insufficient authentication scopes."
            refused = calendar_no(403, "insufficientPermissions", message)
            details = [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
            raise Refused(403, {"error": {**refused.body["error"], "status": "PERMISSION_DENIED", "details": details}})
        if wrong := unknown_in(request.query, _QUERIES.get(request.method, {})):
            raise calendar_no(400, "invalidParameter", f"Unknown parameter: {wrong}")
        if _first(request, "sendUpdates", "none") not in ("all", "externalOnly", "none"):
            raise calendar_no(400, "invalidParameter", "Invalid value for: sendUpdates")
        if not self.count(token.account.asked, self.requests_a_minute):
            raise calendar_no(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")
        if request.method != "GET" and (reason := token.account.quota):
            raise calendar_no(403, reason, _LIMITS.get(reason, reason), domain="usageLimits")

    def _calendar_of(self, token: Token) -> Thing:
        if not token.scopes & CALENDAR_LIST:
            raise calendar_no(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        allowed = [MEET] if token.account.can_meet else []
        email = token.account.email
        return {
            "kind": "calendar#calendarListEntry",
            "id": email,
            "summary": email,
            "accessRole": "owner",
            "primary": True,
            "conferenceProperties": {"allowedConferenceSolutionTypes": allowed},
        }

    def _insert(self, account: Account, request: Request) -> Thing:
        sent = json_body(request, calendar_no(400, "parseError", "Parse Error"))
        check_event(sent, account)
        check_times(sent)
        identity = sent.get("id") or f"made{len(account.events):08d}"
        if identity in account.events:  # a deleted one keeps its id for good
            raise calendar_no(409, "duplicate", "The requested identifier already exists.")
        conference = sent.pop("conferenceData", None)
        event = {
            "kind": "calendar#event",
            "status": "confirmed",
            **sent,
            "id": identity,
            "iCalUID": f"{identity}@google.com",
            "htmlLink": f"https://www.google.com/calendar/event?eid={identity}",
            "sequence": 0,
            "created": self._stamp(),
            "organizer": {"email": account.email, "self": True},
        }
        self._ask_conference(event, conference, account, request)
        account.events[identity] = event
        self._mail("invited", event, request)
        return _shown(event)

    def _read(self, account: Account, identity: str) -> Thing:
        event = account.events.get(identity)
        if event is None:
            raise calendar_no(404, "notFound", "Not Found")
        self._grow(event, account)
        return _shown(event)

    def _patch(self, account: Account, identity: str, request: Request) -> Thing:
        event = account.events.get(identity)
        if event is None:
            raise calendar_no(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            raise calendar_no(410, "deleted", "Resource has been deleted")
        if event["organizer"]["email"] != account.email:
            raise calendar_no(403, "forbiddenForNonOrganizer", "Shared properties can only be changed by the organizer.")
        sent = json_body(request, calendar_no(400, "parseError", "Parse Error"))
        check_event({name: value for name, value in sent.items() if value is not None}, account)
        conference = sent.pop("conferenceData", None)
        changed = merge_patch(event, sent)
        check_times(changed)
        if (changed["start"], changed["end"]) != (event["start"], event["end"]):
            changed["sequence"] = event["sequence"] + 1
        self._ask_conference(changed, conference, account, request)
        account.events[identity] = changed
        self._mail("changed" if event.get("attendees") else "invited", changed, request)
        return _shown(changed)

    def _delete(self, account: Account, identity: str, request: Request) -> Answer:
        event = account.events.get(identity)
        if event is None:
            raise calendar_no(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            raise calendar_no(410, "deleted", "Resource has been deleted")
        event["status"] = "cancelled"
        self._mail("cancelled", event, request)
        return Answer(204, None)

    def _list(self, account: Account, request: Request) -> Thing:
        wanted = [text.partition("=")[::2] for text in request.query.get("privateExtendedProperty", [])]
        since = instant_of({"dateTime": _first(request, "timeMin", "1970-01-01T00:00:00Z")})
        deleted = _first(request, "showDeleted", "false") == "true"
        found = [
            event
            for event in account.events.values()
            if (deleted or event["status"] != "cancelled")
            and instant_of(event["end"]) > since
            and all(_property(event, name) == value for name, value in wanted)
        ]
        begin = int(_first(request, "pageToken", "0"))
        most = min(self.page_size, int(_first(request, "maxResults", "250")))
        told: Thing = {"kind": "calendar#events", "items": [_shown(one) for one in found[begin : begin + most]]}
        return told | ({"nextPageToken": str(begin + most)} if begin + most < len(found) else {})

    # Conferences.

    def _ask_conference(self, event: Thing, sent: Any, account: Account, request: Request) -> None:
        """Begin to make a conference. Without conferenceDataVersion=1 what was sent is passed over in silence."""
        if sent is None or _first(request, "conferenceDataVersion", "0") != "1":
            return
        asked = sent.get("createRequest", {})
        if not asked.get("requestId"):
            raise calendar_no(400, "invalid", "Missing conference request id.")
        if asked.get("conferenceSolutionKey", {}).get("type") != MEET or not account.can_meet:
            raise calendar_no(400, "invalid", "Invalid conference type value.")
        known = event.get("conferenceData", {}).get("createRequest", {})
        if known.get("requestId") == asked["requestId"]:
            return
        event["conferenceData"] = {"createRequest": {**asked, "status": {"statusCode": "pending"}}}
        event["_reads"], event["_fails"] = self.pending_reads, self.failing > 0
        self.failing = max(0, self.failing - 1)
        if self.pending_reads == 0:
            self._grow(event, account)

    def _grow(self, event: Thing, account: Account) -> None:
        """Come one read nearer to the conference."""
        request = event.get("conferenceData", {}).get("createRequest", {})
        if request.get("status", {}).get("statusCode") != "pending":
            return
        event["_reads"] -= 1
        if event["_reads"] > 0:
            return
        if event["_fails"]:
            request["status"] = {"statusCode": "failure"}
            return
        request["status"] = {"statusCode": "success"}
        space = self.new_space(account.email, is_ours=False)
        phone = {"entryPointType": "phone", "uri": "tel:+62-21-0000-0000", "pin": "123456789"}
        video = {"entryPointType": "video", "uri": space.uri, "label": space.uri.removeprefix("https://")}
        event["conferenceData"] |= {
            "conferenceId": space.code,
            "conferenceSolution": {"key": {"type": MEET}, "name": "Google Meet"},
            "entryPoints": [phone, video],
        }
        event["hangoutLink"] = space.uri

    def _mail(self, what: str, event: Mapping[str, Any], request: Request) -> None:
        updates = _first(request, "sendUpdates", "none")
        if updates != "none" and event.get("attendees"):
            self.mails.append((what, event["id"], updates))

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _shown(event: Mapping[str, Any]) -> Thing:
    return {name: copy.deepcopy(value) for name, value in event.items() if not name.startswith("_")}


def _property(event: Mapping[str, Any], name: str) -> Any:
    return event.get("extendedProperties", {}).get("private", {}).get(name)


def _first(request: Request, name: str, default: str) -> str:
    return request.query.get(name, [default])[0]
