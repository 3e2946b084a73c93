"""Google: a lesson is an event in a calendar, and the event has a Meet link.

The event's id is reckoned from the request's key, so asking twice gives one event (Calendar answers 409 the second
time). The link comes later: Google makes it while we read the event again. A deleted event keeps its id, so a room that
somebody deleted comes back only under a new key.

Nobody is invited to a room before people get into it: an event of the site's account is made without guests, who are
invited when its door is open. A room that is given up on the way there is no news to anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.outside import USUAL_PATIENCE, Patience
from meetings.errors import ProviderCannot, ProviderMisconfigured, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.providers.base import Access, FoundRoom, Owner, Person, Room, RoomMaker, RoomRequest
from meetings.providers.google_ability import why_it_cannot_meet
from meetings.providers.google_api import HAS_NO_CALENDAR, GoogleApi
from meetings.providers.google_doors import kinds_entered, open_door
from meetings.providers.google_events import (
    SECOND_TRY,
    Event,
    asked_with,
    changes_of,
    code_of,
    conference_request,
    conference_status,
    during_of,
    enters_by,
    event_id,
    invitation,
    is_cancelled,
    is_near,
    key_of,
    new_event,
    room_of,
    waiting_guests,
)
from meetings.providers.google_service import doubts_about_service_account
from meetings.providers.meet_spaces import MeetSpaces

EVENTS = "/calendars/primary/events"
# A page must fit into ANSWER_LIMIT of bookings/outside.py: an event whole, with its conference, takes some two kilobytes.
PAGE = "100"
LISTED = "nextPageToken,items(id,status,start,end,extendedProperties/private)"
MOST_PAGES = 500
NO_LINK_COMES = _("Google could not make a Meet link for this session. Another way is taken.")


class GoogleProvider(RoomMaker):
    label = "Google Meet"
    summary = _("Sessions are put into a Google calendar, each with a Google Meet link of its own.")
    owners = frozenset({Owner.TUTOR, Owner.SITE})

    def __init__(
        self,
        *,
        calendar_url: str,
        meet_url: str,
        mark: str,
        client_id: str = "",
        client_secret: str = "",
        service_account_file: str = "",
        delegated_user: str = "",
        invites: bool = False,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:
        """By `mark` this site knows its own events. `invites`: Google invites both sides, who then see the address early."""
        self._calendar, self._spaces = GoogleApi(calendar_url, patience), MeetSpaces(meet_url, patience)
        self._mark = mark
        self._client = (client_id, client_secret)
        self._service = (service_account_file, delegated_user)
        self.invites = invites

    @property
    def is_configured(self) -> bool:
        return all(self._client) or all(self._service)

    def doubts(self) -> list[str]:
        found = doubts_about_service_account(*self._service)
        if any(self._client) and not all(self._client):
            found.append(str(_("Only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET is set; Google needs both.")))
        return found

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        """Insert the event, or take the one that this key has already, at the lesson's time.

        Raises RoomGone if that one was deleted: its id can never be used again, another key is needed.
        """
        account = _opened(access)
        event = self._insert(request, account) or self._adopt(request, account)
        return self._room(event, account, request)

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        """Send what differs, if anything does, and read the event again: the answer to a change may lack the link."""
        account = _opened(access)
        event = self._read(external_id, account)
        return self._room(self._changed(event, request, account), account, request)

    def cancel(self, external_id: str, access: Access | None) -> None:
        account = _opened(access)
        try:
            query = {"sendUpdates": self._telling_of_end(external_id, account)}
            self._calendar.ask(account, "DELETE", _path(external_id), query=query)
        except RoomGone:
            return

    def check(self, external_id: str, access: Access | None) -> Room:
        account = _opened(access)
        event = self._read(external_id, account)
        room = self._room(event, account)
        if room.is_pending or account.owner is Owner.SITE or not is_near(event):
            return room
        return replace(room, is_in_use=self._is_in_use(event, account))

    def find(self, key: str, access: Access | None, tutor: Person) -> Room | None:
        try:
            event = self._read(event_id(key, self._mark), _opened(access))
        except RoomGone:
            return None
        return room_of(event)

    def end(self, external_id: str, access: Access | None) -> None:
        """End the call, where the account gave leave to and Google allows it for this room; else nothing happens."""
        account = _opened(access)
        try:
            code = code_of(self._read(external_id, account))
            space = self._spaces.look_at_space(code, account) if code else None
            if space is not None and space.is_in_use:
                self._spaces.end_conference(space.name, account)
        except ProviderUnavailable:
            raise
        except ProviderTrouble:
            return

    def list_rooms(self, access: Access | None, *, since: datetime) -> Iterator[FoundRoom]:
        """Return the events of the calendar that carry the mark of this site and start after then (UTC)."""
        account = _opened(access)
        query = {
            "privateExtendedProperty": f"site={self._mark}",
            "timeMin": since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "singleEvents": "true",
            "maxResults": PAGE,
            "fields": LISTED,
        }
        for _page in range(MOST_PAGES):
            answer = self._calendar.ask(account, "GET", EVENTS, query=query)
            yield from _found(answer, since)
            token = answer.get("nextPageToken")
            if not isinstance(token, str) or not token:
                return
            query["pageToken"] = token
        raise ProviderUnavailable(detail="the list of events never ends")

    def why_it_cannot_host(self, access: Access) -> str | Promise | None:
        return why_it_cannot_meet(self._calendar, access)

    # One step each.

    def _insert(self, request: RoomRequest, account: Access) -> Event | None:
        """Return the new event, None where the id is taken."""
        body = self._new_event(request, account)
        try:
            return self._calendar.ask(account, "POST", EVENTS, body=body, query=self._writing(body))
        except RoomGone as error:  # 404 of a whole calendar
            raise ProviderCannot(HAS_NO_CALENDAR, detail=error.detail, code=error.code, status=error.status) from None
        except ProviderUnavailable as error:
            if error.status != 409:
                raise
            return None

    def _new_event(self, request: RoomRequest, account: Access) -> Event:
        """Return the event to insert; in the site's own account its guests wait for the door."""
        guests = self._guests(request, account)
        if account.owner is not Owner.SITE:
            return new_event(request, mark=self._mark, guests=guests)
        enters = kinds_entered(request.tutor.email, account.account, guests=guests)
        return new_event(request, mark=self._mark, enters=enters, waiting=guests)

    def _adopt(self, request: RoomRequest, account: Access) -> Event:
        """Return the event that is there for this key, at the lesson's time: it may have moved since it was made."""
        event = self._read(event_id(request.key, self._mark), account)
        if key_of(event) != request.key:
            raise ProviderMisconfigured(detail="the event of this id is not ours")
        return self._changed(event, request, account)

    def _changed(self, event: Event, request: RoomRequest, account: Access) -> Event:
        changes = changes_of(event, request)
        if not changes:
            return event
        # Without conferenceData in it the link stays as it is; the guests, too, as long as they are not named.
        self._calendar.ask(account, "PATCH", _path(event["id"]), body=changes, query=self._writing(event))
        return self._read(event["id"], account)

    def _room(self, event: Event, account: Access, request: RoomRequest | None = None) -> Room:
        """Return the room; one of the site's account only when people get in and are invited.

        What `request` lacks the event tells.
        """
        event = self._with_link(event, account)
        room = room_of(event)
        if room.is_pending or account.owner is not Owner.SITE:
            return room
        waiting = waiting_guests(event) if self.invites else []
        guests = event.get("attendees") or waiting
        known = enters_by(event) if request is None else kinds_entered(request.tutor.email, account.account, guests=guests)
        space = open_door(self._spaces, code_of(event), account, host_enters=known)
        if waiting:
            body = invitation(waiting)
            self._calendar.ask(account, "PATCH", _path(room.external_id), body=body, query=self._writing(body))
        return replace(room, is_in_use=space is not None and space.is_in_use)

    def _with_link(self, event: Event, account: Access) -> Event:
        """Return the event; a link that failed, or was taken out, is asked for once more under another request id."""
        if conference_status(event) not in ("failure", ""):
            return event
        if asked_with(event).endswith(SECOND_TRY):
            raise ProviderCannot(NO_LINK_COMES, detail="the conference failed twice", code="failure")
        request_id = key_of(event) + SECOND_TRY
        body = {
            "conferenceData": conference_request(request_id),
            "extendedProperties": {"private": {"asked": request_id}},
        }
        return self._calendar.ask(account, "PATCH", _path(room_of(event).external_id), body=body, query=self._writing(event))

    def _read(self, external_id: str, account: Access) -> Event:
        """Return the event. Raises RoomGone if it is deleted: Calendar shows such an event as cancelled."""
        event = self._calendar.ask(account, "GET", _path(external_id))
        if is_cancelled(event):
            raise RoomGone(detail="the event was deleted", code="cancelled")
        return {**event, "id": external_id}

    def _is_in_use(self, event: Event, account: Access) -> bool:
        """Say whether a call is running; where Meet does not tell, nobody knows of one."""
        try:
            return self._spaces.look_at_space(code_of(event), account).is_in_use
        except ProviderTrouble:
            return False

    def _guests(self, request: RoomRequest, account: Access) -> list[Person]:
        """Return who is invited: the organizer, the owner of the calendar, is never among the guests."""
        if not self.invites:
            return []
        people = [request.tutor, request.student] if account.owner is Owner.SITE else [request.student]
        return [one for one in people if one.email.lower() != account.account.lower()]

    def _writing(self, event: Event) -> dict[str, str]:
        """Without conferenceDataVersion the whole conference is passed over in silence, at every write."""
        return {"conferenceDataVersion": "1", "sendUpdates": self._telling(event)}

    def _telling(self, event: Event) -> str:
        """Return whom Google tells of a change to this event: its guests, where it has any."""
        return "all" if self.invites and event.get("attendees") else "none"

    def _telling_of_end(self, external_id: str, account: Access) -> str:
        """Return whom Google tells that the event is deleted. Raises RoomGone if it is."""
        if self.invites and account.owner is Owner.SITE:  # it may never have had its guests
            return self._telling(self._read(external_id, account))
        return "all" if self.invites else "none"


def _opened(access: Access | None) -> Access:
    if access is None:
        raise ProviderMisconfigured(detail="no account was handed over")
    return access


def _path(external_id: Any) -> str:
    if not isinstance(external_id, str) or not external_id.isalnum():
        raise ProviderMisconfigured(detail="no id of an event")
    return f"{EVENTS}/{external_id}"


def _found(answer: Event, since: datetime) -> Iterator[FoundRoom]:
    events = answer.get("items")
    for event in events if isinstance(events, list) else []:
        if not isinstance(event, dict):
            continue
        during = during_of(event)
        if key_of(event) and not is_cancelled(event) and (during is None or during.start >= since):
            yield FoundRoom(key_of(event), str(event.get("id", "")), during.start if during else None)
