"""Accounts are ready when their tutors come to the door: a token is renewed by a job, ahead of time, and only if needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.models import Tutor, User
from meetings.doubles.zoom import ZoomDouble
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.renewing import renew_for_doors
from tests.conftest import Drain
from tests.factories import make_tutor, make_user
from tests.meetings.consenting import stored
from tests.meetings.test_entering import soon, way_of
from tests.meetings.zoom_site import connect_zoom, site_with_zoom

pytestmark = pytest.mark.django_db


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomDouble]:
    with site_with_zoom(settings) as double:
        yield double


@pytest.fixture
def meeting(zoom: ZoomDouble, sam: User) -> Meeting:
    """A session whose door is open, in a room of its tutor's; the token of the account has ended."""
    return at_zoom(zoom, sam)


def at_zoom(zoom: ZoomDouble, student: User) -> Meeting:
    tutor = make_tutor(meeting_provider="zoom")
    account = connect_zoom(tutor, zoom)
    made = soon(tutor, student)
    VideoConnection.objects.filter(pk=account.pk).update(expires_at=timezone.now())
    return made


def test_tutor_whose_token_ended_long_ago_comes_in_as_the_host(zoom: ZoomDouble, meeting: Meeting, drain: Drain):
    tutor = meeting.booking.tutor
    assert "zak=" not in way_of(tutor.user, meeting)
    assert renew_for_doors(timezone.now()) == 1
    drain()
    assert "zak=" in way_of(tutor.user, meeting)
    assert renew_for_doors(timezone.now()) == 0


@pytest.mark.parametrize(("minutes", "is_renewed"), [(-21, False), (-19, True), (30, True), (59, True), (60, False)])
def test_account_is_renewed_from_shortly_before_the_door_opens_to_the_end(meeting: Meeting, minutes: int, is_renewed: bool):
    """The door opens 15 minutes before the start, and a token is renewed when it has less than five minutes to live."""
    VideoConnection.objects.update(expires_at=None)
    with time_machine.travel(meeting.time.start + timedelta(minutes=minutes), tick=False):
        assert renew_for_doors(timezone.now()) == is_renewed


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": timezone.now() + timedelta(minutes=20)},
        {"status": "broken", "broken_at": timezone.now()},
        {"disconnected_at": timezone.now()},
        {"provider": "google"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_account_that_needs_no_renewal_is_left_alone(zoom: ZoomDouble, meeting: Meeting, changes: dict[str, Any]):
    VideoConnection.objects.update(**changes)
    assert renew_for_doors(timezone.now()) == 0


def test_account_of_a_session_that_was_called_off_is_left_alone(zoom: ZoomDouble, meeting: Meeting):
    Meeting.objects.update(status="cancelled")
    assert renew_for_doors(timezone.now()) == 0


def test_vendor_that_is_silent_is_asked_for_one_account_alone(zoom: ZoomDouble, meeting: Meeting, drain: Drain):
    at_zoom(zoom, make_user())
    zoom.silence = 5
    zoom.fail_next(Fault.LOST, "POST /oauth/token")
    before = {row.pk: stored(row).refresh_token for row in VideoConnection.objects.all()}
    assert renew_for_doors(timezone.now()) == 2
    drain()
    assert ProviderCall.objects.filter(what="refresh").count() == 1
    assert {row.pk: stored(row).refresh_token for row in VideoConnection.objects.all()} == before


def test_round_takes_one_look_at_many_accounts(zoom: ZoomDouble, meeting: Meeting):
    for _account in range(3):
        at_zoom(zoom, make_user())
    with CaptureQueriesContext(connection) as asked:
        assert renew_for_doors(timezone.now()) == 4
    assert sum("videoconnection" in query["sql"] for query in asked.captured_queries) == 1


def test_accounts_of_sessions_not_held_with_them_are_left_alone(zoom: ZoomDouble, meeting: Meeting):
    connect_zoom(make_tutor(), zoom)
    VideoConnection.objects.update(expires_at=timezone.now())
    assert renew_for_doors(timezone.now()) == 1
    assert Tutor.objects.count() == 2
