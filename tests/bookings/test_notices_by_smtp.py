"""Notices over a real connection to a mail server: what arrives, and what happens when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from icalendar import Calendar

from bookings.models import Booking, Notice, Tutor, User
from bookings.notices import tell
from tests.conftest import Drain
from tests.factories import an_hour, make_booking
from tests.smtp import MailServer, mail_server

pytestmark = pytest.mark.django_db
Fact = Notice.Fact


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with mail_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def notice(sam: User, ada: Tutor) -> Notice:
    sam.full_name = "Zoë Ünal, 名 " + "x" * 60
    sam.save()
    during = an_hour(datetime(2027, 3, 28, 9, tzinfo=UTC))
    [notice] = tell(Fact.PAID, to=[sam], booking=make_booking(sam, ada, during=during, status=Booking.Status.PAID))
    return notice


def try_again(drain: Drain) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
    drain()


def test_mail_arrives_whole(server: MailServer, notice: Notice, drain: Drain):
    drain()

    [arrived] = server.mails
    parts: Any = arrived.get_payload()
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/calendar"]
    assert parts[2].get_param("method") == "REQUEST"
    [event] = Calendar.from_ical(parts[2].get_payload(decode=True)).walk("VEVENT")
    assert event["ATTENDEE"].params["CN"].startswith("Zoë Ünal, 名 x")
    assert all(len(line) <= 998 for line in arrived.as_bytes().splitlines())
    assert "X-Linkpool-Notice" not in arrived
    assert arrived["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("refusal", ["451 try later", "554 not now", "421 closing"])
def test_mail_that_is_refused_is_tried_again_and_arrives_once(
    server: MailServer, notice: Notice, drain: Drain, refusal: str
):
    server.refusal = refusal
    drain()
    try_again(drain)
    notice.refresh_from_db()
    assert (server.mails, notice.sent_at, notice.mailed_at is not None) == ([], None, True)

    server.refusal = ""
    try_again(drain)
    try_again(drain)

    notice.refresh_from_db()
    assert (len(server.mails), notice.sent_at is not None) == (1, True)


def test_worker_that_dies_after_the_servers_yes_repeats_the_same_mail(server: MailServer, notice: Notice, drain: Drain):
    """The one gap: nobody can commit at two places at once. Mail programs show one of two with the same Message-ID."""
    drain()
    Notice.objects.update(sent_at=None)  # its commit was lost, and its job is taken up again
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE task_name = 'config.send_mail'")
    drain()

    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]
