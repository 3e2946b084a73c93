"""The admin's page of notices: how mails fared, and a button to mail one again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Notice, Tutor, User
from bookings.notices import tell
from tests.conftest import Drain
from tests.desk import address, text_of
from tests.factories import an_hour, make_booking, tomorrow
from tests.pages import queries_of

pytestmark = pytest.mark.django_db
Fact = Notice.Fact


@pytest.fixture
def notice(sam: User, ada: Tutor, settings: Any) -> Notice:
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    [notice] = tell(Fact.PAID, to=[sam], booking=make_booking(sam, ada, status=Booking.Status.PAID))
    return notice


def test_notice_shows_who_was_told_what_and_how_its_mail_fared(desk: Client, notice: Notice, drain: Drain):
    page = address(Notice, "change", notice.pk)
    assert "waits for a worker" in text_of(desk.get(page))

    drain()

    shown = text_of(desk.get(page))
    assert "Maths lesson with Ada Tutor on" in shown
    assert ">sent<" in shown


def test_mail_that_failed_is_shown_with_its_job(desk: Client, notice: Notice, drain: Drain, settings: Any):
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    drain()

    shown = text_of(desk.get(address(Notice, "change", notice.pk)))

    assert "waits for the mail server" in shown
    assert "config.send_mail: todo (1)" in shown


def test_button_mails_it_again(desk: Client, notice: Notice, drain: Drain):
    drain()

    answer = desk.post(address(Notice, "send", notice.pk), follow=True)
    drain()

    assert "The mail goes out again." in text_of(answer)
    assert len(mail.outbox) == 2


def test_what_is_no_longer_true_is_not_mailed_again(desk: Client, notice: Notice, drain: Drain):
    Booking.objects.update(status=Booking.Status.CANCELLED)
    drain()

    answer = desk.post(address(Notice, "send", notice.pk), follow=True)
    drain()

    assert "no longer true" in text_of(answer)
    assert mail.outbox == []


def test_nothing_else_can_be_changed(desk: Client, notice: Notice):
    assert desk.get(address(Notice, "add")).status_code == 403
    assert desk.post(address(Notice, "delete", notice.pk)).status_code == 403
    assert desk.post(address(Notice, "change", notice.pk), {"fact": "moved"}).status_code == 403


def test_staff_without_the_right_cannot_send(client: Client, notice: Notice):
    client.force_login(User.objects.create_user("clerk@example.com", is_staff=True))

    assert client.post(address(Notice, "send", notice.pk)).status_code in (403, 404)


@pytest.mark.parametrize(("state", "found"), [("sent", 0), ("dropped", 0), ("late", 1)])
def test_list_finds_mails_that_are_late(desk: Client, notice: Notice, state: str, found: int):
    Notice.objects.update(created_at=timezone.now() - timedelta(hours=1))

    answer = desk.get(address(Notice), {"mail": state})

    assert answer.context["cl"].result_count == found


def test_list_takes_as_many_queries_with_fifty_rows(desk: Client, notice: Notice, sam: User, ada: Tutor):
    queries_of(desk, address(Notice))
    few = queries_of(desk, address(Notice))
    for days in range(2, 52):
        tell(Fact.PAID, to=[sam], booking=make_booking(sam, ada, during=an_hour(tomorrow(days=days)), status="paid"))

    assert queries_of(desk, address(Notice)) == few
