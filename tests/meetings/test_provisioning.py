from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone

from bookings.models import Booking
from meetings import provisioning
from meetings.alarms import watch
from meetings.errors import MeetingNotWaiting, NoLinkLeft
from meetings.links import add_link
from meetings.many import share_out
from meetings.models import Meeting
from meetings.providers.sandbox import SandboxProvider
from meetings.provisioning import provision_meeting
from tests.conftest import Drain
from tests.factories import make_link
from tests.meetings.making import lesson, overlaps_on_one_link, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Meeting.Status


class ExplodingProvider(SandboxProvider):
    def create(self, request, access):
        raise ZeroDivisionError


@pytest.fixture
def exploding(settings):
    """Offer a vendor whose file has a fault of ours."""
    entry = {"BACKEND": f"{__name__}.ExplodingProvider", "OPTIONS": {"site_url": "http://testserver"}}
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "acme": entry}


@pytest.mark.defect("CE-15")
def test_empty_pool_is_told_to_the_admins_at_once_and_once(settings):
    settings.ADMINS = [("Root", "root@example.com"), ("Rita", "rita@example.com")]
    meeting = waiting_meeting()
    for _ in range(3):
        with pytest.raises(NoLinkLeft):
            provision_meeting(meeting)
    watch(timezone.now())
    watch(timezone.now())
    [letter] = mail.outbox
    assert letter.to == ["root@example.com", "rita@example.com"]
    assert meeting.booking.reference in letter.subject
    assert f"http://testserver/admin/meetings/meeting/{meeting.pk}/change/" in letter.body
    meeting.refresh_from_db()
    assert (meeting.status, meeting.attempts) == (Status.WAITING, 3)
    assert meeting.last_error == "No available meeting links at this time. Please contact support."
    meeting.booking.refresh_from_db()
    assert meeting.booking.is_paid


def test_without_admins_in_the_settings_active_staff_is_told(settings, root):
    settings.ADMINS = []
    with pytest.raises(NoLinkLeft):
        provision_meeting(waiting_meeting())
    watch(timezone.now())
    assert mail.outbox[0].to == [root.email]


def test_alert_about_a_meeting_that_got_its_link_meanwhile_is_not_mailed(settings):
    settings.ADMINS = [("Root", "root@example.com")]
    meeting = waiting_meeting()
    with pytest.raises(NoLinkLeft):
        provision_meeting(meeting)
    for _ in range(2):  # one is left, so nobody hears of a full pool
        make_link()
    provision_meeting(meeting)
    watch(timezone.now())
    assert mail.outbox == []


@pytest.mark.defect("CE-15")
def test_link_that_is_added_reaches_the_earliest_lesson_that_waits(django_capture_on_commit_callbacks, drain: Drain):
    later, earlier = waiting_meeting(lesson(30)), waiting_meeting(lesson(0))
    share_out(timezone.now())
    drain()
    with django_capture_on_commit_callbacks(execute=True):
        link = add_link("https://meet.google.com/abc-defg-hij")
    drain()
    later.refresh_from_db()
    earlier.refresh_from_db()
    assert (earlier.status, earlier.link) == (Status.READY, link)
    assert later.status == Status.WAITING


def test_pool_meeting_is_tried_again_each_minute():
    meeting = waiting_meeting()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert share_out(timezone.now()).errors == [(meeting.booking.reference, str(NoLinkLeft.message))]
        assert share_out(timezone.now()).total == 0
        clock.shift(timedelta(minutes=1))
        assert share_out(timezone.now()).total == 1


@pytest.mark.defect("IT-04")
def test_worker_that_dies_halfway_leaves_nothing_behind(drain: Drain):
    """A claim is a lease: when it runs out the meeting is due again."""
    meeting = waiting_meeting(provider="sandbox")
    now = timezone.now()
    assert provisioning.claim(Meeting.objects.due(now), now=now) == meeting  # and then the worker is killed
    with time_machine.travel(now + timedelta(seconds=179), tick=False):
        assert share_out(timezone.now()).total == 0
        assert drain() == []
    with time_machine.travel(now + timedelta(seconds=181), tick=False):
        share_out(timezone.now())
        assert drain() == [("meetings.provision_meeting", "succeeded")]
    meeting.refresh_from_db()
    assert meeting.is_ready


@pytest.mark.django_db(transaction=True)
def test_assignment_that_is_cut_off_before_its_commit_gives_nothing_away():
    link, first, second = make_link(), waiting_meeting(), waiting_meeting()
    with transaction.atomic():
        provision_meeting(first)
        transaction.set_rollback(True)  # as when the worker is killed here
    first.refresh_from_db()
    assert first.is_waiting
    provision_meeting(second)
    second.refresh_from_db()
    assert second.link == link


@pytest.mark.defect("IT-02")
@pytest.mark.parametrize("status", [Booking.Status.CANCELLED, Booking.Status.HELD, Booking.Status.DECLINED])
def test_booking_that_is_no_longer_paid_gets_no_meeting(status: str, drain: Drain):
    make_link()
    for provider in ("pool", "sandbox"):
        meeting = waiting_meeting(provider=provider)
        Booking.objects.filter(pk=meeting.booking_id).update(status=status)
        share_out(timezone.now())
        drain()
        meeting.refresh_from_db()
        assert (meeting.status, meeting.link, meeting.join_url_student) == (Status.CANCELLED, None, "")


def test_sandbox_room_stands_on_this_site_and_stays_the_same():
    meeting = waiting_meeting(provider="sandbox")
    ready = provision_meeting(meeting)
    assert ready.is_ready
    assert ready.join_url_student.startswith("http://testserver/sandbox/room/")
    assert provision_meeting(meeting).join_url_student == ready.join_url_student


def test_one_meeting_that_breaks_stops_no_other(exploding, drain: Drain):
    make_link()
    broken, fine = waiting_meeting(lesson(0), provider="acme"), waiting_meeting(lesson(30))
    assert share_out(timezone.now()).ready == 1
    drain()
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.is_waiting, broken.attempts, broken.trouble, fine.is_ready) == (True, 1, Meeting.Trouble.OTHER, True)
    assert "ZeroDivision" not in broken.last_error


def test_meeting_that_is_over_is_not_provided():
    with pytest.raises(MeetingNotWaiting):
        provision_meeting(waiting_meeting(status=Status.FAILED))


@pytest.mark.defect("IT-03")
@pytest.mark.django_db(transaction=True)
def test_six_workers_on_one_batch_share_it():
    for _ in range(5):
        make_link()
    meetings = [waiting_meeting(lesson(70 * (number % 4))) for number in range(20)]
    now = timezone.now()

    outcomes = race(lambda _number: share_out(now), threads=6)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert sum(outcome.value.total for outcome in outcomes) == 20
    assert {Meeting.objects.get(pk=meeting.pk).status for meeting in meetings} == {Status.READY}
    assert overlaps_on_one_link() == []
