"""Sessions that never had a room: everybody is told the truth, nobody is called absent, and the staff hear by themselves."""

from __future__ import annotations

from datetime import datetime

import pytest
import time_machine
from django.core import mail
from django.urls import reverse

from bookings.models import Booking, Tutor, User
from bookings.times import During
from meetings.by_hand import give_address
from meetings.dashboard import absences_to_decide
from meetings.errors import NobodyCouldCome, ReportKnown
from meetings.models import Attendance, Meeting, NoShowReport
from meetings.no_shows import report_absence
from meetings.roomless import had_room, report_roomless
from meetings.upkeep import catch_up
from tests.conftest import Drain
from tests.factories import make_booking, make_held, make_meeting, make_user
from tests.meetings.no_room import END, MINUTE, START, WORDS, at, end, fresh, look, make_roomless, told
from tests.race import race

pytestmark = pytest.mark.django_db
ADDRESS = "https://whereby.com/ada"


@pytest.fixture(autouse=True)
def _staff(settings) -> None:
    settings.ADMINS = [("Root", "root@example.com")]


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    return make_roomless(sam, ada)


@pytest.mark.parametrize(
    ("ready_at", "status", "is_one"),
    [
        (START - MINUTE, "ready", True),
        (START - MINUTE, "ended", True),
        (START - MINUTE, "cancelled", True),
        (START + 40 * MINUTE, "ended", True),
        (END, "ended", False),  # an address given after the end
        (None, "waiting", False),
        (None, "failed", False),
        (None, "cancelled", False),
    ],
)
def test_room_is_one_that_was_there_before_the_end(booking, ready_at: datetime | None, status: str, is_one: bool):
    address = {"join_url_student": ADDRESS, "join_url_tutor": ADDRESS} if ready_at else {}
    Meeting.objects.update(status=status, ready_at=ready_at, **address)
    assert had_room(fresh(booking)) is is_one


def test_room_of_another_time_is_none(sam, ada):
    moved = make_booking(sam, ada, during=During(START, END), status="paid")
    make_held(moved)
    Booking.objects.update(during=(END, END + 60 * MINUTE), blocks=(END, END + 60 * MINUTE))
    assert not had_room(fresh(moved))


def test_room_that_was_lost_again_is_one_if_somebody_was_in_it(booking, sam):
    came = {"user": sam, "last_opened_at": START, "opened_at": START}
    Attendance.objects.create(meeting=booking.meeting, **came)
    assert had_room(fresh(booking))


def test_session_without_any_meeting_had_no_room(sam, ada):
    assert not had_room(make_booking(sam, ada, status="paid"))


@pytest.mark.parametrize(("closes", "minutes"), [(15, 61), (15, 80), (0, 61), (15, 600)])
def test_truth_is_told_whenever_one_looks(booking, sam, ada, settings, closes: int, minutes: int):
    settings.JOIN_CLOSES_MINUTES = closes
    Booking.objects.update(status="completed" if minutes >= 60 + closes else "paid")
    looks = [(person, name) for person in (sam, ada.user) for name in ("join", "booking_absence", "absence")]
    looks += [(booking.order.payer, "absence")]
    for is_reported in (False, True):
        if is_reported:
            with at(minutes):
                catch_up(START + minutes * MINUTE)
        for person, name in looks:
            said = look(person, booking, name, minutes).text
            assert "no room" in said.lower()
            for untrue in ("Report an absence", "Did you not meet?", "did not come", "absent, none"):
                assert untrue not in said, (person, name)


def test_status_says_it_too_until_the_session_is_completed(booking, sam, ada):
    for person in (sam, ada.user):
        assert "No room was found in time" in look(person, booking, "booking_status", 70).text


def test_tutor_cannot_report_the_student_where_there_was_no_room(booking, ada):
    assert "Send the report" not in look(ada.user, booking, "absence", 61).text
    refused = look(ada.user, booking, "absence_report", 61, {"statement": WORDS})
    assert (refused.status_code, "the student cannot be called absent" in refused.text) == (409, True)
    with at(61), pytest.raises(NobodyCouldCome):
        report_absence(booking, who=ada.user, statement=WORDS)
    assert not NoShowReport.objects.exists()


@pytest.mark.parametrize("who", ["student", "payer", "tutor"])
def test_nobody_reports_anything_while_a_room_may_still_come(booking, sam, ada, who: str):
    person = {"student": sam, "payer": booking.order.payer, "tutor": ada.user}[who]
    page = look(person, booking, "absence", 59).text
    assert ("No room yet</h1>" in page, "one may still come" in page, "Send the report" in page) == (True, True, False)
    assert look(person, booking, "booking_absence", 59).content == b""
    refused = look(person, booking, "absence_report", 59, {"statement": WORDS})
    assert (refused.status_code, "This session has no room yet" in refused.text) == (409, True)
    assert not NoShowReport.objects.exists()


def test_nobody_reads_that_it_is_lost_while_they_can_join(booking, sam, ada):
    with at(60):
        catch_up(END)
    assert "nothing you need to do" in look(sam, booking, "booking_absence", 61).text
    with at(62):
        give_address(booking, ADDRESS, who=ada.user)
    assert "The door is open." in look(sam, booking, "booking_status", 63).text
    for person in (sam, ada.user):
        for name in ("booking_absence", "absence"):
            said = look(person, booking, name, 63).text
            assert "Our team looks into it" in said
            assert "nothing you need to do" not in said
    NoShowReport.objects.all().delete()
    assert look(ada.user, booking, "booking_absence", 63).content == b""


def test_room_that_came_late_lets_the_tutor_report_again(booking, ada):
    with at(10):
        give_address(booking, ADDRESS, who=ada.user)
    with at(20):
        assert report_absence(booking, who=ada.user, statement=WORDS).absent == "student"


def test_address_that_is_given_after_the_end_makes_no_student_absent(booking, ada):
    with at(62):
        give_address(booking, ADDRESS, who=ada.user)
        with pytest.raises(NobodyCouldCome):
            report_absence(booking, who=ada.user, statement=WORDS)


@pytest.mark.parametrize("ready_at", [START - MINUTE, None])
def test_address_that_is_given_after_the_end_takes_away_no_room_that_was_there(sam, ada, ready_at: datetime | None):
    booking = make_booking(sam, ada, during=During(START, END), status="paid")
    make_held(booking, ready_at=ready_at, requested_at=START - 2 * MINUTE)
    with at(62):
        give_address(booking, ADDRESS, who=ada.user)
        assert had_room(fresh(booking))
        assert report_absence(booking, who=sam, statement=WORDS).absent == "tutor"


@pytest.mark.parametrize("who", ["student", "payer"])
def test_student_reports_that_there_was_no_room_and_the_tutor_is_not_accused(booking, sam, ada, drain: Drain, who: str):
    person = {"student": sam, "payer": booking.order.payer}[who]
    page = look(person, booking, "absence", 61).text
    assert ("There was no room</h1>" in page, "Send the report" in page) == (True, True)
    assert look(person, booking, "absence_report", 61, {"statement": WORDS}).status_code == 303
    report = NoShowReport.objects.get()
    assert (report.absent, report.reported_by, report.statement) == ("room", person, WORDS)
    with at(61):
        drain()
    [letter] = [one for one in mail.outbox if one.to == [ada.user.email]]
    assert "There was no room for" in letter.body
    assert "not to have come" not in letter.body
    assert "absen" not in f"{letter.subject}{letter.body}".lower()
    [to_staff] = [one for one in mail.outbox if one.to == ["root@example.com"]]
    assert f"Session {booking.reference} is reported to have had no room." in to_staff.body


def test_session_without_a_room_is_put_before_the_staff_by_itself(booking, sam, ada, drain: Drain):
    report = end(booking)
    assert (report.absent, report.reported_by, report.statement) == ("room", None, "")
    assert told() == {sam.email, ada.user.email, "parent@example.com"}
    with at(75):
        assert list(absences_to_decide(START + 75 * MINUTE)) == [report]
        drain()
    bodies = {one.to[0]: f"{one.subject}\n{one.body}" for one in mail.outbox}
    assert f"{booking.reference} had no room" in bodies["root@example.com"]
    assert reverse("admin:meetings_noshowreport_change", args=[report.pk]) in bodies["root@example.com"]
    assert "there is nothing you need to do" in bodies[sam.email]
    assert "If you met anyway, please tell us." in bodies[ada.user.email]


def test_round_made_again_reports_nothing_twice(booking):
    end(booking)
    assert [report_roomless(END + minutes * MINUTE) for minutes in (0, 1, 600)] == [0, 0, 0]


def test_many_sessions_without_a_room_are_one_mail(ada, settings, drain: Drain):
    for number in range(3):
        during = During(START + number * 60 * MINUTE, START + (number + 1) * 60 * MINUTE)
        make_meeting(make_booking(make_user(), ada, during=during, status="completed"))
    with at(200):
        catch_up(START + 200 * MINUTE)
        drain()
    [letter] = [one for one in mail.outbox if one.to == ["root@example.com"]]
    assert letter.subject == "[Linkpool] 3 sessions had no room"


@pytest.mark.parametrize("why", ["had a room", "reported", "money is back", "cancelled", "still running", "long ago"])
def test_nothing_is_reported_that_needs_nobody(booking, sam, ada, why: str):
    minutes = 60
    if why == "had a room":
        with at(5):
            give_address(booking, ADDRESS, who=ada.user)
    elif why == "reported":
        with at(60):
            report_absence(booking, who=sam, statement=WORDS)
    elif why == "money is back":
        Booking.objects.update(refund=booking.net.amount)
    elif why == "cancelled":
        Booking.objects.update(status="cancelled")
    else:
        minutes = 59 if why == "still running" else 60 + 8 * 24 * 60
    before = NoShowReport.objects.count()
    with at(minutes):
        catch_up(START + minutes * MINUTE)
    assert NoShowReport.objects.count() == before


def test_session_that_was_never_planned_is_reported_as_well(sam, ada):
    make_booking(sam, ada, during=During(START, END), status="paid")
    assert report_roomless(END) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_the_student_report_once(booking, sam):
    Meeting.objects.update(status="failed", next_attempt_at=None)
    with time_machine.travel(END + MINUTE, tick=True):
        verbs = [lambda: report_roomless(END + MINUTE), lambda: report_absence(booking, who=sam, statement=WORDS)]
        outcomes = race(lambda n: verbs[n % 2](), threads=6)
    assert NoShowReport.objects.count() == 1
    assert {type(one.error) for one in outcomes if one.error} <= {ReportKnown}
