import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings.models import Attendance, Meeting
from meetings.no_shows import answer_report, decide_report, report_absence
from meetings.pool import assign_link
from meetings.upkeep import give_up_over
from tests.factories import make_booking, make_link, make_meeting, make_order, make_user, tomorrow

pytestmark = pytest.mark.django_db
START, END = tomorrow(), tomorrow(13)


@pytest.fixture
def booking(ada, sam) -> Booking:
    order = make_order(make_user("parent@example.com"), status="paid")
    return make_booking(sam, ada, during=During(START, END), status=Booking.Status.PAID, order=order)


@pytest.fixture
def meeting(booking) -> Meeting:
    meeting = make_meeting(booking)
    make_link()
    assign_link(meeting)
    return meeting


def look(booking: Booking, person, at: datetime, name: str = "booking_status"):
    client = Client()
    client.force_login(person)
    with time_machine.travel(at, tick=False):
        return client.get(reverse(f"meetings:{name}", args=[booking.reference]), {"waiting": ""})


def asks_every(answer) -> int:
    """Seconds between two looks. They go on after one that failed, and whoever comes back to the page looks at once."""
    found = re.search(
        r'hx-trigger="every (\d+)s, online from:window, focus from:window, visibilitychange from:document"', answer.text
    )
    assert found is not None
    return int(found[1])


def looks_again(booking: Booking, person, at: datetime, before):
    """Ask as the fragment that came before does."""
    seen = re.search(r'hx-get="([^"]+)"', before.text)
    assert seen is not None
    client = Client()
    client.force_login(person)
    with time_machine.travel(at, tick=False):
        return client.get(seen[1])


def test_status_tells_that_the_meeting_is_being_prepared_and_asks_again(booking, sam):
    make_meeting(booking)
    answer = look(booking, sam, timezone.now())
    assert "being prepared" in answer.text
    assert asks_every(answer) == 5
    later = look(booking, sam, timezone.now() + timedelta(minutes=5))
    assert asks_every(later) == 30


def test_status_tells_when_one_can_join_and_looks_again_then(meeting, booking, sam):
    answer = look(booking, sam, START - timedelta(minutes=25))
    assert "Your link is ready." in answer.text
    assert "18:45" in answer.text
    assert asks_every(answer) == 601
    assert "meet.google.com" not in answer.text


def test_status_far_ahead_looks_again_once_an_hour(meeting, booking, sam):
    assert asks_every(look(booking, sam, timezone.now())) == 3601


def test_status_has_a_join_button_while_the_door_is_open(meeting, booking, sam, ada):
    for person in (sam, ada.user):
        answer = look(booking, person, START)
        assert f'href="/join/{booking.reference}"' in answer.text
        assert "The door is open." in answer.text
        assert "meet.google.com" not in answer.text


def test_status_has_no_join_button_for_who_only_pays(meeting, booking):
    parent = booking.order.payer
    for at in (timezone.now(), START):
        answer = look(booking, parent, at)
        assert answer.status_code == 200
        assert "/join/" not in answer.text


@pytest.mark.parametrize("status", ["cancelled", "completed", "expired"])
def test_status_of_what_changes_no_more_asks_no_more(meeting, booking, sam, status: str):
    Booking.objects.update(status=status)
    answer = look(booking, sam, START)
    assert "hx-get" not in answer.text
    assert "/join/" not in answer.text


def test_status_after_the_session_asks_no_more(meeting, booking, sam):
    answer = look(booking, sam, END + timedelta(minutes=15))
    assert "This session is over." in answer.text
    assert "hx-get" not in answer.text


@pytest.mark.parametrize("status", ["held", "requested", "accepted"])
def test_status_of_what_may_be_paid_any_moment_looks_again(meeting, booking, sam, status: str):
    Booking.objects.update(status=status)
    assert asks_every(look(booking, sam, START - timedelta(days=1))) == 30


def test_status_that_is_as_it_was_is_not_sent_again(booking, sam, ada):
    meeting = make_meeting(booking)
    for person in (sam, ada.user):
        for trouble in ("", "unreachable"):
            Meeting.objects.update(trouble=trouble)
            first = look(booking, person, START)
            assert looks_again(booking, person, START, first).status_code == 204
            Meeting.objects.update(trouble="pool_full")
            assert looks_again(booking, person, START, first).status_code == 200
    first = look(booking, sam, START)
    make_link()
    assign_link(meeting)
    opened = looks_again(booking, sam, START, first)
    assert "The door is open." in opened.text
    assert looks_again(booking, sam, START + timedelta(seconds=5), opened).status_code == 204
    Attendance.objects.create(meeting=meeting, user=ada.user, opened_at=START, last_opened_at=START)
    assert "is here" in looks_again(booking, sam, START + timedelta(seconds=5), opened).text


def test_status_that_waits_for_the_door_sets_its_clock_anew_at_each_look(meeting, booking, sam):
    """A timer that slept with its phone would wake too late."""
    first = look(booking, sam, START - timedelta(minutes=45))
    later = looks_again(booking, sam, START - timedelta(minutes=20), first)
    assert (asks_every(first), asks_every(later)) == (1801, 301)


def test_links_and_buttons_of_the_status_are_found_again_when_it_is_replaced(booking, sam, ada):
    """By their ids the keyboard's focus is put back."""
    meeting = make_meeting(booking)
    for trouble in Meeting.Trouble.values:
        Meeting.objects.update(trouble=trouble)
        for person in (sam, ada.user):
            assert_all_have_ids(look(booking, person, START + timedelta(minutes=20)).text)
    Meeting.objects.update(trouble="")
    make_link()
    assign_link(meeting)
    for minutes in (-60, 0, 20, 80):
        for person in (sam, ada.user):
            assert_all_have_ids(look(booking, person, START + timedelta(minutes=minutes)).text)


def assert_all_have_ids(page: str) -> None:
    found = re.findall(r"<(?:a|button)\b[^>]*>", page)
    ids = [re.findall(r'\bid="([^"]+)"', one) for one in found]
    assert all(ids), found
    assert len({one[0] for one in ids}) == len(ids)


@pytest.mark.parametrize("name", ["booking_status", "join"])
def test_absence_can_be_reported_from_a_page_that_was_left_open(meeting, booking, sam, ada, name: str):
    report = reverse("meetings:absence", args=[booking.reference])
    for person in (sam, ada.user):
        for minutes, is_offered in ((0, False), (14, False), (15, True), (70, True), (80, True), (60 + 24 * 60 + 1, False)):
            assert (report in look(booking, person, START + timedelta(minutes=minutes), name).text) is is_offered
    first = look(booking, sam, START + timedelta(minutes=14))
    assert report in looks_again(booking, sam, START + timedelta(minutes=15), first).text


def test_absence_that_was_reported_is_not_asked_for_again(meeting, booking, sam):
    with time_machine.travel(START + timedelta(minutes=20), tick=False):
        report_absence(booking, who=sam, statement="I waited for twenty minutes and nobody came.")
    for minutes in (20, 80):
        for name in ("booking_status", "join"):
            assert "Report an absence" not in look(booking, sam, START + timedelta(minutes=minutes), name).text


@pytest.mark.parametrize("name", ["booking_status", "join"])
@pytest.mark.parametrize("trouble", ["", "pool_full", "reconnect", "by_hand"])
@pytest.mark.parametrize("is_noted", [True, False])
def test_session_that_ended_without_a_room_is_not_waited_for(booking, sam, ada, name, trouble, is_noted):
    at = START + timedelta(minutes=65)
    make_meeting(booking, trouble=trouble, last_error="x")
    with time_machine.travel(at, tick=False):
        assert not is_noted or give_up_over(timezone.now())
    tutors, students = look(booking, ada.user, at, name).text, look(booking, sam, at, name).text
    for said in (tutors, students):
        assert "No room was found in time" in said
        for untrue in (
            "being prepared",
            "by itself",
            "as soon as there is a room",
            "Retry",
            "Reconnect",
            "/meeting/address/",
        ):
            assert untrue not in said
    absence = reverse("meetings:absence", args=[booking.reference])
    assert (absence in students, absence in tutors) == (True, False)


def test_student_who_told_us_of_a_session_without_a_room_is_not_asked_to_tell_us(booking, sam):
    make_meeting(booking)
    at = START + timedelta(minutes=65)
    with time_machine.travel(at, tick=False):
        report_absence(booking, who=sam, statement="There was no room to meet in at all.")
    said = look(booking, sam, at).text
    assert ("It was reported, and we look into it." in said, "Tell us" in said) == (True, False)


def test_decision_about_a_session_without_a_room_is_told_where_it_was_waited_for(booking, sam, ada, root):
    make_meeting(booking)
    at = START + timedelta(minutes=65)
    with time_machine.travel(at, tick=False):
        report = report_absence(booking, who=sam, statement="There was no room to meet in at all.")
        before = look(booking, sam, at)
        answer_report(report, who=ada.user, answer="We met at my own room instead.")
        assert looks_again(booking, sam, at, before).status_code == 204
        decide_report(report, decision="took_place", who=root, note="Both say so.")
    for after in (looks_again(booking, sam, at, before), look(booking, sam, at, "join"), look(booking, ada.user, at)):
        assert ("We decided: the session took place." in after.text, "we look into it" in after.text) == (True, False)
        assert reverse("meetings:absence", args=[booking.reference]) in after.text


def test_status_is_hidden_from_strangers(meeting, booking, kim, root):
    for person in (kim, root):
        assert look(booking, person, START).status_code == 404
    anonymous = Client().get(reverse("meetings:booking_status", args=[booking.reference]))
    assert (anonymous.status_code, anonymous.headers["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_status_is_kept_in_no_cache(meeting, booking, sam):
    assert "no-store" in look(booking, sam, START).headers["Cache-Control"]
