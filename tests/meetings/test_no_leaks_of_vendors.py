"""What vendors give for a session (addresses, codes, tokens) is in no page, row, mail or log that is not its place."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.core import mail, serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.cancellation import cancel_booking
from bookings.models import Booking, Tutor, User
from bookings.rescheduling import move_booking
from meetings.by_hand import give_address
from meetings.doubles.google import GoogleDouble
from meetings.hygiene import fill_pool
from meetings.models import Meeting, MeetingLink, VideoConnection
from meetings.planning import plan_meeting
from meetings.pool import assign_link
from meetings.provisioning import provision_in_turn
from meetings.renewing import renew_for_doors
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_order, make_payment, make_user, tomorrow
from tests.meetings import google_rooms, google_site
from tests.meetings.test_no_leaks import paths_for
from tests.meetings.zoom_site import connect_zoom, site_with_hundredms, site_with_zoom

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)
OWN = "https://us02web.zoom.us/j/123?pwd=raw-room-xyz"
# Where the address, or what opens the account, is kept.
ITS_PLACE = {"meetings.meeting", "meetings.meetinglink", "meetings.videoconnection", "sessions.session"}


@pytest.fixture(params=["google", "zoom", "hundredms"])
def provider(request: pytest.FixtureRequest, settings: Any, ada: Tutor) -> Iterator[str]:
    """A vendor with which Ada's sessions are held."""
    name: str = request.param
    sites = {"google": google_site.site_with_google, "zoom": site_with_zoom, "hundredms": site_with_hundredms}
    connect: dict[str, Callable[..., Any]] = {"google": google_site.connect_google, "zoom": connect_zoom}
    with sites[name](settings) as double:
        if name in connect:
            connect[name](ada, double)
        ada.meeting_provider = name
        ada.save()
        yield name


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    order = make_order(make_user("parent@example.com"), status="paid")
    make_payment(order)
    return make_booking(sam, ada, during=an_hour(START), status=Booking.Status.PAID, order=order)


def made_ready(booking: Booking) -> Meeting:
    """Have the vendor make the room; one of Google is there at the second look."""
    planned = plan_meeting(booking)
    assert planned is not None
    for _look in range(3):
        Meeting.objects.waiting().update(next_attempt_at=timezone.now())
        provision_in_turn(planned.pk)
    planned.refresh_from_db()
    assert planned.is_ready
    return planned


def secrets_of(meeting: Meeting, settings: Any) -> set[str]:
    """What opens the room or the account; of an address only what is nowhere by chance."""
    found = set()
    for address in (meeting.address_for(is_tutor=True), meeting.address_for(is_tutor=False)):
        parts = urlsplit(address)
        found.add(parts.query.rpartition("pwd=")[2] if "pwd=" in parts.query else parts.path.rpartition("/")[2])
    for row in VideoConnection.objects.defer(None):
        found |= {row.access_token, row.refresh_token}
    for entry in settings.MEETING_PROVIDERS.values():
        options = {**entry.get("OPTIONS", {}), **entry.get("OAUTH", {}).get("OPTIONS", {})}
        found |= {str(value) for name, value in options.items() if "secret" in name}
    assert all(len(secret) > 5 for secret in found - {""})
    return found - {""}


def told(secrets: set[str], text: str) -> set[str]:
    return {secret for secret in secrets if secret in text}


def rows_elsewhere() -> str:
    """Every row of the database that is not the address's place, jobs and what they carry among them."""
    text = json.dumps([job.args for job in ProcrastinateJob.objects.all()])
    for model in apps.get_models():
        if model._meta.label_lower not in ITS_PLACE and model._meta.managed and not model._meta.proxy:
            text += serializers.serialize("json", model._default_manager.all())
    return text


def desk_pages(root: User) -> Iterator[str]:
    """Every list of the admin and its first rows, but for the pool's links: they are kept there."""
    client = Client()
    client.force_login(root)
    for model in admin.site._registry:
        if model is MeetingLink:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths = [reverse(f"{name}_changelist")]
        paths += [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()[:3]]
        for path in paths:
            yield client.get(path).content.decode(errors="replace")


def pages_of(booking: Booking, person: User | None, paths: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    client = Client()
    if person is not None:
        client.force_login(person)
    for path in sorted(paths or paths_for(booking)):
        answer = client.get(path)
        yield path, answer.content.decode(errors="replace") + str(answer.headers)


def test_no_page_tells_more_than_the_door(provider: str, booking: Booking, root: User, settings: Any):
    meeting = made_ready(booking)
    assert meeting.provider == provider
    secrets = secrets_of(meeting, settings)
    tutors, students = (meeting.address_for(is_tutor=is_tutor) for is_tutor in (True, False))
    door = reverse("meetings:join", args=[booking.reference])
    people = [booking.student, booking.tutor.user, None]
    if provider != "hundredms":  # elsewhere the tutor's address is the student's
        people = [booking.student]
    with time_machine.travel(START - timedelta(minutes=5), tick=False):
        for person in people:
            for path, text in pages_of(booking, person):
                own = {booking.student.pk: students, booking.tutor.user.pk: tutors}
                mine = own.get(person.pk) if person is not None and path == door else None
                assert not {secret for secret in told(secrets, text) if mine is None or secret not in mine}, path
        assert not [told(secrets, text) for text in desk_pages(root) if told(secrets, text)]


def test_no_row_mail_or_line_of_the_log_tells_it(
    provider: str, booking: Booking, settings: Any, caplog: pytest.LogCaptureFixture, drain: Drain
):
    caplog.set_level(logging.DEBUG)
    settings.ADMINS = [("Root", "root@example.com")]
    secrets = secrets_of(made_ready(booking), settings)
    drain()

    move_booking(booking, starts_at=START + timedelta(hours=3), who=booking.tutor.user, why="a train")
    make_round(timezone.now())
    drain()
    give_address(booking, OWN, who=booking.tutor.user)
    secrets |= secrets_of(Meeting.objects.get(), settings)
    drain()
    cancel_booking(Booking.objects.get(), who=booking.student, seen=booking.net)
    make_round(timezone.now())
    drain()

    assert "raw-room-xyz" in secrets
    letters = [f"{letter.subject} {letter.message().as_string()}" for letter in mail.outbox]
    assert not told(secrets, rows_elsewhere())
    assert not told(secrets, caplog.text + str([vars(record) for record in caplog.records]))
    assert not told(secrets, "".join(letters))


def test_way_in_of_zooms_host_is_told_to_the_door_of_its_tutor_alone(
    ada: Tutor, booking: Booking, call: Any, settings: Any, caplog: pytest.LogCaptureFixture, drain: Drain
):
    """Whoever has a start_url is signed in as the tutor for two hours (meetings.md, section 6)."""
    caplog.set_level(logging.DEBUG)
    door = reverse("meetings:join", args=[booking.reference])
    with site_with_zoom(settings) as zoom:
        connect_zoom(ada, zoom)
        Tutor.objects.update(meeting_provider="zoom")
        made_ready(Booking.objects.get())
        with time_machine.travel(START - timedelta(minutes=5), tick=False):
            renew_for_doors(timezone.now())
            drain()
            near = [path for path in paths_for(booking) if booking.reference in path or path.startswith("/teaching/")]
            people = [ada.user, booking.student]
            pages = [(person, path, text) for person in people for path, text in pages_of(booking, person, near)]
            one = {"bookingId": booking.reference, "sessionId": booking.reference}
            answers = [call(path, one) for path in ("/api/create-meeting-link", "/api/sessions/retry-meeting-link")]
            make_round(timezone.now())
            drain()
        keys = set(zoom.hosts[ada.user.email].keys)

    assert [(person, path) for person, path, text in pages if told(keys, text)] == [(ada.user, door)]
    assert [status for status, _answer in answers] == [200, 200]
    assert sum(one.path.startswith("/v2/meetings/") for one in zoom.requests) == 1  # no other page has asked for one
    kept = rows_elsewhere() + serializers.serialize("json", [*Meeting.objects.all(), *VideoConnection.objects.all()])
    letters = [letter.message().as_string() for letter in mail.outbox]
    for text in (kept, str(answers), caplog.text + str([vars(record) for record in caplog.records]), *letters):
        assert not told(keys | {"zak=", "start_url"}, text)


def test_room_that_google_made_for_the_pool_is_not_named_by_its_code(settings: Any, booking: Booking, root: User):
    settings.POOL_TARGET_SIZE, settings.POOL_GOOGLE_ACCOUNT = 1, google_rooms.OWNER
    with GoogleDouble() as google:
        settings.GOOGLE_MEET_URL = google.url
        google_rooms.connect_google(google)
        assert fill_pool() == 1
    planned = plan_meeting(booking)
    assert planned is not None
    link = assign_link(planned)
    code = MeetingLink.objects.get(pk=link.pk).url.rpartition("/")[2]
    assert code not in rows_elsewhere()
    assert not [text for text in desk_pages(root) if code in text]
