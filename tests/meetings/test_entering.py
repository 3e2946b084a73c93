"""Going in at the door, with pretend vendors: the tutor as Zoom's host, both by their names at 100ms, nobody kept out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.doubles.server import Answer, Fault, Request
from bookings.models import Booking, Tutor, User
from meetings.doubles.hundredms import HundredmsDouble
from meetings.doubles.zoom import ZoomDouble
from meetings.entering import REFUSED
from meetings.models import Attendance, Meeting, ProviderCall, VideoConnection
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.silence import LOOKED_BACK
from tests.factories import an_hour, make_booking, make_link
from tests.meetings.making import make_call
from tests.meetings.zoom_site import connect_zoom, host_for_all, site_with_hundredms, site_with_zoom

pytestmark = pytest.mark.django_db


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomDouble]:
    with site_with_zoom(settings) as double:
        yield double


@pytest.fixture
def account(ada: Tutor, zoom: ZoomDouble) -> VideoConnection:
    """Ada teaches at Zoom, with her own account."""
    Tutor.objects.filter(pk=ada.pk).update(meeting_provider="zoom")
    ada.refresh_from_db()
    return connect_zoom(ada, zoom)


def soon(ada: Tutor, sam: User) -> Meeting:
    """A session whose door is open, with its room."""
    starts_at = timezone.now().replace(microsecond=0) + timedelta(minutes=5)
    booking = make_booking(sam, ada, during=an_hour(starts_at), status=Booking.Status.PAID)
    planned = plan_meeting(booking)
    assert planned is not None
    return provision_meeting(planned)


@pytest.fixture
def meeting(account: VideoConnection, ada: Tutor, sam: User) -> Meeting:
    return soon(ada, sam)


def answer_to(person: User, meeting: Meeting, method: str = "get", **headers: str) -> HttpResponse:
    client = Client(headers=headers)
    client.force_login(person)
    answer: HttpResponse = getattr(client, method)(reverse("meetings:join", args=[meeting.booking.reference]))
    return answer


def way_of(person: User, meeting: Meeting) -> str:
    answer = answer_to(person, meeting)
    assert answer.status_code == 302
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return answer.headers["Location"]


def reads(zoom: ZoomDouble) -> int:
    return sum((one.method, one.path[:13]) == ("GET", "/v2/meetings/") for one in zoom.requests)


def test_tutor_who_is_not_signed_in_to_zoom_opens_the_meeting_and_the_student_gets_in(
    zoom: ZoomDouble, meeting: Meeting, ada: Tutor, sam: User
):
    def come(address: str) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(address, timeout=5).json()
        return answer

    assert come(way_of(sam, meeting)) == {"role": "guest", "waits_for_host": True}
    assert come(way_of(ada.user, meeting)) == {"role": "host", "email": ada.user.email}
    assert come(way_of(sam, meeting)) == {"role": "guest", "waits_for_host": False}
    assert Attendance.objects.count() == 2
    call = ProviderCall.objects.get(what="enter")
    assert (call.outcome, call.meeting, call.connection) == ("done", meeting, VideoConnection.objects.get())


def test_each_click_of_the_tutor_gets_a_way_of_its_own(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    ways = {way_of(ada.user, meeting) for _click in range(2)}
    assert len(ways) == 2
    assert all("zak=" in way for way in ways)


def test_student_is_no_reason_to_ask_zoom(zoom: ZoomDouble, meeting: Meeting, sam: User):
    assert way_of(sam, meeting) == meeting.join_url_student
    assert reads(zoom) == 0


def test_looking_and_guessing_ask_nobody(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    assert answer_to(ada.user, meeting, "head").headers["Location"] == meeting.join_url_tutor
    assert "Location" not in answer_to(ada.user, meeting, **{"Sec-Purpose": "prefetch"})
    assert reads(zoom) == 0


def test_shut_door_asks_nobody(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    for at in (meeting.time.start - timedelta(minutes=16), meeting.time.end + timedelta(minutes=15)):
        with time_machine.travel(at, tick=False):
            assert "zak" not in answer_to(ada.user, meeting).headers.get("Location", "")
    assert reads(zoom) == 0


@pytest.mark.parametrize("fault", list(Fault))
def test_tutor_comes_in_whatever_zoom_does(zoom: ZoomDouble, meeting: Meeting, ada: Tutor, fault: Fault):
    zoom.silence = 5
    zoom.fail_next(fault, "GET /v2/meetings/")
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert ProviderCall.objects.get(what="enter").outcome == "unavailable"


@pytest.mark.parametrize(
    ("status", "code"), [(404, 3001), (400, 3003), (400, 4711), (404, 1001), (429, 429), (400, 300), (401, 124), (418, 0)]
)
def test_tutor_comes_in_whatever_zoom_refuses(zoom: ZoomDouble, meeting: Meeting, ada: Tutor, status: int, code: int):
    zoom.refuse_next(status, code, asked="GET /v2/meetings/")
    before = VideoConnection.objects.defer(None).values().get()
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert VideoConnection.objects.defer(None).values().get() == before


def test_tutor_comes_in_though_the_fault_is_ours(
    zoom: ZoomDouble, meeting: Meeting, ada: Tutor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(zoom, "answer", lambda request: Answer(200, {"id": 1, "start_url": ["https://zoom.us/s/1"]}))
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    monkeypatch.setattr("meetings.providers.zoom.way_of_host", lambda answer, api_url: 1 / 0)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor


def test_account_for_which_zoom_let_somebody_wait_is_not_asked_again_at_once(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    zoom.take_time(3)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    zoom.take_time(0)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert ProviderCall.objects.filter(what="enter").count() == 1
    with time_machine.travel(timezone.now() + REFUSED, tick=False):
        assert "zak=" in way_of(ada.user, meeting)


def test_vendor_that_hangs_makes_no_other_tutor_wait(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    make_call(outcome="unavailable", what="enter", seconds=4)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert reads(zoom) == 0
    with time_machine.travel(timezone.now() + LOOKED_BACK, tick=False):
        assert "zak=" in way_of(ada.user, meeting)


def test_refusal_to_one_account_says_nothing_of_another(zoom: ZoomDouble, meeting: Meeting, ada: Tutor):
    make_call(outcome="misconfigured", what="enter", http_status=400)
    assert "zak=" in way_of(ada.user, meeting)
    ProviderCall.objects.update(connection=VideoConnection.objects.get(), outcome="misconfigured", what="enter")
    assert way_of(ada.user, meeting) == meeting.join_url_tutor


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "broken", "broken_at": timezone.now()},
        {"disconnected_at": timezone.now()},
        {"paused_until": timezone.now() + timedelta(hours=1)},
        {"expires_at": timezone.now()},
        {"tutor": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_account_that_cannot_be_asked_at_once_is_not_asked(
    zoom: ZoomDouble, meeting: Meeting, ada: Tutor, changes: dict[str, Any]
):
    """Least of all is a token renewed at the door: an answer that was not waited for would be the end of the consent."""
    VideoConnection.objects.update(**changes)
    asked = len(zoom.requests)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert len(zoom.requests) == asked


def test_tutor_is_not_signed_in_as_the_host_of_the_site(zoom: ZoomDouble, ada: Tutor, sam: User, settings: Any):
    host_for_all(zoom, settings)
    Tutor.objects.update(meeting_provider="zoom")
    meeting = soon(Tutor.objects.get(), sam)
    asked = len(zoom.requests)
    assert way_of(ada.user, meeting) == meeting.join_url_tutor
    assert len(zoom.requests) == asked


@pytest.mark.django_db(transaction=True)
def test_session_that_gets_another_place_while_zoom_is_asked_is_entered_there(
    zoom: ZoomDouble, meeting: Meeting, ada: Tutor, monkeypatch: pytest.MonkeyPatch
):
    link = make_link()

    def answer(request: Request) -> Answer:
        moved = {"link_id": link.pk, "provider": "pool", "reserved": meeting.during, "external_id": ""}
        with connection.cursor() as cursor:  # nothing of the meeting is locked meanwhile
            cursor.execute("SET lock_timeout = '2s'")
        Meeting.objects.update(**moved)
        connection.close()
        return ZoomDouble.answer(zoom, request)

    monkeypatch.setattr(zoom, "answer", answer)
    assert way_of(ada.user, meeting) == link.url


@pytest.fixture
def hms(settings: Any) -> Iterator[HundredmsDouble]:
    with site_with_hundredms(settings) as double:
        yield double


def test_100ms_learns_who_comes_by_name_and_reference(hms: HundredmsDouble, ada: Tutor, sam: User):
    Tutor.objects.update(meeting_provider="hundredms")
    User.objects.filter(pk=sam.pk).update(full_name="Sam Ok\u202e & Co")
    meeting = soon(Tutor.objects.get(), sam)
    ways = {person.email: way_of(person, meeting) for person in (ada.user, User.objects.get(pk=sam.pk))}
    told = {email: parse_qs(urlsplit(way).query) for email, way in ways.items()}
    reference = meeting.booking.reference
    assert told == {
        ada.user.email: {"userId": [f"{reference}-tutor"], "name": [ada.user.full_name]},
        sam.email: {"userId": [f"{reference}-student"], "name": ["Sam Ok & Co"]},
    }
    assert ways[ada.user.email].startswith(f"{meeting.join_url_tutor}?")
    assert ways[sam.email].startswith(f"{meeting.join_url_student}?")
    meeting.refresh_from_db()
    assert "?" not in meeting.join_url_tutor + meeting.join_url_student
    assert not ProviderCall.objects.filter(what="enter").exists()


def test_100ms_is_never_told_a_mail_address(hms: HundredmsDouble, ada: Tutor, sam: User):
    Tutor.objects.update(meeting_provider="hundredms")
    User.objects.update(full_name="")
    meeting = soon(Tutor.objects.get(), sam)
    for person in User.objects.filter(pk__in=[sam.pk, ada.user.pk]):
        assert set(parse_qs(urlsplit(way_of(person, meeting)).query)) == {"userId"}
