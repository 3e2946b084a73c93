"""What the staff decide of a session that had no room, and what they are not offered."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Booking, Tutor, User
from bookings.times import During
from meetings.errors import AnswerOpen, NobodyCouldCome, NoRoomYet, RoomWasThere
from meetings.models import Meeting, NoShowReport
from meetings.no_shows import answer_report, decide_report, decide_unreported, report_absence
from meetings.pool import free_link
from tests.factories import make_booking, make_held
from tests.meetings.no_room import END, MINUTE, START, WORDS, at, end, look, make_roomless, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    return make_roomless(sam, ada)


def test_no_room_is_decided_at_once_and_all_goes_back(booking, root, sam):
    report = end(booking)
    with at(80):
        with pytest.raises(AnswerOpen):
            decide_report(report, decision="took_place", who=root, note="They met.")
        decide_report(report, decision="no_room", who=root, note="It was our fault.")
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("cancelled", 150_000)
    assert told("absence_decided") == told()
    assert "Decided: there was no room" in look_at_history(sam, booking)


def look_at_history(person: User, booking: Booking) -> str:
    client = Client()
    client.force_login(person)
    return client.get(booking.get_absolute_url()).text


def test_tutor_may_say_that_they_met_anyway(booking, ada, sam, root):
    report = end(booking)
    page = look(ada.user, booking, "absence", 80).text
    assert ("Send the answer" in page, "how long you waited" in page) == (True, False)
    assert "Read and answer" in look(ada.user, booking, "booking_absence", 80).text
    assert "/absence/" not in look(sam, booking, "booking_absence", 80).text  # there is nothing to read yet
    assert "Send the answer" not in look(sam, booking, "absence", 80).text
    with at(80):
        answer_report(report, who=ada.user, answer="We met at my own room instead.")
        decide_report(report, decision="took_place", who=root, note="Both say so.")
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("completed", None)


def test_student_is_never_decided_absent_where_there_was_no_room(booking, root, ada):
    report = end(booking)
    with at(60 + 13 * 60):
        with pytest.raises(NobodyCouldCome):
            decide_report(report, decision="student_absent", who=root, note="So what.")
        NoShowReport.objects.all().delete()
        with pytest.raises(NobodyCouldCome):
            decide_unreported(booking, absent="student", who=root, note="So what.")
        decide_unreported(booking, absent="room", who=root, note="It was our fault.")
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("cancelled", 150_000)


def test_no_room_is_not_decided_where_there_was_one(sam, ada, root):
    booking = make_booking(sam, ada, during=During(START, END), status="paid")
    make_held(booking)
    with at(80):
        with pytest.raises(RoomWasThere):
            decide_unreported(booking, absent="room", who=root, note="Was there?")
        report = report_absence(booking, who=sam, statement=WORDS)
        answer_report(report, who=ada.user, answer="I waited there for an hour.")
        with pytest.raises(RoomWasThere):
            decide_report(report, decision="no_room", who=root, note="Was there?")


def test_other_side_is_heard_first_where_our_rows_tell_of_a_room(booking, ada, root):
    report = end(booking)
    Meeting.objects.update(ready_at=START)
    with at(80):
        with pytest.raises(AnswerOpen):
            decide_report(report, decision="no_room", who=root, note="So it was said.")
        answer_report(report, who=ada.user, answer="There was one, and I waited in it.")
        decide_report(report, decision="took_place", who=root, note="There was one.")


def test_admin_reads_that_there_was_no_room_and_finds_that_decision_first(booking, desk):
    report = end(booking)
    NoShowReport.objects.update(answer_until=START)
    with at(80):
        page = desk.get(reverse("admin:meetings_noshowreport_change", args=[report.pk])).text
        marked = desk.get(reverse("admin:meetings_noshowreport_mark", args=[booking.reference]))
    assert "There was none: nobody could come." in page
    assert "the site itself" in page
    assert "The student was absent: nothing goes back" not in page
    assert page.index("There was no room, so it did not take place") < page.index("The tutor was absent: all goes back")
    assert marked.status_code == 302


def test_admin_who_records_it_is_offered_no_absent_student(booking, desk):
    path = reverse("admin:meetings_noshowreport_mark", args=[booking.reference])
    with at(80):
        page = desk.get(path).text
        assert ('value="room"' in page, 'value="student"' in page) == (True, False)
        desk.post(path, {"absent": "room", "text": "It was our fault."})
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("cancelled", 150_000)


def test_no_room_is_not_decided_while_one_may_still_come(booking, root, desk):
    path = reverse("admin:meetings_noshowreport_mark", args=[booking.reference])
    with at(59):
        page = desk.get(path).text
        assert ("one may still come" in page, "nobody could come" in page) == (True, False)
        assert ('value="room"' in page, 'value="tutor"' in page) == (False, True)
        with pytest.raises(NoRoomYet):
            decide_unreported(booking, absent="room", who=root, note="It is late.")
    assert not NoShowReport.objects.exists()
    with at(60):
        decide_unreported(booking, absent="room", who=root, note="It never came.")


def test_lost_room_is_not_decided_before_the_end_either(sam, ada, root):
    booking = make_booking(sam, ada, during=During(START, END), status="paid")
    meeting = make_held(booking)
    with at(30):
        report = report_absence(booking, who=sam, statement=WORDS)
        answer_report(report, who=ada.user, answer="The room went away before I came.")
        free_link(meeting)
        meeting.save()
        with pytest.raises(NoRoomYet):
            decide_report(report, decision="no_room", who=root, note="It went away.")


def test_admin_sees_a_room_that_came_after_the_start(sam, ada, desk):
    booking = make_booking(sam, ada, during=During(START, END), status="paid")
    make_held(booking, ready_at=START + 40 * MINUTE)
    with at(80):
        report = report_absence(booking, who=sam, statement=WORDS)
        page = desk.get(reverse("admin:meetings_noshowreport_change", args=[report.pk])).text
    assert "after the start" in page
    assert "The student was absent: nothing goes back" not in page  # the tutor may still answer


def test_admin_reads_where_the_room_was_though_its_address_has_no_name(sam, ada, desk):
    booking = make_booking(sam, ada, during=During(START, END), status="paid")
    address = "https://room.example.org"
    make_held(booking, provider="manual", link=None, reserved=None, join_url_student=address, join_url_tutor=address)
    with at(80):
        report = report_absence(booking, who=sam, statement=WORDS)
        page = desk.get(reverse("admin:meetings_noshowreport_change", args=[report.pk])).text
    assert "Address by hand, " in page
    assert "room.example.org" not in page
