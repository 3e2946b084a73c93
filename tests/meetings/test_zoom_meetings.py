"""Paid sessions of tutors who teach at Zoom or at 100ms, from the payment to the closed room, with pretend vendors."""

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
from meetings.connections import connection_of_site
from meetings.doubles.hundredms import HundredmsDouble
from meetings.doubles.zoom import ZoomDouble
from meetings.doubles.zoom_books import CALLS_A_DAY
from meetings.errors import ProviderCannot, ProviderUnavailable
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.planning import drop_meeting, plan_meeting
from meetings.provisioning import provision_meeting
from meetings.upkeep import make_round
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_tutor, make_user, tomorrow
from tests.meetings.making import make_call
from tests.meetings.providers.hundredms_vendor import HundredmsVendor
from tests.meetings.providers.scripted import ScriptedVendor
from tests.meetings.providers.zoom_vendor import ZoomVendor
from tests.meetings.zoom_site import HOST, connect_zoom, host_for_all, site_with_hundredms, site_with_zoom
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)
State = VendorRoom.State


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomDouble]:
    with site_with_zoom(settings) as double:
        yield double


@pytest.fixture
def tutor(zoom: ZoomDouble) -> Tutor:
    """A tutor who has connected Zoom."""
    tutor = make_tutor(meeting_provider="zoom")
    connect_zoom(tutor, zoom)
    return tutor


def planned(tutor: Tutor, student: User, *, at: datetime = OLD) -> Meeting:
    booking = make_booking(student, tutor, during=an_hour(at), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def held(zoom: ZoomDouble) -> dict[str, Any]:
    return {str(one.id): one.starts_at for host in zoom.hosts.values() for one in host.meetings.values()}


def addresses(meeting: Meeting) -> tuple[str, str, str]:
    return meeting.external_id, meeting.join_url_tutor, meeting.join_url_student


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


def test_session_is_held_at_zoom_with_one_call(zoom: ZoomDouble, tutor: Tutor, sam: User):
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.status, ready.provider) == (Meeting.Status.READY, "zoom")
    assert held(zoom) == {ready.external_id: OLD}
    assert ready.join_url_student == ready.join_url_tutor
    assert "zak" not in ready.join_url_tutor
    assert [one.method for one in zoom.requests if "meetings" in one.path] == ["POST"]
    assert [call.what for call in ProviderCall.objects.all()] == ["create"]


@pytest.mark.defect("IT-03")
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR_AFTER, Fault.CUT])
def test_session_whose_answer_was_lost_has_one_meeting(zoom: ZoomDouble, tutor: Tutor, sam: User, fault: Fault):
    meeting = planned(tutor, sam)
    zoom.fail_next(fault, "POST /v2/users")
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    with later(minutes=5):
        ready = provision_meeting(meeting)
    assert held(zoom) == {ready.external_id: OLD}


@pytest.mark.defect("IT-03")
def test_two_who_make_one_session_make_one_meeting(zoom: ZoomDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    race(lambda _number: provision_meeting(Meeting.objects.get(pk=meeting.pk)), threads=4)
    meeting.refresh_from_db()
    assert held(zoom) == {meeting.external_id: OLD}


@pytest.mark.defect("IT-18")
def test_many_sessions_with_an_old_token_renew_it_once(zoom: ZoomDouble, tutor: Tutor, sam: User, kim: User):
    first = planned(tutor, sam)
    booking = make_booking(kim, tutor, during=an_hour(NEW), status=Booking.Status.PAID)
    second = plan_meeting(booking)
    assert second is not None
    zoom.expire_tokens()
    keys = (first.pk, second.pk)
    race(lambda number: provision_meeting(Meeting.objects.get(pk=keys[number])), threads=2)
    assert Meeting.objects.filter(status=Meeting.Status.READY, provider="zoom").count() == 2
    assert sum(one.path == "/oauth/token" for one in zoom.requests) == 1
    assert VideoConnection.objects.get().status == VideoConnection.Status.ACTIVE


def test_moved_session_keeps_its_meeting_at_the_new_time(zoom: ZoomDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    before = addresses(provision_meeting(meeting))
    move_booking(meeting.booking, starts_at=NEW, who=sam)
    after = provision_meeting(meeting)
    assert addresses(after) == before
    assert held(zoom) == {after.external_id: NEW}


def test_session_whose_meeting_was_deleted_at_zoom_gets_another_when_it_moves(zoom: ZoomDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    before = addresses(provision_meeting(meeting))
    zoom.delete_meeting(int(before[0]))
    move_booking(meeting.booking, starts_at=NEW, who=sam)
    after = provision_meeting(meeting)
    assert not set(addresses(after)) & set(before)
    assert held(zoom) == {after.external_id: NEW}


def test_cancelled_session_leaves_nothing_at_zoom(zoom: ZoomDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    provision_meeting(meeting)
    cancel_booking(meeting.booking, who=sam, seen=meeting.booking.net)
    with later(minutes=10):
        make_round(timezone.now())
        for room in VendorRoom.objects.filter(state=State.CLOSING):
            closing.close_room(room.pk)
    assert held(zoom) == {}
    assert VendorRoom.objects.get().state == State.CLOSED


def test_full_day_at_zoom_is_held_with_a_link_of_the_pool(zoom: ZoomDouble, tutor: Tutor, sam: User):
    link = make_link()
    zoom.hosts[tutor.user.email].calls[zoom.now().date().isoformat()] = CALLS_A_DAY
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.provider, ready.link) == ("pool", link)
    paused = VideoConnection.objects.get().paused_until
    assert paused is not None
    assert paused.time().hour == 0


@pytest.mark.defect("IT-14")
def test_moved_session_waits_for_midnight_where_its_day_at_zoom_is_full(zoom: ZoomDouble, tutor: Tutor, sam: User):
    make_link()
    meeting, noon, midnight = planned(tutor, sam), tomorrow(12), tomorrow(0, days=2)
    with time_machine.travel(noon, tick=False) as clock:
        before = addresses(provision_meeting(meeting))
        move_booking(meeting.booking, starts_at=NEW, who=sam)
        zoom.hosts[tutor.user.email].calls[zoom.now().date().isoformat()] = CALLS_A_DAY
        with pytest.raises(ProviderCannot):
            provision_meeting(meeting)
        meeting.refresh_from_db()
        assert (meeting.status, meeting.provider, meeting.next_attempt_at) == (Meeting.Status.WAITING, "zoom", midnight)
        assert held(zoom) == {before[0]: OLD}
        clock.move_to(midnight)
        assert addresses(provision_meeting(meeting)) == before
    assert held(zoom) == {before[0]: NEW}
    assert "DELETE" not in [one.method for one in zoom.requests]


def test_page_of_a_proxy_that_asks_to_wait_is_heeded(zoom: ZoomDouble, tutor: Tutor, sam: User):
    meeting = planned(tutor, sam)
    with ScriptedVendor((503, b"<html>Busy</html>", {"Retry-After": "90"})) as proxy:
        VideoConnection.objects.update(base_url=f"{proxy.url}/v2")
        with later(minutes=1):
            asked_at = timezone.now()
            with pytest.raises(ProviderUnavailable):
                provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.next_attempt_at, meeting.passed_over) == (asked_at + timedelta(seconds=90), [])
    assert ProviderCall.objects.get().http_status == 503


def test_consent_that_was_withdrawn_is_told_and_the_session_is_held_elsewhere(zoom: ZoomDouble, tutor: Tutor, sam: User):
    link = make_link()
    zoom.withdraw(tutor.user.email)
    ready = provision_meeting(planned(tutor, sam))
    assert (ready.provider, ready.link) == ("pool", link)
    assert VideoConnection.objects.get().status == VideoConnection.Status.BROKEN


def test_policy_of_the_account_is_remarked_on_its_connection(zoom: ZoomDouble, tutor: Tutor, sam: User):
    zoom.add_host(tutor.user.email, policies={"meeting_authentication": True})
    provision_meeting(planned(tutor, sam))
    assert "signed in to Zoom" in VideoConnection.objects.get().remark


def test_account_of_the_site_hosts_for_tutors_who_connected_nothing(zoom: ZoomDouble, sam: User, settings: Any):
    host_for_all(zoom, settings)
    ready = provision_meeting(planned(make_tutor(meeting_provider="zoom"), sam))
    assert [str(one) for one in zoom.hosts[HOST].meetings] == [ready.external_id]
    assert VideoConnection.objects.get().tutor is None


def test_meeting_of_a_lost_answer_is_closed_with_the_tutor_who_hosts_it(zoom: ZoomDouble, sam: User, settings: Any):
    host_for_all(zoom, settings, host="")
    tutor = make_tutor(meeting_provider="zoom")
    zoom.add_host(tutor.user.email)
    meeting = planned(tutor, sam)
    zoom.fail_next(Fault.RESET, "POST /v2/users")
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    assert len(held(zoom)) == 1
    drop_meeting(meeting.booking)
    with later(minutes=5):
        assert closing.close_room(VendorRoom.objects.get().pk)
    assert held(zoom) == {}


@pytest.mark.parametrize("told_by", ["zoom", "our calls"])
def test_full_day_of_one_tutor_leaves_the_others_of_the_account_alone(
    zoom: ZoomDouble, sam: User, settings: Any, told_by: str
):
    """Zoom counts by host, and with an empty ZOOM_HOST each tutor is one."""
    host_for_all(zoom, settings, host="")
    full, free = (make_tutor(meeting_provider="zoom") for _number in range(2))
    for tutor in (full, free):
        zoom.add_host(tutor.user.email)
    zoom.hosts[full.user.email].calls[zoom.now().date().isoformat()] = CALLS_A_DAY
    make_link(), make_link()
    if told_by == "our calls":
        over = make_meeting(make_booking(sam, full, status=Booking.Status.PAID), provider="zoom", status="ended")
        for _call in range(CALLS_A_DAY):
            make_call(meeting=over, connection=connection_of_site("zoom"))

    places = [provision_meeting(planned(full, sam, at=at)).provider for at in (OLD, NEW)]

    assert places == ["pool", "pool"]
    assert [one.method for one in zoom.requests if "meetings" in one.path] == ["POST"] * (told_by == "zoom")
    assert provision_meeting(planned(free, make_user())).provider == "zoom"
    assert VideoConnection.objects.get().paused_until is None


@pytest.fixture
def hms(settings: Any) -> Iterator[HundredmsDouble]:
    with site_with_hundredms(settings) as double:
        yield double


@pytest.mark.defect("TB-07")
@pytest.mark.defect("TB-22")
def test_session_at_100ms_tells_each_side_its_own_code(hms: HundredmsDouble, sam: User):
    meeting = planned(make_tutor(meeting_provider="hundredms"), sam)
    hms.fail_next(Fault.ERROR, "POST /v2/room-codes/")
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.join_url_student) == (Meeting.Status.WAITING, "")
    with later(minutes=5):
        ready = provision_meeting(meeting)
    (room,) = HundredmsVendor(hms).open_rooms()
    codes = {code.role: code.code for code in hms.rooms[room.external_id].codes}
    assert ready.join_url_tutor.endswith(codes["host"])
    assert ready.join_url_student.endswith(codes["guest"])


def test_session_cancelled_at_100ms_is_shut(hms: HundredmsDouble, sam: User):
    meeting = planned(make_tutor(meeting_provider="hundredms"), sam)
    provision_meeting(meeting)
    cancel_booking(meeting.booking, who=sam, seen=meeting.booking.net)
    for room in VendorRoom.objects.filter(state=State.CLOSING):
        closing.close_room(room.pk)
    assert HundredmsVendor(hms).open_rooms() == []


def test_zoom_vendor_of_tests_and_site_mark_agree(zoom: ZoomDouble, tutor: Tutor, sam: User):
    ready = provision_meeting(planned(tutor, sam))
    assert [room.external_id for room in ZoomVendor(zoom).rooms()] == [ready.external_id]
