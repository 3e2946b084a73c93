from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.errors import AbsenceTooEarly, BookingNotPaid, DomainError, NotFound
from bookings.models import Booking, Notice
from bookings.times import During
from meetings.errors import AnswerGiven, AnswerOpen, AnswerTooLate, ReportDecided, ReportKnown, ReportTooLate, TellMore
from meetings.models import Meeting, NoShowReport
from meetings.no_shows import answer_report, decide_report, decide_unreported, report_absence
from tests.factories import make_booking, make_held, make_order, make_user, tomorrow
from tests.race import race

pytestmark = pytest.mark.django_db
START, END = tomorrow(), tomorrow(13)
WORDS = "I waited for twenty minutes and nobody came."


@pytest.fixture
def parent(db):
    return make_user("parent@example.com")


@pytest.fixture
def booking(sam, ada, parent) -> Booking:
    """Sam's hour with Ada, tomorrow at noon, which a parent pays."""
    order = make_order(parent, status="paid")
    booking = make_booking(sam, ada, during=During(START, END), status="paid", order=order)
    make_held(booking)
    return booking


def at(minutes: int):
    """Travel to so many minutes after the start."""
    return time_machine.travel(START + timedelta(minutes=minutes), tick=False)


def be_at(booking, during, **fields) -> None:
    """Have the session, and its room, at another time."""
    Booking.objects.filter(pk=booking.pk).update(during=during, blocks=during, **fields)
    Meeting.objects.filter(booking=booking).update(during=during, reserved=during, ready_at=during[0])


def report(booking, who) -> NoShowReport:
    with at(20):
        return report_absence(booking, who=who, statement=WORDS)


@pytest.mark.parametrize(
    ("minutes", "error"),
    [
        (-60, AbsenceTooEarly),
        (14, AbsenceTooEarly),
        (15, None),
        (59, None),
        (60 + 24 * 60, None),
        (60 + 24 * 60 + 1, ReportTooLate),
    ],
)
@pytest.mark.defect("IT-10", "IT-12", "IT-13", "TB-23")
def test_absence_can_be_reported_from_15_minutes_after_the_start_until_a_day_after_the_end(booking, sam, minutes, error):
    Booking.objects.filter(pk=booking.pk).update(status="completed" if minutes > 75 else "paid")
    with at(minutes):
        if error:
            with pytest.raises(error):
                report_absence(booking, who=sam, statement=WORDS)
        else:
            report_absence(booking, who=sam, statement=WORDS)
    assert NoShowReport.objects.count() == (0 if error else 1)


@pytest.mark.parametrize(("who", "absent"), [("student", "tutor"), ("payer", "tutor"), ("tutor", "student")])
def test_each_side_reports_the_other(booking, sam, parent, ada, who, absent):
    people = {"student": sam, "payer": parent, "tutor": ada.user}
    made = report(booking, people[who])
    assert (made.absent, made.reported_by, made.statement) == (absent, people[who], WORDS)
    told = Notice.objects.filter(fact="absence_reported")
    assert {notice.to for notice in told} == ({sam, parent} if who == "tutor" else {ada.user})


def test_stranger_cannot_report(booking, kim):
    with pytest.raises(NotFound):
        report(booking, kim)


@pytest.mark.parametrize("status", ["held", "requested", "accepted", "expired", "declined", "cancelled", "no_show_tutor"])
def test_session_that_was_not_to_take_place_cannot_be_reported(booking, sam, status):
    Booking.objects.filter(pk=booking.pk).update(status=status, held_until=END)
    with pytest.raises(BookingNotPaid):
        report(booking, sam)


@pytest.mark.parametrize("words", ["", "   ", "too short", "x" * 2001, " " * 30])
def test_report_must_say_what_happened(booking, sam, words):
    with at(20), pytest.raises(TellMore):
        report_absence(booking, who=sam, statement=words)
    assert not NoShowReport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_both_sides_report_at_once_and_one_report_is_made(booking, sam, ada):
    began = timezone.now() - timedelta(minutes=30)
    be_at(booking, (began, began + timedelta(hours=1)))
    people = [sam, ada.user] * 4
    outcomes = race(lambda n: report_absence(booking, who=people[n], statement=WORDS), threads=8)
    assert sorted(type(outcome.error).__name__ for outcome in outcomes) == ["NoneType"] + ["ReportKnown"] * 7
    assert NoShowReport.objects.count() == 1


def test_other_side_answers_once(booking, sam, ada):
    made = report(booking, sam)
    with at(60):
        answered = answer_report(made, who=ada.user, answer="My power was out, I am so sorry.")
        assert (answered.answer, answered.answered_by) == ("My power was out, I am so sorry.", ada.user)
        with pytest.raises(AnswerGiven):
            answer_report(made, who=ada.user, answer="And another thing to say here.")


def test_whoever_reported_does_not_answer(booking, sam, parent, kim):
    made = report(booking, sam)
    for person in (sam, parent, kim):
        with at(60), pytest.raises(NotFound):
            answer_report(made, who=person, answer="I agree with myself wholly.")


@pytest.mark.defect("IT-12")
def test_answer_after_twelve_hours_is_too_late(booking, sam, ada):
    made = report(booking, sam)
    with at(20 + 12 * 60 + 1), pytest.raises(AnswerTooLate):
        answer_report(made, who=ada.user, answer="My power was out, I am so sorry.")


def test_decision_waits_for_the_answer_or_its_deadline(booking, sam, ada, root):
    made = report(booking, sam)
    with at(60), pytest.raises(AnswerOpen):
        decide_report(made, decision="tutor_absent", who=root, note="Clear.")
    with at(20 + 12 * 60 + 1):
        decided = decide_report(made, decision="tutor_absent", who=root, note="Clear.")
    booking.refresh_from_db()
    assert (decided.decision, decided.decided_by) == ("tutor_absent", root)
    assert (booking.status, booking.refund) == ("no_show_tutor", 150_000)


@pytest.mark.parametrize(
    ("decision", "status", "refund"),
    [
        ("student_absent", "no_show_student", 0),
        ("tutor_absent", "no_show_tutor", 150_000),
        ("unclear", "cancelled", 150_000),
        ("took_place", "paid", None),
    ],
)
def test_decision_moves_the_booking_and_its_money(booking, sam, ada, root, decision, status, refund):
    made = report(booking, sam)
    with at(60):
        answer_report(made, who=ada.user, answer="I was there, you were not at all.")
        decide_report(made, decision=decision, who=root, note="We looked at the door.")
    booking.refresh_from_db()
    assert (booking.status, booking.refund) == (status, refund)


def test_decision_is_final(booking, sam, ada, root):
    made = report(booking, sam)
    with at(60):
        answer_report(made, who=ada.user, answer="I was there, you were not at all.")
        decide_report(made, decision="took_place", who=root, note="Both were there.")
        decide_report(made, decision="took_place", who=root, note="Again.")
        with pytest.raises(ReportDecided):
            decide_report(made, decision="tutor_absent", who=root, note="Changed my mind.")
    made.refresh_from_db()
    booking.refresh_from_db()
    assert (made.decision_note, booking.status) == ("Both were there.", "paid")


def test_decision_needs_a_reason(booking, sam, ada, root):
    made = report(booking, sam)
    with at(20 + 13 * 60), pytest.raises(TellMore):
        decide_report(made, decision="tutor_absent", who=root, note="  ")


@pytest.mark.parametrize(("absent", "status"), [("student", "no_show_student"), ("tutor", "no_show_tutor")])
def test_admin_records_an_absence_that_nobody_reported(booking, root, absent, status):
    with at(30):
        decide_unreported(booking, absent=absent, who=root, note="They called us.")
    booking.refresh_from_db()
    assert booking.status == status
    with at(40), pytest.raises(ReportKnown):
        decide_unreported(booking, absent=absent, who=root, note="They called us again.")


def test_absence_before_its_time_is_not_recorded_by_an_admin_either(booking, root):
    with at(5), pytest.raises(AbsenceTooEarly):
        decide_unreported(booking, absent="tutor", who=root, note="They called us.")
    assert not NoShowReport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_admins_decide_differently_and_one_decision_stands(booking, sam, ada, root):
    began = timezone.now() - timedelta(hours=20)
    be_at(booking, (began, began + timedelta(hours=1)), status="completed")
    made = report_absence(booking, who=sam, statement=WORDS)
    NoShowReport.objects.update(answer_until=began)
    choices = ["student_absent", "tutor_absent"] * 3
    outcomes = race(lambda n: decide_report(made, decision=choices[n], who=root, note="Sure."), threads=6)
    made.refresh_from_db()
    booking.refresh_from_db()
    winners = {choices[n] for n, outcome in enumerate(outcomes) if outcome.error is None}
    assert winners == {made.decision}
    assert all(isinstance(outcome.error, DomainError) for outcome in outcomes if outcome.error)
    assert booking.status == {"student_absent": "no_show_student", "tutor_absent": "no_show_tutor"}[made.decision]


def test_staff_hear_of_a_report_and_of_its_answer(booking, sam, ada, drain, mailoutbox, root):
    made = report(booking, sam)
    drain()
    with at(60):
        answer_report(made, who=ada.user, answer="I was there, you were not at all.")
    drain()
    mails = [mail for mail in mailoutbox if mail.to == [root.email]]
    assert ["can answer until" in mail.body for mail in mails] == [True, False]
    assert all(booking.reference in mail.subject for mail in mails)
