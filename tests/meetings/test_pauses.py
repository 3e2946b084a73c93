"""A vendor that asks for a pause of more than two minutes is left alone by every session of the account."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Tutor
from bookings.rescheduling import move_booking
from meetings import upkeep
from meetings.calls import note_call
from meetings.errors import NoLinkLeft, ProviderUnavailable
from meetings.models import Meeting, VideoConnection
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.rooms import settle_account
from tests.factories import an_hour, make_link, make_tutor, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.meetings.making import paid_booking

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)


def planned(tutor: Tutor, *, start: datetime = START) -> Meeting:
    meeting = plan_meeting(paid_booking(an_hour(start), tutor=tutor))
    assert meeting is not None
    return meeting


@pytest.mark.parametrize("provider", ["zoom", "acme"])
def test_vendor_that_asks_for_hours_is_left_alone_by_all_sessions_of_the_account(acme: Acme, ada: Tutor, provider: str):
    """Told by one call, for the account of a tutor and for the keys of the site alike."""
    ada.meeting_provider = provider
    ada.save()
    connect(ada)
    acme.plan = [ProviderUnavailable(after=timedelta(hours=2))]
    meetings = [planned(ada, start=START + timedelta(hours=2 * number)) for number in range(2)]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _hour in range(2):
            for meeting in meetings:
                with pytest.raises(NoLinkLeft):
                    provision_meeting(meeting)
            upkeep.try_vendors_again(timezone.now())
            clock.shift(timedelta(minutes=59))
        assert acme.calls == ["create"]
        clock.shift(timedelta(minutes=3))
        assert [provision_meeting(meeting).provider for meeting in meetings] == [provider] * 2


def test_longer_pause_of_an_account_stands(acme: Acme, ada: Tutor):
    ada.meeting_provider = "zoom"
    ada.save()
    connection, now = connect(ada), timezone.now()
    VideoConnection.objects.update(paused_until=now + timedelta(hours=5))
    with note_call(provider="zoom", what="cancel", connection=connection) as call:
        raise ProviderUnavailable(after=timedelta(minutes=3))
    settle_account(connection, call)
    connection.refresh_from_db()
    assert connection.paused_until == now + timedelta(hours=5)


def test_room_that_was_made_waits_with_its_new_time_for_a_vendor_that_asks_to(acme: Acme):
    make_link()
    meeting = provision_meeting(planned(make_tutor(meeting_provider="acme")))
    move_booking(meeting.booking, starts_at=START + timedelta(hours=20), who=meeting.booking.student)
    upkeep.follow_moved()
    acme.plan = [ProviderUnavailable(after=timedelta(hours=2))]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with pytest.raises(ProviderUnavailable):
            provision_meeting(meeting)
        meeting.refresh_from_db()
        assert (meeting.provider, meeting.next_attempt_at) == ("acme", timezone.now() + timedelta(hours=2))
        clock.shift(timedelta(hours=2))
        assert provision_meeting(meeting).external_id == "room-1"
    assert acme.calls == ["create", "move", "move"]
