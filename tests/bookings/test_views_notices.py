"""The list of notices: read by their owner only, marked as read by pressing only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Notice, Tutor, User
from bookings.notice_mails import mail_notice
from bookings.notices import tell
from tests.factories import an_hour, make_booking, tomorrow
from tests.pages import queries_of, text_of

pytestmark = pytest.mark.django_db
Fact = Notice.Fact


@pytest.fixture
def lesson(sam: User, ada: Tutor) -> Booking:
    return make_booking(sam, ada, status=Booking.Status.PAID)


@pytest.fixture
def of_sam(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


def test_notices_are_told_newest_first_and_counted_in_the_header(of_sam: Client, lesson: Booking):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    tell(Fact.REMINDER_DAY, to=[lesson.student, lesson.tutor.user], booking=lesson)

    words = text_of(of_sam.get("/notices/"))

    assert words.index("This is a reminder of") < words.index("is confirmed.")
    assert "2 new" in words
    assert "with Sam Student" not in words  # what the tutor was told


def test_looking_marks_nothing_as_read(of_sam: Client, lesson: Booking):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)

    of_sam.get("/notices/")

    assert Notice.objects.unread().count() == 1


def test_pressing_a_notice_marks_it_as_read_and_leads_to_its_page(of_sam: Client, lesson: Booking):
    [notice] = tell(Fact.PAID, to=[lesson.student], booking=lesson)

    answer = of_sam.post("/notices/open/", {"fact": notice.fact, "key": notice.key})

    assert (answer.status_code, answer["Location"]) == (303, lesson.get_absolute_url())
    assert not Notice.objects.unread().exists()
    assert "1 new" not in text_of(of_sam.get("/notices/"))


def test_all_that_was_seen_is_marked_as_read_and_what_came_since_stays_new(of_sam: Client, lesson: Booking):
    tell(Fact.PAID, to=[lesson.student, lesson.tutor.user], booking=lesson)
    shown = of_sam.get("/notices/").context["shown_at"]
    tell(Fact.REMINDER_DAY, to=[lesson.student], booking=lesson)

    of_sam.post("/notices/read/", {"until": shown.isoformat()})

    unread = Notice.objects.unread().values_list("to", "fact").order_by("pk")
    assert list(unread) == [(lesson.tutor.user_id, "paid"), (lesson.student_id, "reminder_day")]
    of_sam.post("/notices/read/", {"until": "yesterday"})
    assert Notice.objects.unread().count() == 1


@pytest.mark.parametrize("sent", [{}, {"fact": "paid"}, {"fact": "x", "key": "y"}, {"fact": "paid", "key": "\0"}])
def test_notice_that_is_not_there_cannot_be_opened(of_sam: Client, sent: dict[str, str]):
    assert of_sam.post("/notices/open/", sent).status_code == 404


def test_notice_of_somebody_else_is_not_there(client: Client, kim: User, lesson: Booking):
    [notice] = tell(Fact.PAID, to=[lesson.student], booking=lesson)
    client.force_login(kim)

    assert client.post("/notices/open/", {"fact": notice.fact, "key": notice.key}).status_code == 404
    assert "Maths lesson" not in text_of(client.get("/notices/"))
    assert Notice.objects.unread().exists()


def test_list_takes_as_many_queries_with_fifty_notices(of_sam: Client, sam: User, ada: Tutor, lesson: Booking):
    tell(Fact.PAID, to=[sam], booking=lesson)
    of_sam.get("/notices/")
    few = queries_of(of_sam, "/notices/")
    for hour in range(50):
        status = Booking.Status.CANCELLED
        other = make_booking(sam, ada, during=an_hour(tomorrow(0) + timedelta(hours=hour)), status=status)
        tell(Fact.CANCELLED, to=[sam], booking=other)

    assert queries_of(of_sam, "/notices/") == few
    assert of_sam.get("/notices/?page=2").status_code == 200


def test_header_counts_in_the_query_that_it_makes_anyway(of_sam: Client, lesson: Booking):
    before = queries_of(of_sam, reverse("bookings:profile"))
    tell(Fact.PAID, to=[lesson.student], booking=lesson)

    assert queries_of(of_sam, reverse("bookings:profile")) == before


def test_nobody_who_is_not_logged_in_sees_a_bell(client: Client):
    assert b'class="bell"' not in client.get("/").content


def test_times_of_notices_are_those_of_the_reader(of_sam: Client, lesson: Booking):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    Notice.objects.update(created_at=timezone.now().replace(hour=1, minute=2))

    assert "08:02" in text_of(of_sam.get("/notices/"))


def test_what_is_no_longer_true_is_neither_shown_nor_counted(of_sam: Client, lesson: Booking):
    [notice] = tell(Fact.REMINDER_DAY, to=[lesson.student], booking=lesson)
    Booking.objects.filter(pk=lesson.pk).update(status=Booking.Status.CANCELLED)
    mail_notice(notice.pk)

    words = text_of(of_sam.get("/notices/"))

    assert "Nothing to tell yet" in words
    assert "1 new" not in words
