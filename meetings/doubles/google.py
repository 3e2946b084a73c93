"""A pretend Google on a local port: consent and tokens, Calendar, Meet. Its addresses are those of the settings."""

from __future__ import annotations

import copy
import time
from typing import Any, ClassVar

from bookings.doubles.server import Answer, Fault, Request
from meetings.doubles.google_books import Refused, calendar_no
from meetings.doubles.google_calendar import BASE, GoogleCalendar
from meetings.doubles.google_meet import GoogleMeet
from meetings.doubles.google_oauth import GoogleOAuth

RETRY_AFTER = 7  # seconds


class GoogleDouble(GoogleOAuth, GoogleCalendar, GoogleMeet):
    """Google as far as meetings need it."""

    verbs: ClassVar[frozenset[str]] = frozenset(
        [
            "add_service_account",
            "allow_meet",
            "change_event",
            "consent",
            "delete_event",
            "deny",
            "expire_tokens",
            "fail_conferences",
            "forget_space",
            "hold_conferences",
            "pass_time",
            "refuse_next",
            "revoke_grant",
            "set_access",
            "set_quota",
            "start_call",
            "stop_call",
        ]
    )

    @property
    def settings(self) -> dict[str, str]:
        """What a site is started with to talk to this one."""
        return {
            "GOOGLE_CLIENT_ID": self.client_id,
            "GOOGLE_CLIENT_SECRET": self.client_secret,
            "GOOGLE_AUTHORIZE_URL": f"{self.url}/o/oauth2/v2/auth",
            "GOOGLE_TOKEN_URL": f"{self.url}/token",
            "GOOGLE_CALENDAR_URL": f"{self.url}{BASE}",
            "GOOGLE_MEET_URL": self.url,
        }

    def token_for(self, email: str, *scopes: str) -> str:
        """Return an access token of this person with those rights, without any consent page."""
        with self.lock:
            return self.allow(self.account(email), frozenset(scopes))

    def answer(self, request: Request) -> Answer:
        try:
            self._refuse_if_told(request)
            if (answer := self.answer_oauth(request)) is not None:
                return answer
            if request.path.startswith(BASE):
                return self.answer_calendar(request, self.bearer(request))
            if request.path.startswith("/v2/"):
                return self.answer_meet(request, self.bearer(request))
            raise calendar_no(404, "notFound", "Not Found")
        except Refused as refused:
            return Answer(refused.status, refused.body)

    def respond(self, request: Request) -> tuple[Answer, Fault | None]:
        if self.pause:
            time.sleep(self.pause)
        return super().respond(request)

    def error(self, status: int) -> Answer:
        reason, name = ("rateLimitExceeded", "RESOURCE_EXHAUSTED") if status == 429 else ("backendError", "INTERNAL")
        error = {"code": status, "message": name, "status": name, "errors": [{"domain": "global", "reason": reason}]}
        return Answer(status, {"error": error}, {"Retry-After": str(RETRY_AFTER)} if status == 429 else {})

    def state(self) -> dict[str, Any]:
        """Return what it knows: events and rights of each person, rooms, mails that it sent."""
        return {
            "accounts": {
                email: {
                    "events": copy.deepcopy(account.events),
                    "granted": sorted(account.granted),
                    "refresh_tokens": len(account.refresh_tokens),
                }
                for email, account in self.accounts.items()
            },
            "spaces": [
                {
                    "name": one.name,
                    "code": one.code,
                    "made_by": one.made_by,
                    "config": {**one.config},
                    "call": one.conference,
                }
                for one in self.spaces.values()
            ],
            "mails": list(self.mails),
        }

    def _refuse_if_told(self, request: Request) -> None:
        asked = f"{request.method} {request.path}"
        for number, (beginning, status, body) in enumerate(self.refusals):
            if asked.startswith(beginning):
                del self.refusals[number]
                raise Refused(status, body)
