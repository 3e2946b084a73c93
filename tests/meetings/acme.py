"""A vendor in this process, for tests of what we make of its answers: its books, and what goes wrong at the next call."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bookings.times import During
from meetings.errors import ProviderCannot, ProviderUnavailable, RoomGone
from meetings.providers.base import Access, FoundRoom, Owner, Person, Room, RoomMaker, RoomRequest


@dataclass
class Held:
    key: str
    during: During
    is_open: bool = True
    pending: int = 0  # how many more times it says that it needs longer


@dataclass
class Acme:
    """The vendor. `plan` holds what happens at the next calls, in order: an error is raised before anything is done,
    `lost` after it, a function is called in the middle, with the room made already.
    """

    rooms: dict[str, Held] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    plan: list[Exception | Callable[[], Any] | str] = field(default_factory=list)
    pending: int = 0  # of rooms made from now on
    number: int = 0
    dice: random.Random | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open_rooms(self) -> list[Held]:
        return [held for held in self.rooms.values() if held.is_open]

    def room_for(self, request: RoomRequest) -> str:
        """The number of the room with this key, made if there was none."""
        with self.lock:
            known = next((number for number, held in self.rooms.items() if held.key == request.key), None)
            if known is not None:
                return known
            self.number += 1
            made = f"room-{self.number}"
            self.rooms[made] = Held(request.key, request.during, pending=self.pending)
            return made

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        self.calls.append(what)
        step = self.plan.pop(0) if self.plan else self._mishap()
        if isinstance(step, Exception):
            raise step
        yield
        if step == "lost":
            raise ProviderUnavailable(detail="the answer was lost")
        if callable(step):
            step()

    def _mishap(self) -> Exception | Callable[[], Any] | str | None:
        """With dice, a quarter of the calls go wrong and the others take their time."""
        if self.dice is None:
            return None
        roll, pause = self.dice.random(), self.dice.random() / 50
        if roll < 0.10:
            return "lost"
        if roll < 0.20:
            return ProviderUnavailable(detail="nothing was done")
        return ProviderCannot() if roll < 0.24 else lambda: time.sleep(pause)

    def room(self, external_id: str) -> Room:
        held = self.rooms.get(external_id)
        if held is None or not held.is_open:
            raise RoomGone
        if held.pending > 0:
            held.pending -= 1
            return Room(external_id)
        address = f"https://acme.test/{external_id}"
        return Room(external_id, f"{address}/tutor", f"{address}/student")


ACME = Acme()


class AcmeMaker(RoomMaker):
    """Asks Acme with the keys of the site."""

    label = "Acme"

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        with ACME.call("create"):
            return ACME.room(ACME.room_for(request))

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        with ACME.call("move"):
            made = ACME.room(external_id)
            ACME.rooms[external_id].during = request.during
        return made

    def cancel(self, external_id: str, access: Access | None) -> None:
        with ACME.call("cancel"):
            if external_id in ACME.rooms:
                ACME.rooms[external_id].is_open = False

    def check(self, external_id: str, access: Access | None) -> Room:
        with ACME.call("check"):
            return ACME.room(external_id)

    def find(self, key: str, access: Access | None, tutor: Person) -> Room | None:
        with ACME.call("find"):
            found = [number for number, held in ACME.rooms.items() if held.key == key and held.is_open]
        return Room(found[0]) if found else None

    def list_rooms(self, access: Access | None, *, since: datetime) -> list[FoundRoom]:
        with ACME.call("list"):
            mine = [(number, held) for number, held in ACME.rooms.items() if held.is_open and held.during.start > since]
        return [FoundRoom(held.key, number, held.during.start) for number, held in mine]


class AcmeOfTutors(AcmeMaker):
    """Asks Acme with the account of the tutor, which may make three rooms a day."""

    owners = frozenset({Owner.TUTOR})
    calls_a_day = 3
