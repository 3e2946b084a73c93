"""The double for development: pretend rooms on this site. Offered only while DEBUG is on."""

from __future__ import annotations

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from meetings.providers.base import Room, RoomMaker, RoomRequest


class SandboxProvider(RoomMaker):
    label = _("Sandbox room")

    def __init__(self, *, site_url: str) -> None:
        self.site_url = site_url

    def create(self, request: RoomRequest) -> Room:
        """Reckon the room from the key: asking twice gives the same room."""
        code = salted_hmac("meetings.sandbox", request.key).hexdigest()[:20]
        address = f"{self.site_url}/sandbox/room/{code}"
        return Room(external_id=code, join_url_tutor=address, join_url_student=address)

    def cancel(self, external_id: str) -> None:
        """Nothing is kept of a pretend room, so nothing has to be closed."""
