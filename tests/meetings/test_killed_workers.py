"""A worker dies while it makes, moves or closes a room, by a real `kill -9`: one room is left for each session, or none.

The vendor is Zoom, which makes another meeting whenever it is asked: nothing but our own rows and the mark in the agenda
keeps a second one away.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.cancellation import cancel_booking
from bookings.doubles.server import Fault
from bookings.jobs import enqueue_once
from bookings.models import Booking
from bookings.rescheduling import move_booking
from meetings.doubles.zoom import ZoomDouble
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from tests import workers
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.workers import is_somebody_waiting_for_a_lock, kill, take_up_dead_workers_jobs, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)
APP = {"client_id": "zoom-app", "client_secret": "zoom-app-secret", "account_id": "zoom-account"}


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP, silence=60) as double:
        double.add_host("host@example.com")
        yield double


def running_worker(zoom: ZoomDouble) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return workers.running_worker(
        ZOOM_CLIENT_ID=APP["client_id"],
        ZOOM_CLIENT_SECRET=APP["client_secret"],
        ZOOM_ACCOUNT_ID=APP["account_id"],
        ZOOM_HOST="host@example.com",
        ZOOM_OAUTH_URL=f"{zoom.url}/oauth",
        ZOOM_API_URL=f"{zoom.url}/v2",
    )


@pytest.fixture
def meeting(settings, zoom: ZoomDouble) -> Meeting:
    """A session that waits for its room at Zoom, its job stored."""
    options = {**settings.MEETING_PROVIDERS["zoom"]["OPTIONS"], **APP, "host": "host@example.com"}
    zoom_entry = {**settings.MEETING_PROVIDERS["zoom"], "OPTIONS": options}  # this process plans; the workers call
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "zoom": zoom_entry}
    tutor = make_tutor(meeting_provider="zoom", fallback_providers=[])
    booking = make_booking(make_user(), tutor, during=an_hour(OLD), status=Booking.Status.PAID)
    planned = plan_meeting(booking)
    assert planned is not None
    return planned


def held(zoom: ZoomDouble) -> list[str]:
    """The start of every meeting at Zoom."""
    return [one.starts_at.isoformat() for host in zoom.hosts.values() for one in host.meetings.values()]


def asked(zoom: ZoomDouble, method: str, path: str) -> bool:
    return any(one.method == method and one.path.startswith(path) for one in list(zoom.requests))


def let_minutes_pass() -> None:
    """Leases run out, and the round of every minute comes by."""
    now = timezone.now()
    Meeting.objects.waiting().update(next_attempt_at=now)
    VendorRoom.objects.exclude(next_attempt_at=None).update(next_attempt_at=now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
    enqueue_once("meetings.provision_meetings", timestamp=int(now.timestamp()))


def finish(zoom: ZoomDouble, *, status: str) -> None:
    """What another worker makes of it when the first one has been dead for minutes."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    take_up_dead_workers_jobs()
    let_minutes_pass()
    with running_worker(zoom):
        wait_until(lambda: Meeting.objects.get().status == status and not VendorRoom.objects.filter(state="asked").exists())
        wait_until(lambda: not VendorRoom.objects.filter(state="closing").exists())
    assert not ProcrastinateJob.objects.filter(status="failed").exists()


@pytest.mark.defect("IT-03", "IT-04")
def test_killed_while_zoom_makes_the_meeting_leaves_one(zoom: ZoomDouble, meeting: Meeting):
    zoom.fail_next(Fault.LOST, "POST /v2/users/")
    with running_worker(zoom) as worker:
        wait_until(lambda: asked(zoom, "POST", "/v2/users/"))
        kill(worker)
    assert (len(held(zoom)), VendorRoom.objects.get().state, Meeting.objects.get().status) == (1, "asked", "waiting")

    finish(zoom, status="ready")

    assert held(zoom) == [OLD.isoformat()]
    assert Meeting.objects.get().join_url_student.startswith(f"{zoom.url}/j/")


@pytest.mark.defect("IT-03")
def test_killed_between_the_answer_and_the_write_leaves_one(zoom: ZoomDouble, meeting: Meeting):
    with running_worker(zoom) as worker:
        zoom.lock.acquire()  # nothing is answered while the booking is not locked yet
        wait_until(lambda: VendorRoom.objects.filter(state="asked").exists())
        with transaction.atomic():
            Booking.objects.select_for_update().get()
            zoom.lock.release()
            wait_until(lambda: len(held(zoom)) == 1 and is_somebody_waiting_for_a_lock())
            kill(worker)
        wait_until(lambda: not is_somebody_waiting_for_a_lock())
    assert (VendorRoom.objects.get().state, Meeting.objects.get().status) == ("asked", "waiting")

    finish(zoom, status="ready")

    assert held(zoom) == [OLD.isoformat()]


@pytest.mark.defect("IT-14", "IT-15")
def test_killed_while_zoom_moves_it_leaves_one_at_the_new_time(zoom: ZoomDouble, meeting: Meeting):
    with running_worker(zoom):
        wait_until(lambda: Meeting.objects.get().is_ready)
    zoom.fail_next(Fault.LOST, "PATCH /v2/meetings/")
    move_booking(meeting.booking, starts_at=NEW, who=meeting.booking.student)
    with running_worker(zoom) as worker:
        wait_until(lambda: asked(zoom, "PATCH", "/v2/meetings/"))
        kill(worker)
    assert Meeting.objects.get().status == "waiting"

    finish(zoom, status="ready")

    assert held(zoom) == [NEW.isoformat()]
    assert Meeting.objects.get().generation == 0


@pytest.mark.defect("IT-15")
def test_killed_while_zoom_deletes_it_leaves_none(zoom: ZoomDouble, meeting: Meeting):
    with running_worker(zoom):
        wait_until(lambda: Meeting.objects.get().is_ready)
    zoom.fail_next(Fault.RESET_BEFORE, "DELETE /v2/meetings/")
    zoom.fail_next(Fault.LOST, "DELETE /v2/meetings/")
    cancel_booking(meeting.booking, who=meeting.booking.student, seen=meeting.booking.net)
    with running_worker(zoom) as worker:
        wait_until(lambda: VendorRoom.objects.get().last_error != "")
        let_minutes_pass()
        wait_until(lambda: held(zoom) == [])
        kill(worker)
    assert VendorRoom.objects.get().state == "closing"

    finish(zoom, status="cancelled")

    assert held(zoom) == []
    assert VendorRoom.objects.get().state == "closed"


@pytest.mark.defect("IT-03")
def test_cancelled_after_the_worker_died_with_an_answer_unheard_leaves_none(zoom: ZoomDouble, meeting: Meeting):
    zoom.fail_next(Fault.LOST, "POST /v2/users/")
    with running_worker(zoom) as worker:
        wait_until(lambda: asked(zoom, "POST", "/v2/users/"))
        kill(worker)
    cancel_booking(meeting.booking, who=meeting.booking.student, seen=meeting.booking.net)
    assert len(held(zoom)) == 1

    finish(zoom, status="cancelled")

    assert held(zoom) == []
