"""The site has another account of its own at a vendor: what stands in the old one stays, the new one knows nothing of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from bookings.models import Booking, User
from meetings import closing, connections
from meetings.connections import access_to, connection_of_site
from meetings.errors import ConnectionBroken, RoomGone
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.planning import drop_meeting, move_meeting, plan_meeting
from meetings.providers.base import Access, FoundRoom, Owner, Room, RoomRequest
from meetings.provisioning import provision_meeting
from meetings.reconciliation import Difference, reconcile
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.meetings.acme import ACME, Acme, AcmeMaker

pytestmark = pytest.mark.django_db
OLD, NEW = "old@acme.test", "new@acme.test"
START = tomorrow(12, days=3)


class AcmeOfSite(AcmeMaker):
    """Each account of the site knows the rooms that it made itself."""

    owners = frozenset({Owner.SITE})
    made_by: dict[str, str] = {}

    def create(self, request: RoomRequest, access: Access | None) -> Room:
        room = super().create(request, access)
        assert access is not None
        self.made_by[room.external_id] = access.account
        return room

    def cancel(self, external_id: str, access: Access | None) -> None:
        if self._knows(external_id, access):
            super().cancel(external_id, access)

    def check(self, external_id: str, access: Access | None) -> Room:
        if not self._knows(external_id, access):
            raise RoomGone
        return super().check(external_id, access)

    def list_rooms(self, access: Access | None, *, since: datetime) -> list[FoundRoom]:
        return [one for one in super().list_rooms(access, since=since) if self._knows(one.external_id, access)]

    def _knows(self, external_id: str, access: Access | None) -> bool:
        return access is not None and self.made_by[external_id] == access.account


def use(settings: Any, account: str) -> None:
    entry = {
        "BACKEND": f"{__name__}.AcmeOfSite",
        "OPTIONS": {},
        "SITE_ACCESS": {"BACKEND": "tests.meetings.consenting.SiteKeys", "OPTIONS": {"account": account}},
    }
    settings.MEETING_PROVIDERS = {"pool": settings.MEETING_PROVIDERS["pool"], "zoom": entry}


@pytest.fixture
def meeting(acme: Acme, settings: Any) -> Meeting:
    """A session of the day after tomorrow in a room of the old account, which has given way since."""
    use(settings, OLD)
    tutor = make_tutor(meeting_provider="zoom")
    planned = plan_meeting(make_booking(make_user(), tutor, during=an_hour(START), status=Booking.Status.PAID))
    assert planned is not None
    ready = provision_meeting(planned)
    use(settings, NEW)
    return ready


def compare() -> list[str]:
    told: list[Difference] = []
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        reconcile(timezone.now(), tell=told.append)
    return [str(one) for one in told]


def old_account() -> VideoConnection:
    row: VideoConnection = VideoConnection.objects.get(account=OLD)
    return row


@pytest.mark.parametrize("is_replaced", [False, True])
def test_rooms_of_the_old_account_are_not_looked_for_with_the_new_one(meeting: Meeting, is_replaced: bool):
    if is_replaced:
        connection_of_site("zoom")

    assert compare() == [f"zoom: no answer: Zoom: {OLD} (the site has another account there now)"]

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.external_id) == (True, "room-1")
    assert old_account().status == "active"


def test_room_of_the_old_account_is_not_closed_and_says_why(meeting: Meeting, settings: Any):
    drop_meeting(meeting.booking)
    room = VendorRoom.objects.get()
    assert not closing.close_room(room.pk)
    room.refresh_from_db()
    assert (room.state, room.last_error) == ("closing", str(connections.OTHER_ACCOUNT))

    use(settings, OLD)
    VendorRoom.objects.update(next_attempt_at=timezone.now())
    assert closing.close_room(room.pk)
    assert ACME.open_rooms() == []


def test_session_that_moves_gets_a_room_in_the_new_account(meeting: Meeting):
    later = an_hour(START + timedelta(hours=2))
    Booking.objects.update(during=(later.start, later.end), blocks=(later.start, later.end))
    move_meeting(meeting.booking)

    moved = provision_meeting(meeting)

    assert (moved.provider, moved.external_id, AcmeOfSite.made_by[moved.external_id]) == ("zoom", "room-2", NEW)
    assert (moved.passed_over, VideoConnection.objects.filter(status="broken").count()) == ([], 0)
    assert VendorRoom.objects.get(external_id="room-1").state == "closing"


def test_staff_are_told_once_what_the_old_account_leaves_behind(meeting: Meeting, root: User, drain: Drain):
    for _time in range(2):
        connection_of_site("zoom")
    drain()
    (letter,) = [one for one in mail.outbox if "another account at Zoom" in one.subject]
    assert f"The one before, {OLD}, still has sessions to come: 1\n" in letter.body


def test_old_account_without_sessions_to_come_is_told_to_nobody(meeting: Meeting, root: User, drain: Drain):
    drop_meeting(meeting.booking)
    connection_of_site("zoom")
    drain()
    assert [one.subject for one in mail.outbox if "another account" in one.subject] == []


def test_account_without_a_name_gets_that_of_the_settings(meeting: Meeting):
    """As in rows from before names were kept for every account."""
    VideoConnection.objects.update(account="")
    row = connection_of_site("zoom")
    assert (VideoConnection.objects.count(), row.account) == (1, NEW)
    row.refresh_from_db()
    assert row.account == NEW
    assert access_to(row).account == NEW


def test_old_account_opens_nothing(meeting: Meeting):
    with pytest.raises(ConnectionBroken):
        access_to(old_account())
