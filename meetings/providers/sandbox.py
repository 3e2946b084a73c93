"""The double for development: pretend rooms on this site. Offered only while DEBUG is on."""

from __future__ import annotations

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from meetings.providers.base import Access, Room, RoomMaker, RoomRequest


class SandboxProvider(RoomMaker):
    label = _("Sandbox room")

    def __init__(self, *, site_url: str) -> None:
        self.site_url = site_url

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        """Reckon the room from the key: asking twice gives the same room."""
        return self._room(salted_hmac("meetings.sandbox", request.key).hexdigest()[:20])

    def move(self, external_id: str, request: RoomRequest, access: Access | None) -> Room:
        """Return the same room: it has no time of its own."""
        return self._room(external_id)

    def cancel(self, external_id: str, access: Access | None) -> None:
        """Nothing is kept of a pretend room, so nothing has to be closed."""

    def check(self, external_id: str, access: Access | None) -> Room:
        return self._room(external_id)

    def _room(self, code: str) -> Room:
        address = f"{self.site_url}/sandbox/room/{code}"
        return Room(external_id=code, join_url_tutor=address, join_url_student=address)
