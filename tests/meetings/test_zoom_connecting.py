"""A tutor connects Zoom in the browser: from our page to Zoom's and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from bookings.models import Tutor
from meetings.accounts import check_account, disconnect
from meetings.connections import access_to
from meetings.doubles.zoom import ZoomDouble
from meetings.doubles.zoom_oauth import GRANULAR
from meetings.errors import ConnectionBroken
from meetings.giving_back import give_back
from meetings.models import VideoConnection
from tests.meetings.consenting import stored
from tests.meetings.providers.asking import room_request
from tests.meetings.providers.zoom_vendor import ZoomVendor
from tests.meetings.zoom_site import site_with_zoom

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = "/teaching/meetings/zoom/connect/"


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomDouble]:
    with site_with_zoom(settings) as double:
        yield double


@pytest.fixture
def desk(ada: Tutor) -> Client:
    client = Client()
    client.force_login(ada.user)
    return client


def go(desk: Client) -> list[str]:
    """Press "connect", do what Zoom's page asks, come back, and return what our page says then."""
    page_of_zoom = desk.post(BEGIN).headers["Location"]
    back = urlsplit(requests.get(page_of_zoom, allow_redirects=False, timeout=5).headers["Location"])
    assert back.path == reverse("meetings:connection_callback", args=["zoom"])
    answer = desk.get(f"{back.path}?{back.query}")
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_connected_account_holds_sessions(zoom: ZoomDouble, desk: Client, ada: Tutor):
    zoom.change(consenting="ada@zoom-user.example")
    (told,) = go(desk)
    assert "ada@zoom-user.example" in told
    connection = VideoConnection.objects.get()
    assert (connection.tutor, connection.account, connection.is_usable) == (ada, "ada@zoom-user.example", True)
    assert connection.granted == set(GRANULAR)
    assert connection.base_url == f"{zoom.url}/v2"
    room = ZoomVendor(zoom).zoom_maker().create(room_request(), access_to(connection))
    assert [str(one) for one in zoom.hosts["ada@zoom-user.example"].meetings] == [room.external_id]


def test_account_without_a_paid_plan_is_connected_with_its_remark(zoom: ZoomDouble, desk: Client):
    zoom.add_host(zoom.consenting, plan=1)
    go(desk)
    connection = VideoConnection.objects.get()
    assert connection.is_usable
    assert "40 minutes" in connection.remark


def test_no_at_zoom_connects_nothing(zoom: ZoomDouble, desk: Client):
    zoom.change(consenting="")
    assert len(go(desk)) == 1
    assert not VideoConnection.objects.exists()


def test_app_that_lacks_a_right_is_not_taken_for_connected(zoom: ZoomDouble, desk: Client):
    zoom.change(granted=[scope for scope in GRANULAR if scope != "meeting:delete:meeting"])
    assert len(go(desk)) == 1
    assert not VideoConnection.objects.usable().exists()


@pytest.mark.defect("IT-18")
def test_consent_given_again_replaces_the_one_before(zoom: ZoomDouble, desk: Client):
    go(desk)
    before = stored(VideoConnection.objects.get())
    go(desk)
    after = stored(VideoConnection.objects.get())
    assert (after.pk, after.status) == (before.pk, VideoConnection.Status.ACTIVE)
    assert after.refresh_token != before.refresh_token
    check_account(after)


def test_account_that_the_tutor_closed_at_zoom_is_broken_and_connects_again(zoom: ZoomDouble, desk: Client):
    go(desk)
    zoom.withdraw(zoom.consenting)
    connection = VideoConnection.objects.get()
    with pytest.raises(ConnectionBroken):
        access_to(connection).renewed(access_to(connection).token())
    connection.refresh_from_db()
    assert connection.status == VideoConnection.Status.BROKEN
    go(desk)
    connection.refresh_from_db()
    assert connection.is_usable


def test_account_that_is_let_go_is_given_back_to_zoom(zoom: ZoomDouble, desk: Client):
    go(desk)
    disconnect(VideoConnection.objects.get())
    assert not VideoConnection.objects.usable().exists()
    assert give_back(VideoConnection.objects.get())
    assert zoom.grants == []
    assert stored(VideoConnection.objects.get()).refresh_token == ""
