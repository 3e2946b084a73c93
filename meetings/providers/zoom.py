"""Zoom: a scheduled meeting for each lesson, in the tutor's account or in one of the site's owner.

A repeated create makes another meeting, and there is no handle against it: each carries a marker in its agenda, and
whatever an earlier try may have made is looked for first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.outside import TIME_LIMIT, TIMEOUTS, Patience
from meetings.errors import ConnectionBroken, ProviderCannot, ProviderMisconfigured, ProviderTrouble, ProviderUnavailable
from meetings.providers.base import Access, FoundRoom, Owner, Person, Room, RoomMaker, RoomRequest, Visitor
from meetings.providers.zoom_api import ENDED, IN_PROGRESS, NO_MEETING, NO_USER, ZoomApi
from meetings.providers.zoom_hosts import hosts_of, is_cut_short
from meetings.providers.zoom_words import (
    ENDS_AFTER_40_MINUTES,
    FREE_MINUTES,
    SETTINGS,
    WITHOUT_HOST,
    Answer,
    Marker,
    body_of,
    changes_of,
    effective,
    instant_of,
    number_of,
    room_of,
    way_of_host,
)

log = logging.getLogger("linkpool.meetings")

PAGE_SIZE = "100"  # a list of 300 with long titles is more than an answer may be
MOST_PAGES = 100
AT_THE_DOOR = Patience((2.0, 4.0), 4.0)  # somebody waits there, and may come in without what is asked for
IS_PERSONAL = _("This Zoom account puts all meetings into its personal room, where strangers may be. Another way is taken.")

IS_NO_USER = _("There is no Zoom user with your address in the account of this site. Another way is taken.")


class ZoomProvider(RoomMaker):
    label = "Zoom"
    summary = _("A Zoom meeting of its own for each session, with a waiting room.")
    calls_a_day: ClassVar[int | None] = 100

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        api_url: str,
        mark: str,
        account_id: str = "",
        host: str = "",
        timeouts: tuple[float, float] = TIMEOUTS,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.owners = frozenset({Owner.SITE if account_id else Owner.TUTOR})
        self._client_id, self._client_secret = client_id, client_secret
        self._account_id, self._host = account_id, host
        self.hosts_are_tutors = bool(account_id) and not host
        self._marker = Marker(mark)
        self._api_url = api_url.rstrip("/")
        self._api = ZoomApi(self._api_url, Patience(timeouts, time_limit))
        self._door = ZoomApi(self._api_url, AT_THE_DOOR.at_most(Patience(timeouts, time_limit)))
        self._schemes = frozenset({"https", urlsplit(api_url).scheme})

    @property
    def is_configured(self) -> bool:
        return bool(self._client_id and self._client_secret)

    def doubts(self) -> list[str]:
        found = []
        if bool(self._client_id) != bool(self._client_secret):
            found.append(gettext("Only one of ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET is set, so Zoom is not offered."))
        if (self._account_id or self._host) and not self.is_configured:
            found.append(gettext("ZOOM_ACCOUNT_ID or ZOOM_HOST is set without ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET."))
        if self._host and not self._account_id:
            found.append(gettext("ZOOM_HOST is set without ZOOM_ACCOUNT_ID, so it is not used."))
        return found

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        opened = _opened(access)
        if not request.is_first_try and (before := self._look_for(request.key, opened, self._home(request.tutor, opened))):
            return self.move(number_of(before), request, opened)
        home = self._home(request.tutor, opened)
        settings = SETTINGS if self._has_host(request, opened) else WITHOUT_HOST
        body = body_of(request, self._marker, settings=settings, now=datetime.now(UTC))
        return self._room_for(request, self._ask_of(home, opened, "POST", body=body), opened)

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        opened = _opened(access)
        meeting = self._read(external_id, opened)
        changes = changes_of(meeting, request, now=datetime.now(UTC))
        if changes:
            self._api.ask(opened, "PATCH", _place(external_id), body=changes)
            meeting = self._read(external_id, opened)  # the answer to a change is empty
        return self._room_for(request, meeting, opened)

    def cancel(self, external_id: str, access: Access | None) -> None:
        silently = {"schedule_for_reminder": "false", "cancel_meeting_reminder": "false"}
        try:
            self._api.ask(_opened(access), "DELETE", _place(external_id), query=silently)
        except ProviderTrouble as trouble:
            if (trouble.status, trouble.code) not in ((404, NO_MEETING), (400, IN_PROGRESS), (400, ENDED)):
                raise
            log.info("meeting not deleted at its provider", extra={"provider": "zoom", "reason": trouble.detail})

    def check(self, external_id: str, access: Access | None) -> Room:
        return self._room(self._read(external_id, _opened(access)))

    def way_in(self, address: str, external_id: str, visitor: Visitor, access: Access | None) -> str:
        """Return for the tutor what lets the host in, whoever is signed in to Zoom on the device; for students `address`.

        With another account the tutor would wait with the student, and nobody be there to let them in. Never with the
        account of the site: the tutor would be signed in as its owner.
        """
        if not visitor.is_tutor or access is None or access.owner is not Owner.TUTOR:
            return address
        return way_of_host(self._door.ask(access, "GET", _place(external_id)), api_url=self._api_url) or address

    def find(self, key: str, access: Access | None, tutor: Person) -> Room | None:
        """Look only where `create` makes them: a walk through all users of a large account outlasts whoever waits for it."""
        opened = _opened(access)
        try:
            found = self._look_for(key, opened, self._home(tutor, opened))
        except ProviderCannot as trouble:
            if trouble.code != NO_USER:
                raise
            return None
        return self._room(found) if found else None

    def list_rooms(self, access: Access | None, *, since: datetime) -> Iterable[FoundRoom]:
        opened = _opened(access)
        for home in hosts_of(self._api, opened, self._host):
            for meeting in self._meetings_of(home, opened):
                key, starts_at = self._marker.key_in(meeting.get("agenda")), instant_of(meeting.get("start_time"))
                if key is not None and (starts_at is None or starts_at >= since):
                    yield FoundRoom(key, number_of(meeting), starts_at)

    def _home(self, tutor: Person, access: Access) -> str:
        """Return whose meetings these are: an app that a tutor connected may only say "me"."""
        return "me" if access.owner is Owner.TUTOR else quote(self._host or tutor.email, safe="")

    def _has_host(self, request: RoomRequest, access: Access) -> bool:
        """Say whether the tutor is the meeting's host, who lets people in."""
        return access.owner is Owner.TUTOR or not self._host or self._host.lower() == request.tutor.email.lower()

    def _ask_of(self, home: str, access: Access, method: str, **sent: Mapping[str, Any]) -> Answer:
        """Ask of somebody's meetings. Raises ProviderCannot where a tutor is no user of the site's account."""
        try:
            return self._api.ask(access, method, f"/users/{home}/meetings", **sent)
        except ProviderMisconfigured as trouble:
            if trouble.code != NO_USER or self._host:
                raise
            raise ProviderCannot(IS_NO_USER, detail=trouble.detail, code=NO_USER, status=trouble.status) from None

    def _read(self, external_id: str, access: Access) -> Answer:
        return self._api.ask(access, "GET", _place(external_id))

    def _look_for(self, key: str, access: Access, home: str) -> Answer | None:
        every = self._meetings_of(home, access)
        return next((one for one in every if self._marker.key_in(one.get("agenda")) == key), None)

    def _meetings_of(self, home: str, access: Access) -> Iterator[Answer]:
        """Yield all that are scheduled: those to come, those under way, and those whose start is just past."""
        query = {"type": "scheduled", "page_size": PAGE_SIZE}
        for _page in range(MOST_PAGES):
            answer = self._ask_of(home, access, "GET", query=query)
            meetings = answer.get("meetings")
            if not isinstance(meetings, list):
                raise ProviderUnavailable(detail="answered without a list of meetings")
            yield from (one for one in meetings if isinstance(one, dict))
            following = answer.get("next_page_token")
            if not isinstance(following, str) or not following:
                return
            query["next_page_token"] = following
        raise ProviderUnavailable(detail="the list of meetings does not end")

    def _room_for(self, request: RoomRequest, meeting: Answer, access: Access) -> Room:
        """Return the room as Zoom will really hold it.

        Raises ProviderCannot if that is a room of many, ProviderMisconfigured if nobody could enter it.
        """
        if effective(meeting, "use_pmi"):
            self.cancel(number_of(meeting), access)
            raise ProviderCannot(IS_PERSONAL, detail="the account's policy puts meetings into the personal room")
        if not self._has_host(request, access) and not effective(meeting, "join_before_host"):
            self.cancel(number_of(meeting), access)
            raise ProviderMisconfigured(detail="the account's policy lets nobody in before the host of ZOOM_HOST")
        room = self._room(meeting)
        if request.during.minutes > FREE_MINUTES and not room.remark:
            home = self._home(request.tutor, access)
            if is_cut_short(self._api, access, home, account=f"{self._api_url} {access.account} {home}"):
                return replace(room, remark=ENDS_AFTER_40_MINUTES)
        return room

    def _room(self, meeting: Answer) -> Room:
        return room_of(meeting, schemes=self._schemes)


def _opened(access: Access | None) -> Access:
    if access is None:
        raise ConnectionBroken(detail="no account")
    return access


def _place(external_id: str) -> str:
    return f"/meetings/{quote(external_id, safe='')}"
