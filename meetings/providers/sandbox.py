"""The double for development: pretend rooms on this site, made well, slowly or not at all. Only while DEBUG is on."""

from __future__ import annotations

import time
from enum import StrEnum

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from meetings.errors import ProviderCannot, ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Access, Room, RoomMaker, RoomRequest

SLOW_SECONDS = 10
_DAY = 86_400


class Mood(StrEnum):
    """How the sandbox treats whoever asks for a room."""

    WORKS = "works"
    SLOW = "slow"  # the room is there at once, its address comes some seconds later
    SILENT = "silent"  # nobody answers
    REFUSES = "refuses"  # not with this account
    MISCONFIGURED = "misconfigured"  # refused for good


_REFUSALS = {
    Mood.SILENT: ProviderUnavailable,
    Mood.REFUSES: ProviderCannot,
    Mood.MISCONFIGURED: ProviderMisconfigured,
}


def sandbox_mood() -> Mood:
    """Return what somebody chose on the sandbox's page for all processes; it is forgotten after a day."""
    return Mood(cache.get("meetings.sandbox.mood") or Mood.WORKS)


def set_sandbox_mood(mood: Mood) -> None:
    cache.set("meetings.sandbox.mood", mood.value, _DAY)


class SandboxProvider(RoomMaker):
    label = _("Sandbox room")
    summary = _("Pretend rooms on this site, for trying things out.")

    def __init__(self, *, site_url: str) -> None:
        self.site_url = site_url

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        """Reckon the room from the key: asking twice gives the same room."""
        mood = _mind()
        code = salted_hmac("meetings.sandbox", request.key).hexdigest()[:20]
        if mood is Mood.SLOW:
            cache.add(_slow_key(code), time.time() + SLOW_SECONDS, _DAY)
        return self._room(code)

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        """Return the same room: it has no time of its own."""
        _mind()
        return self._room(external_id)

    def cancel(self, external_id: str, access: Access | None) -> None:
        """Nothing is kept of a pretend room, so nothing has to be closed."""

    def check(self, external_id: str, access: Access | None) -> Room:
        _mind()
        return self._room(external_id)

    def _room(self, code: str) -> Room:
        if time.time() < cache.get(_slow_key(code), 0):
            return Room(external_id=code)
        address = f"{self.site_url}/sandbox/room/{code}"
        return Room(external_id=code, join_url_tutor=address, join_url_student=address)


def _mind() -> Mood:
    """Return the mood, or fail as it says."""
    mood = sandbox_mood()
    if mood in _REFUSALS:
        raise _REFUSALS[mood](detail="the sandbox was told to")
    return mood


def _slow_key(code: str) -> str:
    return f"meetings.sandbox.slow:{code}"
