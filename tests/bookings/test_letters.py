"""What people read: each fact in words for each of them, in their language and zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.languages import speaking_to
from bookings.letters import WRITERS, write_letter
from bookings.letters.letter import Letter
from bookings.letters.telling import one_line
from bookings.models import Booking, Notice, Order, Tutor, User
from bookings.notice_texts import write_mail
from bookings.notices import tell
from bookings.times import During
from tests.factories import an_hour, make_booking, make_order, make_user

pytestmark = pytest.mark.django_db
Fact, Status = Notice.Fact, Booking.Status
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _autumn():
    with time_machine.travel(datetime(2026, 11, 21, 8, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def parent(db: None) -> User:
    return make_user("parent@example.com", full_name="Pat Parent", time_zone="America/New_York")


@pytest.fixture
def lesson(sam: User, ada: Tutor, parent: User) -> Booking:
    """Sam's lesson with Ada, which a parent pays."""
    order = make_order(parent, status=Order.Status.PAID)
    return make_booking(sam, ada, during=an_hour(NOON), order=order, status=Status.PAID)


def letter_to(person: User, fact: Notice.Fact, booking: Booking, **details: Any) -> Letter:
    [notice] = tell(fact, to=[person], booking=booking, **details)
    with speaking_to(person):
        return write_letter(Notice.objects.with_rows().get(pk=notice.pk))


def change(booking: Booking, **fields: Any) -> Booking:
    Booking.objects.filter(pk=booking.pk).update(**fields)
    booking.refresh_from_db()
    return booking


def test_every_fact_has_its_words():
    assert set(WRITERS) == set(Fact)


@pytest.mark.parametrize("fact", [fact for fact in Fact if fact != Fact.INVITATION_ACCEPTED])
def test_everybody_concerned_can_read_every_fact(lesson: Booking, fact: Notice.Fact):
    for person in (lesson.student, lesson.tutor.user, lesson.order.payer):
        letter = letter_to(person, fact, lesson)
        assert letter.sentence.endswith(".")
        assert "%(" not in letter.subject + letter.sentence + "".join(letter.paragraphs)
        assert letter.button is not None
        with speaking_to(person):
            mail = write_mail(Notice.objects.with_rows().get(to=person, fact=fact), at=timezone.now())
        assert "@example.com" not in mail.text
        assert "http://testserver/" in mail.text


@pytest.mark.defect("TB-33", "IT-30")
@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("sam@example.com", "Tuesday 1 December 2026, 19:00–20:00 (Asia/Jakarta)"),
        ("ada@example.com", "Tuesday 1 December 2026, 12:00–13:00 (UTC)"),
        ("parent@example.com", "Tuesday 1 December 2026, 07:00–08:00 (America/New_York)"),
    ],
)
def test_time_is_told_in_the_readers_zone_with_its_name(lesson: Booking, email: str, said: str):
    letter = letter_to(User.objects.get(email=email), Fact.REMINDER_DAY, lesson)

    assert letter.rows[0].value == said


@pytest.mark.defect("IT-30")
def test_two_days_around_a_clock_change_are_told_as_the_clocks_show_them(ada: Tutor, kim: User):
    before = make_booking(kim, ada, during=an_hour(datetime(2027, 3, 27, 12, tzinfo=UTC)), status=Status.PAID)
    after = make_booking(kim, ada, during=an_hour(datetime(2027, 3, 28, 12, tzinfo=UTC)), status=Status.PAID)

    said = [letter_to(kim, Fact.PAID, one).rows[0].value for one in (before, after)]

    assert [one.partition(", ")[2] for one in said] == ["13:00–14:00 (Europe/Berlin)", "14:00–15:00 (Europe/Berlin)"]


def test_each_reads_about_the_other(lesson: Booking, parent: User):
    subjects = [letter_to(one, Fact.MOVED, lesson).subject for one in (lesson.student, lesson.tutor.user, parent)]

    assert subjects == [
        "Moved to Tue 1 Dec, 19:00: Maths lesson with Ada Tutor",
        "Moved to Tue 1 Dec, 12:00: Maths lesson with Sam Student",
        "Moved to Tue 1 Dec, 07:00: Maths lesson of Sam Student with Ada Tutor",
    ]


def test_reader_who_chose_indonesian_reads_it(lesson: Booking, sam: User):
    sam.language = "id"
    sam.save()

    with speaking_to(sam):
        [notice] = tell(Fact.PAID, to=[sam], booking=lesson)
        mail = write_mail(Notice.objects.with_rows().get(pk=notice.pk), at=timezone.now())

    assert "Selasa, 1 Desember 2026" in mail.text
    assert '<html lang="id">' in mail.html


def test_move_tells_the_old_time_and_the_new(lesson: Booking):
    was = During(NOON - timedelta(days=1), NOON - timedelta(hours=23))

    letter = letter_to(
        lesson.student, Fact.MOVED, lesson, was_start=was.start.isoformat(), was_end=was.end.isoformat(), why="A fever"
    )

    assert letter.sentence == "Maths lesson with Ada Tutor has been moved from Mon 30 Nov, 19:00 to Tue 1 Dec, 19:00."
    assert [(row.name, row.value.partition(",")[0]) for row in letter.rows] == [
        ("New time", "Tuesday 1 December 2026"),
        ("Was", "Monday 30 November 2026"),
        ("Why", "A fever"),
    ]


def test_moves_that_follow_each_other_are_told_as_one(lesson: Booking, sam: User):
    for number, hours in enumerate((48, 24)):
        change(lesson, sequence=number + 1)
        tell(Fact.MOVED, to=[sam], booking=lesson, was_start=(NOON - timedelta(hours=hours)).isoformat())

    with speaking_to(sam):
        mail = write_mail(Notice.objects.with_rows()[0], at=timezone.now())

    assert "from Sun 29 Nov, 19:00 to Tue 1 Dec, 19:00" in mail.text


@pytest.mark.parametrize(
    ("refund", "said"),
    [
        (150_000, "All of it comes back to you: Rp150,000. You need not do anything."),
        (75_000, "Of the Rp150,000, Rp75,000 comes back to you. You need not do anything."),
        (0, "Nothing of the Rp150,000 comes back."),
    ],
)
def test_cancellation_tells_the_payer_alone_what_comes_back(lesson: Booking, parent: User, refund: int, said: str):
    change(lesson, status=Status.CANCELLED, cancelled_by=lesson.tutor.user, cancel_reason="I am ill", refund=refund)

    theirs = letter_to(parent, Fact.CANCELLED, lesson)
    of_student = letter_to(lesson.student, Fact.CANCELLED, lesson)

    assert theirs.paragraphs == (said,)
    assert of_student.paragraphs == ()
    assert of_student.sentence == "Ada Tutor has cancelled Maths lesson on Tue 1 Dec, 19:00."
    assert of_student.rows[1].value == "I am ill"


def test_session_that_was_never_paid_for_is_called_off_without_a_word_of_money_back(sam: User, ada: Tutor):
    order = make_order(sam, status=Order.Status.CANCELLED)
    fields: dict[str, Any] = {"status": Status.CANCELLED, "cancelled_by": sam}
    given_up = make_booking(sam, ada, during=an_hour(NOON), order=order, **fields)

    assert letter_to(sam, Fact.CANCELLED, given_up).paragraphs == ("Nothing was paid for it.",)
    assert letter_to(ada.user, Fact.CANCELLED, given_up).paragraphs == ("The time is free again.",)


def test_cancellation_names_nobody_of_the_staff(lesson: Booking, root: User):
    change(lesson, status=Status.CANCELLED, cancelled_by=root)

    assert letter_to(lesson.student, Fact.CANCELLED, lesson).sentence.startswith("Our team has cancelled")


def test_request_tells_the_tutor_until_when_to_answer(sam: User, ada: Tutor):
    until = datetime(2026, 11, 22, 8, tzinfo=UTC)
    asked = make_booking(
        sam, ada, during=an_hour(NOON), status=Status.REQUESTED, held_until=until, message="Algebra,\nplease"
    )

    letter = letter_to(ada.user, Fact.REQUESTED, asked)

    assert letter.sentence == "Sam Student asks you for Maths lesson on Tue 1 Dec, 12:00."
    assert [(row.name, row.value) for row in letter.rows[1:]] == [
        ("Message", "Algebra, please"),
        ("To be answered by", "Sun 22 Nov, 08:00 (UTC)"),
    ]


def test_payer_is_led_to_paying_and_the_student_told_who_pays(sam: User, ada: Tutor, parent: User):
    until = datetime(2026, 11, 22, 8, tzinfo=UTC)
    order = make_order(parent)
    agreed = make_booking(sam, ada, during=an_hour(NOON), status=Status.ACCEPTED, held_until=until, order=order)

    theirs, of_student = letter_to(parent, Fact.ACCEPTED, agreed), letter_to(sam, Fact.ACCEPTED, agreed)

    assert theirs.button is not None
    assert theirs.button.path == f"/orders/{order.reference}/"
    assert theirs.rows[1].value == "Sun 22 Nov, 03:00 (America/New_York)"
    assert of_student.paragraphs == ("It is settled once Pat Parent has paid.",)


def test_declined_request_offers_the_nearest_free_times(sam: User, ada: Tutor):
    asked = make_booking(sam, ada, during=an_hour(NOON), status=Status.DECLINED, cancel_reason="On holiday")
    [notice] = tell(Fact.DECLINED, to=[sam], booking=asked)

    with speaking_to(sam):
        mail = write_mail(Notice.objects.with_rows().get(pk=notice.pk), at=timezone.now())

    assert "Why: On holiday" in mail.text
    assert "Free near that time: Tue 1 Dec, 18:30 (Asia/Jakarta)" in mail.text
    assert "http://testserver/tutors/ada/" in mail.text


def test_reminder_says_the_date_and_never_the_hours_left(lesson: Booking):
    for fact in (Fact.REMINDER_DAY, Fact.REMINDER_HOUR):
        letter = letter_to(lesson.student, fact, lesson)
        words = " ".join([letter.subject, letter.sentence, *letter.paragraphs]).lower()
        assert "tue 1 dec, 19:00" in words
        assert not any(word in words for word in ("tomorrow", "today", "in 24 hours", "in an hour"))


def test_accepted_invitation_is_told_by_name(parent: User):
    [notice] = tell(Fact.INVITATION_ACCEPTED, to=[parent], key="SL-1", name="Sam")

    with speaking_to(parent):
        assert write_letter(notice).sentence == "Sam has accepted your invitation: you can book sessions for them now."


def test_link_that_changed_is_told_with_the_address_that_stays(lesson: Booking):
    letter = letter_to(lesson.student, Fact.LINK_CHANGED, lesson)

    assert letter.button is not None
    assert letter.button.path == f"/join/{lesson.reference}"
    assert "stays the same" in letter.paragraphs[0]


def test_names_cannot_forge_headers_or_markup(lesson: Booking, sam: User, ada: Tutor):
    sam.full_name = "Sam\r\nBcc: all@example.com\x0b\x1b[2J\u202e<script>alert(1)</script>"
    sam.save()
    [notice] = tell(Fact.PAID, to=[ada.user], booking=lesson)

    with speaking_to(ada.user):
        mail = write_mail(Notice.objects.with_rows().get(pk=notice.pk), at=timezone.now())

    assert mail.subject.isprintable()
    assert "<script>" not in mail.html
    assert mail.invitation is not None
    assert "\nBcc:" not in mail.invitation.text.replace("\r\n ", "")


def test_huge_names_fit_into_a_subject(lesson: Booking, sam: User, ada: Tutor):
    sam.full_name = "ß" * 100
    sam.save()
    change(lesson, name="Ä" * 100)

    letter = letter_to(ada.user, Fact.PAID, lesson)

    assert len(letter.subject) < 200
    assert one_line("x " * 500).endswith("…")


def test_somebody_without_a_name_is_not_called_by_their_address(lesson: Booking, sam: User):
    sam.full_name = ""
    sam.save()

    assert "sam@example.com" not in letter_to(lesson.tutor.user, Fact.PAID, lesson).subject
