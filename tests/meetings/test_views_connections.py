"""The page on which tutors see where their sessions are held, and what becomes of an account that they connect."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import Tutor, User
from meetings import consents
from meetings.models import Meeting, ProviderSwitch, VideoConnection
from meetings.switching import start_switch
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_meeting, make_tutor, make_user, tomorrow
from tests.meetings.consenting import (
    BEGIN,
    CALLBACK,
    PAGE,
    ConsentDouble,
    begin,
    come_back,
    connect,
    consent,
    providers,
    stored,
)


def test_account_that_cannot_hold_sessions_is_connected_and_not_offered(desk_of_ada: Client, vendor: ConsentDouble):
    vendor.can_host = False
    asked = begin(desk_of_ada)

    (told,) = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    page = desk_of_ada.get(PAGE).content.decode()
    assert told == "Consent is connected (ada@vendor.test), but cannot hold sessions yet."
    assert "Cannot hold sessions" in page
    assert "It cannot hold meetings." in page
    assert "/teaching/meetings/zoom/choose/" not in page


@pytest.mark.defect("IT-09")
@pytest.mark.parametrize("provider", ["google", "zoom"])
def test_reconnect_leads_to_the_vendor_whose_account_is_broken(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, provider: str
):
    both = providers(vendor) | {"google": providers(vendor)["zoom"]}
    connect(ada, vendor, status="broken", broken_at=timezone.now())
    VideoConnection.objects.update(provider=provider)
    booking = make_booking(sam, ada, status="paid")
    make_meeting(booking, trouble=Meeting.Trouble.RECONNECT)

    with override_settings(MEETING_PROVIDERS=both):
        shown = desk_of_ada.get(reverse("meetings:booking_status", args=[booking.reference])).text
        [page] = re.findall(r'id="reconnect-[^"]+" href="([^"]+)"', shown)
        [button] = re.findall(
            r'class="notice notice-bad".*?<form method="post" action="([^"]+)"', desk_of_ada.get(page).text, re.S
        )
        begun = desk_of_ada.post(button)["Location"]

    [callback] = parse_qs(urlsplit(begun).query)["redirect_uri"]
    assert (begun.startswith(f"{vendor.url}/"), callback) == (True, f"http://testserver/connections/{provider}/callback")


def test_account_of_another_tutor_is_refused(desk_of_ada: Client, vendor: ConsentDouble):
    other = make_tutor(make_user("other@example.com"), slug="other")
    connect(other, vendor, account_id="shared@vendor.test")
    asked = begin(desk_of_ada)

    (told,) = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked, account="shared@vendor.test"))

    assert told.startswith("Another tutor has connected this account already.")
    assert VideoConnection.objects.get().tutor == other


def test_same_account_again_mends_its_connection_and_has_waiting_sessions_tried(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    ada.meeting_provider = "zoom"
    ada.save()
    now = timezone.now()
    broken = connect(ada, vendor, account_id="ada@vendor.test", status="broken", broken_at=now, broken_why="x", told_at=now)
    later = {"next_attempt_at": now + timedelta(hours=1), "passed_over": ["zoom"], "trouble": "reconnect"}
    meeting = make_meeting(make_booking(sam, ada, status="paid"), provider="zoom", **later)
    asked = begin(desk_of_ada)

    come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))
    drain()

    row = stored(broken)
    assert (VideoConnection.objects.count(), row.is_usable, row.told_at, row.broken_why) == (1, True, None, "")
    meeting.refresh_from_db()
    assert (meeting.status, meeting.provider) == (Meeting.Status.READY, "zoom")


def test_another_account_takes_the_place_of_the_first_which_stays_readable_for_its_rooms(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble
):
    first = connect(ada, vendor, account_id="first@vendor.test", account="first@vendor.test")
    asked = begin(desk_of_ada)

    come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked, account="second@vendor.test"))

    assert VideoConnection.objects.connected().get().account == "second@vendor.test"
    assert stored(first).disconnected_at is not None
    assert stored(first).refresh_token in vendor.grants


def test_provider_that_nobody_can_connect_is_not_there(desk_of_ada: Client, vendor: ConsentDouble):
    for provider in ("pool", "google", "hundredms", "nobody"):
        assert desk_of_ada.post(f"/teaching/meetings/{provider}/connect/").status_code == 404
        assert desk_of_ada.get(f"/connections/{provider}/callback?state=x&code=y").status_code == 404


@pytest.mark.parametrize("keys", [[], ["not-a-key"]])
def test_nothing_is_connected_without_a_key_to_keep_tokens_with(desk_of_ada: Client, vendor: ConsentDouble, keys: list[str]):
    with override_settings(TOKEN_KEYS=keys):
        assert desk_of_ada.post(BEGIN).status_code == 404
        assert "Connect Consent" not in desk_of_ada.get(PAGE).content.decode()


def test_tutor_not_approved_sees_the_page_and_connects_nothing(ada: Tutor, desk_of_ada: Client, vendor: ConsentDouble):
    ada.is_approved = False
    ada.save()

    assert "once our team has approved you" in desk_of_ada.get(PAGE).content.decode()
    assert desk_of_ada.post(BEGIN).status_code == 404
    assert desk_of_ada.get(CALLBACK).status_code == 404


def test_tutor_no_longer_approved_connects_the_own_account_again(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    """Sessions that are paid take place, and mails ask for it."""
    broken = connect(ada, vendor, account_id="ada@vendor.test", status="broken", broken_at=timezone.now())
    ada.is_approved = False
    ada.save()

    assert "Connect Consent again" in desk_of_ada.get(PAGE).text
    asked = begin(desk_of_ada)
    come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert stored(broken).is_usable
    assert "Hold my sessions here" not in desk_of_ada.get(PAGE).text


def test_tutor_no_longer_approved_takes_the_own_account_back(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    row = connect(ada, vendor)
    ada.is_approved = False
    ada.save()
    leave = "/teaching/meetings/zoom/disconnect/"

    assert f'href="{leave}"' in desk_of_ada.get(PAGE).text
    assert desk_of_ada.get(leave).status_code == 200
    assert desk_of_ada.post(leave).status_code == 303

    assert stored(row).disconnected_at is not None
    assert "Connect Consent" not in desk_of_ada.get(PAGE).text
    assert desk_of_ada.post(BEGIN).status_code == 404


@pytest.mark.defect("IT-17")
def test_no_page_shows_a_token(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    row = stored(connect(ada, vendor))

    for path in (PAGE, "/teaching/meetings/zoom/disconnect/", "/teaching/meetings/zoom/choose/"):
        page = desk_of_ada.get(path).content.decode()
        assert row.access_token not in page
        assert row.refresh_token not in page


def test_broken_account_is_told_on_the_page_with_a_button(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    connect(ada, vendor, status="broken", broken_at=timezone.now(), broken_why=str(consents.CODE_OLD))

    page = desk_of_ada.get(PAGE).content.decode()

    assert "Zoom must be connected again" in page
    assert "Connect Consent again" in page


def test_consent_that_ends_by_a_date_can_be_renewed_on_the_page(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    row = connect(ada, vendor)
    assert "Connect again" not in desk_of_ada.get(PAGE).text
    VideoConnection.objects.filter(pk=row.pk).update(grant_ends_at=timezone.now() + timedelta(days=5))
    assert "Connect again" in desk_of_ada.get(PAGE).text


def test_page_asks_as_often_for_one_account_as_for_many(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, django_assert_max_num_queries
):
    connect(ada, vendor)
    offered = providers(vendor, site_account="owner@vendor.test")
    with override_settings(MEETING_PROVIDERS=offered), django_assert_max_num_queries(9):
        desk_of_ada.get(PAGE)


@pytest.mark.parametrize(
    ("booked", "sentence", "outcome"),
    [
        ("stay", "New sessions are held at Consent rooms; those that are booked stay.", "stayed"),
        ("move", "Your sessions are held at Consent rooms from now on.", "waiting"),
    ],
)
def test_choice_is_for_new_sessions_alone_or_for_all(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, booked: str, sentence: str, outcome: str
):
    connect(ada, vendor)
    make_meeting(make_booking(sam, ada, status="paid"))
    start_switch(ada, "zoom", asked_by=ada.user)

    answer = desk_of_ada.post("/teaching/meetings/zoom/choose/", {"booked": booked}, follow=True)

    assert [str(message) for message in answer.context["messages"]] == [sentence]
    (session,) = ProviderSwitch.objects.latest("pk").sessions.all()
    assert session.outcome == outcome
    assert ProviderSwitch.objects.filter(finished_at=None).count() == (booked == "move")


@pytest.mark.parametrize("path", [PAGE, "/teaching/meetings/progress/", "/teaching/meetings/zoom/choose/"])
def test_pages_ask_as_often_for_thirty_sessions_as_for_one(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, path: str
):
    connect(ada, vendor)

    def queries_with_one_more(number: int) -> int:
        for place in range(number):
            during = an_hour(tomorrow(8 + place % 8, days=2 + place // 8 + 9 * (number > 1)))
            make_meeting(make_booking(sam, ada, status="paid", during=during))
        start_switch(ada, "zoom", asked_by=ada.user)
        Tutor.objects.update(meeting_provider="pool")
        desk_of_ada.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert desk_of_ada.get(path).status_code == 200
        return len(captured)

    assert queries_with_one_more(1) == queries_with_one_more(30)
