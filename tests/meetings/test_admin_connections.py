"""The admin sees how each account stands, broken ones first, and never a token."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connection as database
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from meetings.models import ProviderSwitch, VideoConnection
from meetings.switching import start_switch
from tests.conftest import Drain
from tests.desk import address, text_of
from tests.factories import make_booking, make_link, make_meeting, make_tutor, make_user
from tests.meetings.consenting import ConsentDouble, connect, providers, stored


def press(desk: Client, connection: VideoConnection, verb: str) -> str:
    answer = desk.post(f"/admin/meetings/videoconnection/{connection.pk}/{verb}/", follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.defect("IT-17")
def test_admin_shows_accounts_and_never_a_token(desk: Client, ada: Tutor, vendor: ConsentDouble):
    row = stored(connect(ada, vendor))

    for page in (address(VideoConnection), f"/admin/meetings/videoconnection/{row.pk}/change/"):
        shown = desk.get(page).content.decode()
        assert "ada@vendor.test" in shown
        for secret in (row.access_token, row.refresh_token, "gAAAA"):
            assert secret not in shown


def test_broken_accounts_come_first(desk: Client, ada: Tutor, vendor: ConsentDouble):
    other = make_tutor(make_user("other@example.com"), slug="other")
    broken = connect(
        other, vendor, status="broken", broken_at=timezone.now(), broken_why="Odd.", account="broken@vendor.test"
    )
    works = connect(ada, vendor)
    gone = connect(make_tutor(slug="gone"), vendor, disconnected_at=timezone.now())

    rows = desk.get(address(VideoConnection)).context["cl"].result_list

    assert [row.pk for row in rows] == [broken.pk, works.pk, gone.pk]


def test_set_up_is_told_above_the_list(desk: Client, vendor: ConsentDouble):
    with override_settings(TOKEN_KEYS=[]):
        page = text_of(desk.get(address(VideoConnection)))

    assert "TOKEN_KEYS is missing or holds what is no key, so nobody can connect: Consent rooms." in page


def test_check_tells_that_it_works_or_why_not(desk: Client, ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)

    assert press(desk, connection, "check") == "It works."
    vendor.grants.clear()
    assert "no longer works" in press(desk, connection, "check")
    assert not stored(connection).is_usable
    assert "Only its owner can mend this" in press(desk, connection, "check")


def test_asking_for_a_new_connection_mails_the_tutor(desk: Client, ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)

    press(desk, connection, "ask")
    drain()

    assert [letter.subject for letter in mail.outbox] == ["Please connect Zoom again"]


def test_disconnecting_moves_sessions_and_erases_tokens(
    desk: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada, vendor)
    make_link()
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")

    press(desk, connection, "disconnect")
    drain()

    meeting.refresh_from_db()
    assert (meeting.provider, meeting.is_ready) == ("pool", True)
    assert not stored(connection).refresh_token


@pytest.mark.parametrize(
    ("site_account", "sentence"),
    [
        ("owner@vendor.test", "Disconnected. Its sessions stay where they are;"),
        ("", "Disconnected. Its sessions move to the tutor’s next place;"),
    ],
)
def test_disconnecting_tells_whether_sessions_move(
    desk: Client, ada: Tutor, sam: User, vendor: ConsentDouble, site_account: str, sentence: str
):
    ada.meeting_provider = "zoom"
    ada.save()
    make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")

    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account=site_account)):
        assert press(desk, connect(ada, vendor), "disconnect").startswith(sentence)


def test_account_is_disconnected_once_though_two_pages_offer_it(desk: Client, ada: Tutor, sam: User, vendor: ConsentDouble):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada, vendor)
    make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")

    press(desk, connection, "disconnect")

    assert press(desk, connection, "disconnect") == "This account is disconnected already."


def test_colleague_who_may_only_look_presses_nothing(ada: Tutor, vendor: ConsentDouble):
    clerk = make_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_videoconnection"))
    client = Client()
    client.force_login(clerk)
    connection = connect(ada, vendor)

    assert client.get(address(VideoConnection)).status_code == 200
    for verb in ("check", "ask", "disconnect"):
        assert client.post(f"/admin/meetings/videoconnection/{connection.pk}/{verb}/").status_code == 403
    assert stored(connection).is_usable


@pytest.mark.parametrize("model", [VideoConnection, ProviderSwitch])
def test_lists_take_as_many_queries_for_twenty_rows_as_for_one(
    desk: Client, ada: Tutor, sam: User, vendor: ConsentDouble, model
):
    def add() -> None:
        tutor = make_tutor()
        connect(tutor, vendor)
        start_switch(tutor, "zoom", asked_by=tutor.user)

    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            desk.get(address(model))
        return len(captured)

    add()
    queries()
    for_one = queries()
    for _number in range(19):
        add()
    assert queries() == for_one


def test_switch_shows_what_became_of_each_session(desk: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID))
    make_link()
    switch = start_switch(ada, "zoom", asked_by=ada.user)
    drain()

    page = text_of(desk.get(f"/admin/meetings/providerswitch/{switch.pk}/change/"))

    assert meeting.booking.reference in page
    assert "moved" in page


def test_teaching_home_tells_of_an_account_to_connect_again(ada: Tutor, vendor: ConsentDouble):
    client = Client()
    client.force_login(ada.user)
    connect(ada, vendor, status="broken", broken_at=timezone.now(), broken_why="Odd.")

    page = text_of(client.get("/teaching/links/"))

    assert "Zoom must be connected again" in page
