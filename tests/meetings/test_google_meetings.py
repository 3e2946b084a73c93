"""Paid sessions of tutors who teach at Google, from the payment to the closed room, with a pretend Google."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.doubles.server import Fault
from bookings.models import Booking, Tutor, User
from bookings.rescheduling import move_booking
from meetings import closing
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_events import instant_of
from meetings.errors import MeetingInTheMaking, ProviderUnavailable
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.upkeep import make_round
from tests.factories import an_hour, make_booking, make_link, make_tutor, tomorrow
from tests.meetings.google_site import connect_google, site_with_google
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)
State = VendorRoom.State


@pytest.fixture
def google(settings: Any) -> Iterator[GoogleDouble]:
    """Google, whose links are there at once."""
    with site_with_google(settings) as double:
        double.hold_conferences(reads=0)
        yield double


@pytest.fixture
def tutor(google: GoogleDouble) -> Tutor:
    tutor = make_tutor(meeting_provider="google")
    connect_google(tutor, google)
    return tutor


def planned(tutor: Tutor, student: User) -> Meeting:
    booking = make_booking(student, tutor, during=an_hour(OLD), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def held(google: GoogleDouble) -> dict[str, datetime]:
    events = [event for account in google.accounts.values() for event in account.events.values()]
    return {event["id"]: instant_of(event["start"]) for event in events if event["status"] != "cancelled"}


def addresses(meeting: Meeting) -> tuple[str, str, str]:
    return meeting.external_id, meeting.join_url_tutor, meeting.join_url_student


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


def try_again_later(meeting: Meeting) -> None:
    """Try as often as it takes, the pauses between left out."""
    for minutes in (2, 4, 6, 8):
        with later(minutes=minutes):
            try:
                provision_meeting(meeting)
            except MeetingInTheMaking:
                continue
            break
    meeting.refresh_from_db()


def close_rooms() -> None:
    with later(minutes=10):
        make_round(timezone.now())
        for room in VendorRoom.objects.filter(state=State.CLOSING):
            closing.close_room(room.pk)


def test_session_is_held_at_google_with_one_call(google: GoogleDouble, tutor: Tutor, sam: User):
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.status, ready.provider) == (Meeting.Status.READY, "google")
    assert held(google) == {ready.external_id: OLD}
    assert ready.join_url_student.startswith("https://meet.google.com/")
    assert [call.what for call in ProviderCall.objects.all()] == ["create"]


@pytest.mark.defect("CE-24")
def test_link_that_takes_its_time_is_waited_for(google: GoogleDouble, tutor: Tutor, sam: User):
    google.hold_conferences(reads=2)
    meeting = planned(tutor, sam)
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.join_url_student) == (Meeting.Status.WAITING, "")
    try_again_later(meeting)
    assert meeting.status == Meeting.Status.READY
    assert held(google) == {meeting.external_id: OLD}


@pytest.mark.defect("CE-24")
def test_link_that_never_comes_leads_to_the_pool_and_leaves_no_event(google: GoogleDouble, tutor: Tutor, sam: User):
    link = make_link()
    google.fail_conferences(2)
    meeting = planned(tutor, sam)
    try_again_later(meeting)
    assert (meeting.provider, meeting.link) == ("pool", link)
    close_rooms()
    assert held(google) == {}


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER, Fault.CUT])
def test_session_whose_answer_was_lost_has_one_event(google: GoogleDouble, tutor: Tutor, sam: User, fault: Fault):
    meeting = planned(tutor, sam)
    google.fail_next(fault, "POST /calendar")
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    with later(minutes=5):
        ready = provision_meeting(meeting)
    assert held(google) == {ready.external_id: OLD}


def test_two_who_make_one_session_make_one_event(google: GoogleDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    race(lambda _number: provision_meeting(Meeting.objects.get(pk=meeting.pk)), threads=4)
    meeting.refresh_from_db()
    assert held(google) == {meeting.external_id: OLD}


def test_moved_session_keeps_its_link_at_the_new_time(google: GoogleDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    before = addresses(provision_meeting(meeting))
    move_booking(meeting.booking, starts_at=NEW, who=sam)
    after = provision_meeting(meeting)
    assert addresses(after) == before
    assert held(google) == {after.external_id: NEW}


def test_session_whose_event_the_tutor_deleted_gets_another_when_it_moves(google: GoogleDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    before = addresses(provision_meeting(meeting))
    google.delete_event(tutor.user.email, before[0])
    move_booking(meeting.booking, starts_at=NEW, who=sam)
    after = provision_meeting(meeting)
    assert not set(addresses(after)) & set(before)
    assert held(google) == {after.external_id: NEW}


def test_event_that_was_deleted_before_we_heard_of_it_is_made_under_another_id(
    google: GoogleDouble, tutor: Tutor, sam: User
):
    meeting = planned(tutor, sam)
    google.fail_next(Fault.RESET, "POST /calendar")
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    [lost] = held(google)
    google.delete_event(tutor.user.email, lost)
    with later(minutes=5):
        ready = provision_meeting(meeting)
    assert ready.external_id != lost
    assert held(google) == {ready.external_id: OLD}


def test_cancelled_session_leaves_nothing_in_the_calendar(google: GoogleDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    provision_meeting(meeting)
    cancel_booking(meeting.booking, who=sam, seen=meeting.booking.net)
    close_rooms()
    assert held(google) == {}
    assert VendorRoom.objects.get().state == State.CLOSED


def test_account_over_its_quota_rests_and_the_pool_holds_the_session(google: GoogleDouble, tutor: Tutor, sam: User):
    link = make_link()
    google.set_quota(tutor.user.email, "quotaExceeded")
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.provider, ready.link) == ("pool", link)
    paused = VideoConnection.objects.get().paused_until
    assert paused is not None
    assert timedelta(hours=5) < paused - timezone.now() <= timedelta(hours=6)


@pytest.mark.defect("IT-18")
def test_withdrawn_consent_is_told_and_the_session_is_held_elsewhere(google: GoogleDouble, tutor: Tutor, sam: User):
    link = make_link()
    google.revoke_grant(tutor.user.email)
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.provider, ready.link) == ("pool", link)
    assert VideoConnection.objects.get().status == VideoConnection.Status.BROKEN
