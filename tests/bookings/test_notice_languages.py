"""Each notice speaks the language of its reader, whoever caused it: the mail, and the line on the site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from bookings.languages import speaking_to
from bookings.models import Booking, Notice, Tutor, User
from bookings.notice_mails import mail_notice
from bookings.notice_texts import write_mail
from bookings.notices import tell
from tests.conftest import Drain
from tests.english import english_on
from tests.factories import make_booking, make_order, make_user

pytestmark = pytest.mark.django_db
Fact = Notice.Fact
DETAILS: dict[str, Any] = {
    "why": "Saya sakit.",
    "message": "Bagaimana kalau sore?",
    "verdict": "unclear",
    "absent": "tutor",
    "number": 1,
    "of": 2,
    "back": 75_000,
    "by": "tutor",
}


@pytest.fixture
def lesson(ada: Tutor) -> Booking:
    """A session that somebody pays for somebody else; all three read Indonesian."""
    User.objects.filter(pk=ada.user_id).update(language="id")
    student = make_user("dewi@example.com", full_name="Dewi", language="id")
    payer = make_user("budi@example.com", full_name="Budi", language="id")
    order = make_order(payer, status="paid")
    booking = make_booking(student, ada, order=order, status=Booking.Status.PAID, name="Matematika")
    return Booking.objects.select_related("student", "tutor__user", "order__payer", "session_type").get(pk=booking.pk)


@pytest.mark.parametrize("fact", Fact.values)
@pytest.mark.parametrize("role", ["student", "tutor", "payer"])
def test_every_notice_is_in_indonesian_for_those_who_read_it(lesson, fact, role):
    reader = {"student": lesson.student, "tutor": lesson.tutor.user, "payer": lesson.order.payer}[role]
    moved = (timezone.now() + timedelta(days=3)).isoformat()
    tell(Fact(fact), to=[reader], booking=lesson, **DETAILS, was=moved, was_start=moved, was_end=moved, answer_until=moved)

    with speaking_to(reader):
        letter = write_mail(Notice.objects.with_rows().get(), at=timezone.now())

    assert english_on("\n".join([letter.subject, letter.text, letter.html])) == []
    assert '<html lang="id"' in letter.html


def test_notice_of_two_people_speaks_to_each_in_their_own_language(lesson, kim, drain: Drain):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    Booking.objects.filter(pk=lesson.pk).update(student=kim)
    tell(Fact.PAID, to=[kim], booking=Booking.objects.get(pk=lesson.pk))
    for notice in Notice.objects.all():
        mail_notice(notice.pk)
    drain()

    assert sorted(letter.subject.partition(":")[0] for letter in mail.outbox) == ["Confirmed", "Terkonfirmasi"]


def test_list_of_notices_speaks_the_readers_language(lesson):
    for fact in Fact.values:
        tell(Fact(fact), to=[lesson.student], booking=lesson, **DETAILS)
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(lesson.student)

    answer = browser.get("/notices/")

    assert answer.status_code == 200
    assert english_on(answer.content.decode()) == []
