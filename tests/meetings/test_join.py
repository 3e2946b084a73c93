import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bookings.models import Booking, User
from bookings.times import During
from meetings.models import Attendance, Meeting
from meetings.pool import assign_link, choose_link
from tests.factories import make_booking, make_link, make_meeting, make_order, make_user, tomorrow
from tests.meetings.making import lesson, waiting_meeting

pytestmark = pytest.mark.django_db
START, END = tomorrow(), tomorrow(13)
MOMENTS = {
    "long before": START - timedelta(days=2),
    "just before the door opens": START - timedelta(minutes=15, seconds=1),
    "as the door opens": START - timedelta(minutes=15),
    "in the middle": START + timedelta(minutes=30),
    "after the end, door still open": END + timedelta(minutes=14, seconds=59),
    "as the door closes": END + timedelta(minutes=15),
    "days later": END + timedelta(days=3),
}
OPEN = {"as the door opens", "in the middle", "after the end, door still open"}


@pytest.fixture
def people(ada, sam, kim, root) -> dict[str, User | None]:
    """Sam learns, Ada teaches, the parent pays; Kim is a stranger."""
    parent = make_user("parent@example.com")
    return {"student": sam, "tutor": ada.user, "payer": parent, "stranger": kim, "staff": root, "anonymous": None}


@pytest.fixture
def meeting(people, ada) -> Meeting:
    order = make_order(people["payer"], status="paid")
    booking = make_booking(people["student"], ada, during=During(START, END), status=Booking.Status.PAID, order=order)
    meeting = make_meeting(booking)
    choose_link(meeting, make_link(url="https://meet.google.com/raw-link-xyz"))
    meeting.refresh_from_db()
    return meeting


def door(meeting: Meeting) -> str:
    return reverse("meetings:join", args=[meeting.booking.reference])


def come(person: User | None, path: str, at: datetime, method: str = "get"):
    client = Client()
    if person:
        client.force_login(person)
    with time_machine.travel(at, tick=False):
        answer = getattr(client, method)(path)
        # Who comes too early is shown to a page to wait at.
        return client.get(answer.headers["Location"]) if answer.status_code == 303 else answer


def looks_again_in(answer: Any) -> int | None:
    """After how many seconds the card asks again, and without scripts the page: a reload that fails would lose the page."""
    assert "Refresh" not in answer.headers
    asks = re.search(r'hx-trigger="every (\d+)s, ', answer.text)
    reloads = re.search(r'<noscript><meta http-equiv="refresh" content="(\d+)"></noscript>', answer.text)
    assert (asks and asks[1]) == (reloads and reloads[1])
    return int(asks[1]) if asks else None


@pytest.mark.defect("IT-06", "IT-33", "TB-21", "TB-23")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("who", ["student", "tutor", "payer", "stranger", "staff", "anonymous"])
def test_door_lets_the_two_parties_in_while_it_is_open_and_nobody_else(people, meeting, who: str, moment: str):
    answer = come(people[who], door(meeting), MOMENTS[moment])
    got_in = answer.headers.get("Location") == "https://meet.google.com/raw-link-xyz"
    assert got_in is (who in ("student", "tutor") and moment in OPEN)
    assert answer.status_code == {"anonymous": 302}.get(
        who, (302 if got_in else 200) if who in ("student", "tutor") else 404
    )
    if not got_in:
        assert b"meet.google.com" not in answer.content
        assert "meet.google.com" not in str(answer.headers)
    assert Attendance.objects.exists() is got_in


def test_browser_that_only_guesses_where_its_person_goes_does_not_count_as_come(people, meeting):
    client = Client()
    client.force_login(people["student"])
    with time_machine.travel(MOMENTS["in the middle"], tick=False):
        answer = client.get(door(meeting), headers={"Sec-Purpose": "prefetch;prerender"})
    assert (answer.status_code, "Location" in answer) == (503, False)
    assert not Attendance.objects.exists()


@pytest.mark.defect("IT-07")
def test_door_opens_by_itself_at_its_time(people, meeting):
    early = come(people["student"], door(meeting), START - timedelta(minutes=16))
    assert looks_again_in(early) == 61
    assert "The door opens at" in early.text
    assert "18:45" in early.text  # Sam reads Jakarta's clocks
    assert "Asia/Jakarta" in early.text
    assert "data-countdown" in early.text
    assert come(people["student"], door(meeting), START - timedelta(minutes=15)).status_code == 302


def test_page_left_open_before_the_door_offers_a_button_and_leads_nobody_in(people, meeting):
    """Going in counts as having come, so a browser that waits alone must not go in."""
    client = Client()
    client.force_login(people["student"])
    with time_machine.travel(START - timedelta(minutes=16), tick=False):
        waiting = client.get(door(meeting)).headers["Location"]
        (asks,) = re.findall(r'id="waiting".* hx-get="([^"]+)"', client.get(waiting).text)
        assert client.get(unescape(asks)).status_code == 204  # nothing has changed
    with time_machine.travel(START, tick=False):
        for path in (waiting, unescape(asks)):
            answer = client.get(path)
            assert (answer.status_code, f'href="{door(meeting)}"' in answer.text) == (200, True)
            assert "raw-link" not in answer.text
        assert not Attendance.objects.exists()
        assert client.get(door(meeting)).headers["Location"] == "https://meet.google.com/raw-link-xyz"
    assert Attendance.objects.get().user == people["student"]


@pytest.mark.defect("IT-08")
def test_door_stays_open_when_the_session_has_started(people, meeting):
    assert come(people["student"], door(meeting), START + timedelta(seconds=1)).status_code == 302


@pytest.mark.parametrize("moment", MOMENTS)
def test_answers_of_the_door_are_kept_nowhere_and_tell_no_referrer(people, meeting, moment: str):
    answer = come(people["student"], door(meeting), MOMENTS[moment])
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_door_has_a_final_slash_or_not(people, meeting):
    assert door(meeting) == f"/join/{meeting.booking.reference}"
    assert come(people["student"], door(meeting) + "/", START).headers["Location"].startswith("https://meet.google.com/")


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_door_is_only_looked_at(people, meeting, method: str):
    assert come(people["student"], door(meeting), START, method).status_code == 405


def test_first_time_through_the_door_is_kept(people, meeting):
    for minutes in (-10, 5, 30):
        come(people["student"], door(meeting), START + timedelta(minutes=minutes))
    row = Attendance.objects.get()
    assert (row.meeting, row.user, row.times_opened) == (meeting, people["student"], 3)
    assert (row.opened_at, row.last_opened_at) == (START - timedelta(minutes=10), START + timedelta(minutes=30))


def test_looking_without_going_in_records_nothing(people, meeting):
    answer = come(people["student"], door(meeting), START, "head")
    assert answer.status_code == 302
    assert not Attendance.objects.exists()


def test_meeting_that_is_not_ready_in_the_window_is_being_prepared(people, meeting):
    Meeting.objects.update(status="waiting", link=None, reserved=None)
    answer = come(people["tutor"], door(meeting), START)
    assert "being prepared" in answer.text
    assert 0 < (looks_again_in(answer) or 0) <= 30


def test_paid_booking_nobody_planned_a_meeting_for_is_being_prepared(people, meeting):
    Meeting.objects.all().delete()
    assert "being prepared" in come(people["student"], door(meeting), START).text


@pytest.mark.defect("IT-09")
@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("held", "not paid yet"),
        ("requested", "not paid yet"),
        ("accepted", "not paid yet"),
        ("expired", "does not take place"),
        ("declined", "does not take place"),
        ("cancelled", "does not take place"),
        ("completed", "is over"),
        ("no_show_student", "is over"),
        ("no_show_tutor", "is over"),
    ],
)
def test_door_of_a_booking_that_is_not_paid_stays_closed(people, meeting, status: str, sentence: str):
    Booking.objects.update(status=status)
    answer = come(people["student"], door(meeting), START)
    assert answer.status_code == 200
    assert sentence in answer.text
    # What may be paid any moment is looked at again; the rest stays as it is.
    assert looks_again_in(answer) == (30 if sentence == "not paid yet" else None)


def test_door_waits_until_the_lesson_before_on_the_same_link_is_over(people, meeting):
    """Windows reach 15 minutes to each side, a link rests for 10: nobody walks into a stranger's lesson."""
    before = waiting_meeting(lesson(-70))
    choose_link(before, meeting.link)
    still_theirs = come(people["student"], door(meeting), START - timedelta(minutes=12))
    assert still_theirs.status_code == 200
    assert "18:50" in still_theirs.text
    assert come(people["student"], door(meeting), START - timedelta(minutes=10)).status_code == 302


def test_door_closes_when_the_lesson_after_on_the_same_link_begins(people, meeting):
    after = waiting_meeting(lesson(70))
    choose_link(after, meeting.link)
    assert come(people["student"], door(meeting), END + timedelta(minutes=9)).status_code == 302
    assert "is over" in come(people["student"], door(meeting), END + timedelta(minutes=10)).text


def test_meeting_that_was_marked_as_ended_lets_in_until_the_door_closes(people, meeting):
    Meeting.objects.update(status="ended")
    assert come(people["student"], door(meeting), END + timedelta(minutes=12)).status_code == 302


def test_reference_that_is_not_there_is_not_found(people, meeting):
    for reference in ("BK-NOTTHERE22", "x" * 200, "..", "%00"):
        assert come(people["student"], f"/join/{reference}", START).status_code == 404


def test_sandbox_room_is_shown_while_debugging_only(settings, client, sam):
    meeting = waiting_meeting(provider="sandbox")
    from meetings.provisioning import provision_meeting

    address = provision_meeting(meeting).join_url_student
    path = address.removeprefix("http://testserver")
    settings.DEBUG = True
    assert "pretend room" in client.get(path).text
    settings.DEBUG = False
    assert client.get(path).status_code == 404


@pytest.mark.defect("TB-21", "TB-23")
def test_tutor_and_student_have_doors_of_their_own_where_the_vendor_makes_two(people, meeting):
    Meeting.objects.update(
        link=None, reserved=None, join_url_tutor="https://vendor.test/host", join_url_student="https://vendor.test/guest"
    )
    assert come(people["tutor"], door(meeting), START).headers["Location"] == "https://vendor.test/host"
    assert come(people["student"], door(meeting), START).headers["Location"] == "https://vendor.test/guest"


def test_double_click_on_the_door_is_one_attendance(people, meeting):
    assign_link(waiting_meeting(lesson(300)))
    for _ in range(2):
        come(people["student"], door(meeting), START)
    assert Attendance.objects.get().times_opened == 2
