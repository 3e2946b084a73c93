"""100ms: a room for each lesson, found again by its name; one code opens it for the tutor, another for the student.

A code is the permission, whoever shows it: the tutor's never reaches a student, and after the lesson the room is shut.
A room without codes is useless, so nothing is told of it before both are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext_lazy as _

from bookings.outside import TIME_LIMIT, TIMEOUTS, Patience
from meetings.errors import ProviderMisconfigured, ProviderUnavailable, RoomGone
from meetings.providers.base import Access, FoundRoom, Person, Room, RoomMaker, RoomRequest, Visitor
from meetings.providers.hundredms_api import HundredmsApi
from meetings.providers.hundredms_set_up import SetUp
from meetings.providers.words import one_line

Answer = dict[str, Any]

LEAST_SECONDS, MOST_SECONDS = 120, 43_200
EARLY_AND_LATE = 60 * 60  # seconds: who comes before the start, and a lesson that runs over, are not cut off
LONGEST_DESCRIPTION = 200
LONGEST_NAME = 60
PAGE_SIZE = "100"
MOST_PAGES = 1000
_ID = re.compile(r"[\w-]{1,100}")
_CODE = re.compile(r"[\w-]{3,60}")


class HundredmsProvider(RoomMaker):
    label = "100ms"
    summary = _("A video room in the browser for each session; nobody needs an account.")

    def __init__(
        self,
        *,
        access_key: str,
        secret: str,
        template_id: str,
        subdomain: str,
        tutor_role: str,
        student_role: str,
        region: str,
        api_url: str,
        mark: str,
        timeouts: tuple[float, float] = TIMEOUTS,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._set_up = SetUp(access_key, secret, template_id, subdomain, tutor_role, student_role)
        self._region, self._mark = region, mark
        patience = Patience(timeouts, time_limit)
        self._api = HundredmsApi(api_url, access_key=access_key, secret=secret, patience=patience)

    @property
    def is_configured(self) -> bool:
        return self._set_up.is_whole

    def doubts(self) -> list[str]:
        return list(self._set_up.doubts())

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        """Ask for the room by its name: one that is there is answered, brought up to date."""
        try:
            return self._opened(self._api.ask("POST", "/rooms", body=self._body_of(request)))
        except RoomGone as trouble:  # between the room and its codes; or the template is what is not there
            raise ProviderUnavailable(detail=trouble.detail, code=trouble.code, status=trouble.status) from None

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        """Return the same room, open: it has no time of its own."""
        return self._opened(self._read(external_id))

    def cancel(self, external_id: str, access: Access | None) -> None:
        """Shut the room and send out whoever is in it. There is no way to delete one."""
        try:
            self._api.ask("POST", _place(external_id), body={"enabled": False})
        except RoomGone:
            return
        leaving = {"reason": "The session has ended.", "lock": True}
        try:
            self._api.ask("POST", f"/active-rooms/{quote(external_id, safe='')}/end-room", body=leaving)
        except (RoomGone, ProviderMisconfigured) as trouble:
            if trouble.status == 401:
                raise
            # Nobody is in it: nothing to end.

    def end(self, external_id: str, access: Access | None) -> None:
        self.cancel(external_id, access)

    def check(self, external_id: str, access: Access | None) -> Room:
        """Return the room. One that somebody has shut is gone: nobody can enter it."""
        found = self._read(external_id)
        if found.get("enabled") is False:
            raise RoomGone(detail="the room is disabled")
        return self._linked(external_id, is_in_use=self._is_in_use(external_id))

    def way_in(self, address: str, external_id: str, visitor: Visitor, access: Access | None) -> str:
        """Tell 100ms who comes: nobody has to type a name, and its own lists of who was there can be read."""
        told = {"userId": visitor.code, "name": one_line(visitor.name, most=LONGEST_NAME)}
        known = urlencode({name: value for name, value in told.items() if value}, quote_via=quote)
        return f"{address}{'&' if '?' in address else '?'}{known}" if known else address

    def find(self, key: str, access: Access | None, tutor: Person) -> Room | None:
        """Return the room, pending where its codes were never made."""
        name = self._name_of(key)
        for room in self._rooms({"name": name, "enabled": "true"}):
            if str(room.get("name")).lower() == name:
                return self._room_of(_id_of(room), self._codes_there(_id_of(room)))
        return None

    def list_rooms(self, access: Access | None, *, since: datetime) -> Iterable[FoundRoom]:
        """Return all that are open: rooms have no time here, so `since` leaves none out."""
        for room in self._rooms({"enabled": "true"}):
            name, ours = str(room.get("name")).lower(), self._name_of("")
            if name.startswith(ours) and name != ours:
                yield FoundRoom(name.removeprefix(ours).upper(), _id_of(room), None)

    def _name_of(self, key: str) -> str:
        """Return the name of a lesson's room: with the site's mark, for an existing name means an existing room."""
        return f"{self._mark}-{key}".lower()

    def _body_of(self, request: RoomRequest) -> Answer:
        seconds = request.during.minutes * 60 + EARLY_AND_LATE
        return {
            "name": self._name_of(request.key),
            "description": one_line(request.title, most=LONGEST_DESCRIPTION),
            "template_id": self._set_up.template_id,  # left out, it would be one with other roles
            "region": self._region,
            "max_duration_seconds": max(LEAST_SECONDS, min(seconds, MOST_SECONDS)),
        }

    def _read(self, external_id: str) -> Answer:
        return self._api.ask("GET", _place(external_id))

    def _opened(self, room: Answer) -> Room:
        """Return the room with both its codes, open again if it was shut."""
        number = _id_of(room)
        if room.get("enabled") is False:
            self._api.ask("POST", _place(number), body={"enabled": True})
        try:
            return self._linked(number)
        except ProviderMisconfigured as trouble:
            if trouble.status != 403 or self._read(number).get("enabled") is not False:
                raise
        self._api.ask("POST", _place(number), body={"enabled": True})  # shut meanwhile
        return self._linked(number)

    def _linked(self, number: str, *, is_in_use: bool = False) -> Room:
        """Return the room with its two addresses, making the codes if they are not there.

        Raises ProviderMisconfigured if the template does not have both roles.
        """
        codes = self._codes_there(number)
        if not self._set_up.roles <= codes.keys():
            codes = _codes_in(self._api.ask("POST", _codes_place(number), body={}))
        lacking = ", ".join(sorted(self._set_up.roles - codes.keys()))
        if lacking:
            raise ProviderMisconfigured(detail=f"the template has no role {lacking}"[:200])
        return self._room_of(number, codes, is_in_use=is_in_use)

    def _codes_there(self, number: str) -> dict[str, str]:
        return _codes_in(self._api.ask("GET", _codes_place(number), query={"enabled": "true", "limit": PAGE_SIZE}))

    def _room_of(self, number: str, codes: dict[str, str], *, is_in_use: bool = False) -> Room:
        tutors, students = codes.get(self._set_up.tutor_role), codes.get(self._set_up.student_role)
        if tutors is None or students is None:
            return Room(number)
        if tutors == students:
            raise ProviderMisconfigured(detail="tutor and student have the same code")
        return Room(number, self._set_up.address_of(tutors), self._set_up.address_of(students), is_in_use)

    def _is_in_use(self, number: str) -> bool:
        found = self._api.ask("GET", "/sessions", query={"room_id": number, "active": "true"}).get("data")
        return isinstance(found, list) and bool(found)

    def _rooms(self, wanted: dict[str, str]) -> Iterator[Answer]:
        query = {**wanted, "limit": PAGE_SIZE}
        for _page in range(MOST_PAGES):
            answer = self._api.ask("GET", "/rooms", query=query)
            rooms, last = answer.get("data") or [], answer.get("last")
            if not isinstance(rooms, list):
                raise ProviderUnavailable(detail="answered without a list of rooms")
            yield from (room for room in rooms if isinstance(room, dict))
            if not rooms or not isinstance(last, str) or not last or last == query.get("start"):
                return
            query["start"] = last
        raise ProviderUnavailable(detail="the list of rooms does not end")


def _codes_in(answer: Answer) -> dict[str, str]:
    """Return a code that works for each role, the oldest one where there are several."""
    found: dict[str, str] = {}
    codes = answer.get("data")
    for one in codes if isinstance(codes, list) else []:
        code, role = (one.get("code"), one.get("role")) if isinstance(one, dict) else (None, None)
        if isinstance(code, str) and isinstance(role, str) and _CODE.fullmatch(code) and one.get("enabled") is not False:
            found.setdefault(role, code)
    return found


def _id_of(room: Answer) -> str:
    number = room.get("id")
    if not isinstance(number, str) or not _ID.fullmatch(number):
        raise ProviderUnavailable(detail="answered without a room's number")
    return number


def _place(external_id: str) -> str:
    return f"/rooms/{quote(external_id, safe='')}"


def _codes_place(number: str) -> str:
    return f"/room-codes/room/{quote(number, safe='')}"
