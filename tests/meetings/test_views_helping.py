"""What a tutor can do about a session without an address."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.letters import write_letter
from bookings.models import Booking, Notice
from bookings.notice_truth import is_still_true
from bookings.times import During
from meetings.by_hand import give_address
from meetings.models import Meeting, VendorRoom, VideoConnection
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_user, tomorrow
from tests.meetings.making import paid_booking

pytestmark = pytest.mark.django_db
START = tomorrow()
OWN = "https://us02web.zoom.us/j/123?pwd=abc"


@pytest.fixture
def booking(ada, sam) -> Booking:
    order = make_order(make_user("parent@example.com"), status="paid")
    return make_booking(sam, ada, during=During(START, START + timedelta(hours=1)), status="paid", order=order)


@pytest.fixture
def meeting(booking) -> Meeting:
    return make_meeting(booking)


def browser_of(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def look(person, booking: Booking, at: datetime | None = None, name: str = "booking_status") -> str:
    client = browser_of(person)
    with time_machine.travel(at or timezone.now(), tick=False):
        return client.get(reverse(f"meetings:{name}", args=[booking.reference]), {"waiting": ""}).text


def send(person, booking: Booking, name: str, **typed: str):
    return browser_of(person).post(reverse(f"meetings:{name}", args=[booking.reference]), typed)


def test_progress_shows_how_far_the_making_is(booking, meeting, sam):
    Meeting.objects.update(provider="sandbox")
    assert look(sam, booking).count("is-done") == 0
    room = VendorRoom.objects.create(
        meeting=meeting, provider="sandbox", generation=0, key="a", state="asked", asked_at=timezone.now()
    )
    asked = look(sam, booking)
    assert (asked.count("is-done"), "Sandbox room was asked" in asked, "Making the room" in asked) == (1, True, True)
    VendorRoom.objects.filter(pk=room.pk).update(state="made", external_id="1")
    assert look(sam, booking).count("is-done") == 2


def test_progress_says_how_long_it_takes_as_a_rule(booking, meeting, sam):
    now = timezone.now()
    for minutes in (2, 3, 40):
        asked_at = now - timedelta(hours=1)
        made = make_meeting(paid_booking(), requested_at=asked_at, provider="sandbox", status="ready", join_url_student="x")
        Meeting.objects.filter(pk=made.pk).update(ready_at=asked_at + timedelta(minutes=minutes))
    assert "Usually" not in look(sam, booking)  # nobody knows how long the pool takes
    Meeting.objects.filter(pk=meeting.pk).update(provider="sandbox")
    assert "Usually this takes about 3 minutes." in look(sam, booking)


@pytest.mark.parametrize("trouble", Meeting.Trouble.values)
@pytest.mark.parametrize("name", ["booking_status", "join"])
@pytest.mark.parametrize("minutes", [-120, 5])
def test_trouble_is_plain_for_the_tutor_and_calm_for_the_student(booking, meeting, sam, ada, trouble, name, minutes):
    Meeting.objects.update(trouble=trouble, last_error="Vendor said E42.", provider="sandbox")
    at = START + timedelta(minutes=minutes)
    tutors, students = look(ada.user, booking, at, name), look(sam, booking, at, name)
    assert "Retry now" in tutors
    assert "/meeting/address/" in tutors
    assert "takes longer than usual" in students
    assert "Asia/Jakarta" in students  # by when, in the reader's zone
    for hidden in ("E42", "Retry", "/meeting/address/", "connected again"):
        assert hidden not in students


@pytest.mark.defect("IT-18")
def test_tutor_reads_which_account_to_connect_again_and_why(booking, meeting, sam, ada):
    Meeting.objects.update(trouble="reconnect", provider="pool")
    VideoConnection.objects.create(
        tutor=ada,
        provider="zoom",
        status="broken",
        broken_at=timezone.now(),
        broken_why="The consent was withdrawn or has ended at the provider.",
        connected_at=timezone.now(),
    )
    said = look(ada.user, booking)
    assert "Zoom no longer lets us make meetings for you." in said
    assert "The consent was withdrawn" in said
    assert "Zoom" not in look(sam, booking)


def test_reader_is_told_who_knows(booking, meeting, sam, ada):
    Meeting.objects.update(trouble="unreachable")
    assert "your tutor can see it too" in look(sam, booking)
    Meeting.objects.update(trouble="by_hand")
    assert "Your tutor has been told" in look(sam, booking)
    Meeting.objects.update(alerted_at=timezone.now())
    assert "Your tutor and our team have been told" in look(sam, booking)
    assert "Our team has been told as well." in look(ada.user, booking)


def test_student_learns_that_nothing_is_to_be_done_if_nobody_can_meet(booking, meeting, sam):
    Meeting.objects.update(trouble="pool_full")
    absence = reverse("meetings:absence", args=[booking.reference])
    for minutes in (0, 20):
        said = look(sam, booking, START + timedelta(minutes=minutes))
        assert "until the session ends at 20:00 (Asia/Jakarta), we put it right by ourselves" in said
        assert absence not in said  # a room may still come


def test_payer_reads_the_same_as_the_student_without_doors(booking, meeting):
    Meeting.objects.update(trouble="pool_full")
    said = look(booking.order.payer, booking)
    assert "takes longer than usual" in said
    assert "/join/" not in said


@pytest.mark.defect("IT-03", "IT-04")
def test_retry_makes_the_meeting_and_a_second_click_no_second_one(booking, meeting, ada, drain: Drain):
    later = timezone.now() + timedelta(minutes=30)
    Meeting.objects.update(trouble="unreachable", last_error="x", next_attempt_at=later, passed_over=["zoom"])
    make_link()
    for _ in range(2):
        answer = send(ada.user, booking, "retry")
        assert (answer.status_code, answer.headers["Location"]) == (303, booking.get_absolute_url())
    drain()
    meeting.refresh_from_db()
    assert (meeting.status, meeting.passed_over) == ("ready", [])
    assert send(ada.user, booking, "retry").status_code == 303  # too late a click does no harm
    meeting.refresh_from_db()
    assert meeting.is_ready


def test_retry_is_not_for_machine_guns(booking, meeting, ada):
    assert [send(ada.user, booking, "retry").status_code for _ in range(5)] == [303, 303, 303, 303, 429]


@pytest.mark.parametrize("status", ["held", "cancelled", "completed"])
def test_retry_of_a_session_that_does_not_take_place_is_refused(booking, meeting, ada, status: str):
    Booking.objects.update(status=status)
    assert send(ada.user, booking, "retry").status_code == 409
    meeting.refresh_from_db()
    assert meeting.is_waiting


@pytest.mark.parametrize("who", ["student", "payer", "stranger", "staff"])
def test_only_the_tutor_retries_and_gives_addresses(booking, meeting, sam, kim, root, who: str):
    person = {"student": sam, "payer": booking.order.payer, "stranger": kim, "staff": root}[who]
    for name in ("retry", "address"):
        assert send(person, booking, name, address=OWN).status_code == 404
    assert browser_of(person).get(reverse("meetings:address", args=[booking.reference])).status_code == 404
    meeting.refresh_from_db()
    assert meeting.is_waiting


def test_tutor_gives_an_address_and_everybody_reads_where_it_is(booking, meeting, ada, sam):
    assert send(ada.user, booking, "address", address=OWN).status_code == 303
    for person in (sam, ada.user, booking.order.payer):
        said = look(person, booking)
        assert "Held at Zoom." in said
        assert "us02web" not in said
    assert "Meet somewhere else" in look(ada.user, booking)
    assert "Meet somewhere else" not in look(sam, booking)
    assert "Zoom" in look(sam, booking, name="join")


@pytest.mark.parametrize("typed", ["", "zoom.us/j/1", "http://zoom.us/j/1", "x" * 9999, "\0", "https://meet.google.com/new"])
def test_address_that_is_none_is_said_beside_the_field(booking, meeting, ada, typed: str):
    answer = send(ada.user, booking, "address", address=typed)
    assert answer.status_code == 400
    assert "field-error" in answer.text
    meeting.refresh_from_db()
    assert meeting.is_waiting


def test_address_of_the_pool_or_of_others_is_said_beside_the_field(booking, meeting, ada):
    make_link(url="https://meet.google.com/abc-defg-hij")
    answer = send(ada.user, booking, "address", address="https://meet.google.com/abc-defg-hij")
    assert (answer.status_code, "belongs to the link pool" in answer.text) == (400, True)
    other = paid_booking()
    assert send(other.tutor.user, other, "address", address=OWN).status_code == 303
    answer = send(ada.user, booking, "address", address=OWN)
    assert (answer.status_code, "Another session is held at this address" in answer.text) == (400, True)


def test_page_of_the_address_of_a_session_that_is_over_has_no_form(booking, meeting, ada):
    said = look(ada.user, booking, START + timedelta(days=1), "address")
    assert "cannot be changed" in said
    assert 'name="address"' not in said


def test_tutors_list_says_of_each_session_why_it_has_no_link(booking, meeting, ada, sam, django_assert_num_queries):
    client = browser_of(ada.user)
    page = reverse("meetings:teaching_links")
    assert "It is being prepared." in client.get(page).text
    Meeting.objects.update(trouble="by_hand")
    said = client.get(page).text
    assert "This session waits for an address from you" in said
    assert reverse("meetings:address", args=[booking.reference]) in said
    with CaptureQueriesContext(connection) as one:
        client.get(page)
    for hour in range(8):
        make_meeting(make_booking(make_user(), ada, during=an_hour(tomorrow(13 + hour)), status="paid"), trouble="pool_full")
    with django_assert_num_queries(len(one)):
        assert client.get(page).text.count("Every room is taken at this time") == 8


def test_fragment_takes_as_many_queries_whatever_the_trouble(booking, meeting, ada, django_assert_max_num_queries):
    client = browser_of(ada.user)
    page = reverse("meetings:booking_status", args=[booking.reference])
    for trouble in ["", *Meeting.Trouble.values]:
        Meeting.objects.update(trouble=trouble)
        with django_assert_max_num_queries(12):
            assert client.get(page).status_code == 200


def test_tutor_reads_what_is_special_about_the_account_and_nobody_else(booking, meeting, ada, sam):
    account = VideoConnection.objects.create(
        tutor=ada, provider="zoom", connected_at=timezone.now(), remark="Zoom ends calls of this account after 40 minutes."
    )
    VendorRoom.objects.create(
        meeting=meeting,
        provider="zoom",
        connection=account,
        generation=0,
        key="a",
        external_id="1",
        state="made",
        asked_at=timezone.now(),
    )
    Meeting.objects.update(status="ready", provider="zoom", join_url_student="https://zoom.us/j/1", external_id="1")
    assert "after 40 minutes" in look(ada.user, booking)
    assert "40 minutes" not in look(sam, booking)


def test_mail_about_another_place_names_it_and_an_older_one_is_not_mailed(booking, meeting, ada, sam):
    give_address(booking, OWN, who=ada.user)
    give_address(booking, "https://whereby.com/ada", who=ada.user)
    give_address(booking, OWN + "2", who=ada.user)
    *older, newer = Notice.objects.with_rows().filter(fact="link_changed", to=sam).order_by("pk")
    now = timezone.now()
    assert [is_still_true(one, now=now) for one in (*older, newer)] == [False, False, True]  # the first in the pool's stead
    letter = write_letter(newer)
    assert letter.sentence.endswith("is now held at Zoom.")
    assert "us02web" not in f"{letter}"
