from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings.models import Attendance, Meeting, NoShowReport
from meetings.no_shows import answer_report, report_absence
from tests.factories import make_booking, make_held, make_order, make_user, tomorrow

pytestmark = pytest.mark.django_db
START = tomorrow()
WORDS = "I waited for twenty minutes and nobody came."


@pytest.fixture
def booking(sam, ada) -> Booking:
    order = make_order(make_user("parent@example.com"), status="paid")
    booking = make_booking(sam, ada, during=During(START, START + timedelta(hours=1)), status="paid", order=order)
    make_held(booking)
    return booking


def visit(person, booking, name="absence", *, minutes=20, post=None):
    client = Client()
    client.force_login(person)
    with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
        path = reverse(f"meetings:{name}", args=[booking.reference])
        return client.post(path, post) if post is not None else client.get(path)


def test_page_of_the_booking_offers_a_report_when_it_is_time(booking, sam):
    assert visit(sam, booking, "booking_absence", minutes=10).content == b""
    assert "Report an absence" in visit(sam, booking, "booking_absence", minutes=15).text
    assert visit(sam, booking, "booking_absence", minutes=60 + 24 * 60 + 1).content == b""


@pytest.mark.parametrize(
    ("minutes", "sentence"), [(5, "can be reported from"), (20, "Send the report"), (3000, "could be reported until")]
)
def test_page_says_when_an_absence_can_be_reported(booking, sam, minutes, sentence):
    assert sentence in visit(sam, booking, minutes=minutes).text


def test_student_reports_and_tutor_answers(booking, sam, ada):
    assert visit(sam, booking, "absence_report", post={"statement": WORDS}).status_code == 303
    assert "You have reported an absence" in visit(sam, booking).text
    assert "Your student says that you did not come" in visit(ada.user, booking).text
    answer = {"statement": "My power was out, I am so sorry."}
    assert visit(ada.user, booking, "absence_answer", minutes=40, post=answer).status_code == 303
    for person in (sam, ada.user, booking.order.payer):
        page = visit(person, booking, minutes=50).text
        assert WORDS in page
        assert "My power was out" in page
        assert "We decide soon" in page


@pytest.mark.parametrize("words", ["", "short", "x" * 2001, "a\x00" * 30])
def test_report_that_says_nothing_is_shown_again_with_a_sentence(booking, sam, words):
    answer = visit(sam, booking, "absence_report", post={"statement": words})
    assert (answer.status_code, "errorlist" in answer.text or "Please" in answer.text) == (400, True)
    assert not NoShowReport.objects.exists()


def test_report_is_escaped(booking, sam, ada):
    visit(sam, booking, "absence_report", post={"statement": "<script>alert(1)</script> and more words"})
    assert "<script>alert(1)" not in visit(ada.user, booking).text


def test_refusal_is_one_sentence(booking, sam):
    answer = visit(sam, booking, "absence_report", minutes=1, post={"statement": WORDS})
    assert (answer.status_code, "too early" in answer.text) == (409, True)


def test_page_shows_who_opened_the_door(booking, sam):
    Attendance.objects.create(
        meeting=booking.meeting, user=sam, opened_at=START, last_opened_at=START + timedelta(minutes=5)
    )
    assert "Sam Student, first at 19:00" in visit(sam, booking).text  # Jakarta's clock


def decided_by(desk, report, decision, text="We looked into it."):
    return desk.post(reverse(f"admin:meetings_noshowreport_{decision}", args=[report.pk]), {"text": text}, follow=True)


@pytest.fixture
def report(booking, sam, ada) -> NoShowReport:
    began = timezone.now() - timedelta(hours=3)
    during = (began, began + timedelta(hours=1))
    Booking.objects.filter(pk=booking.pk).update(during=during, blocks=during, status="completed")
    Meeting.objects.filter(booking=booking).update(during=during, reserved=during, ready_at=began)
    booking.refresh_from_db()
    made = report_absence(booking, who=sam, statement=WORDS)
    return answer_report(made, who=ada.user, answer="I was there, you were not at all.")


def test_admin_decides_with_a_button(desk, booking, report):
    page = desk.get(reverse("admin:meetings_noshowreport_change", args=[report.pk])).text
    assert WORDS in page
    assert "It is not clear: all goes back" in page
    assert "Decided: the tutor was absent." in decided_by(desk, report, "tutor_absent").text
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == ("no_show_tutor", 150_000)
    assert (
        "It is not clear: all goes back"
        not in desk.get(reverse("admin:meetings_noshowreport_change", args=[report.pk])).text
    )


def test_admin_must_give_a_reason(desk, booking, report):
    decided_by(desk, report, "tutor_absent", text=" ")
    report.refresh_from_db()
    assert report.decision == ""


def test_clerk_without_the_right_decides_nothing(report):
    clerk = Client()
    clerk.force_login(make_user("clerk@example.com", is_staff=True))
    assert decided_by(clerk, report, "tutor_absent").status_code in (403, 404)
    report.refresh_from_db()
    assert report.decision == ""


def test_clerk_without_the_right_does_not_even_see_whose_session_it_is(booking):
    clerk = Client()
    clerk.force_login(make_user("clerk@example.com", is_staff=True))
    path = reverse("admin:meetings_noshowreport_mark", args=[booking.reference])
    assert clerk.get(path).status_code == 403
    assert clerk.post(path, {"absent": "tutor", "text": "x"}).status_code == 403


def test_admin_marks_an_absence_after_seeing_what_goes_back(desk, booking):
    began = timezone.now() - timedelta(hours=3)
    during = (began, began + timedelta(hours=1))
    Booking.objects.filter(pk=booking.pk).update(during=during, blocks=during)
    Meeting.objects.filter(booking=booking).update(during=during, reserved=during, ready_at=began)
    path = reverse("admin:meetings_noshowreport_mark", args=[booking.reference])
    assert "Rp150,000 go back to the payer" in desk.get(path).text.replace("\xa0", "")
    assert desk.post(path, {"absent": "nobody", "text": "x"}).status_code == 302
    assert not NoShowReport.objects.exists()
    desk.post(path, {"absent": "tutor", "text": "They called us."})
    booking.refresh_from_db()
    assert booking.status == "no_show_tutor"


@pytest.mark.parametrize("rows", [1, 50])
def test_list_of_reports_takes_as_many_queries_however_long_it_is(desk, ada, django_assert_max_num_queries, rows):
    for number in range(rows):
        began = tomorrow(days=-3 - number)
        booking = make_booking(make_user(), ada, during=During(began, began + timedelta(hours=1)), status="completed")
        NoShowReport.objects.create(
            booking=booking,
            absent="tutor",
            reported_by=booking.student,
            statement=WORDS,
            reported_at=began,
            answer_until=began,
        )
    with django_assert_max_num_queries(8):
        assert desk.get(reverse("admin:meetings_noshowreport_changelist")).status_code == 200
