"""Mail goes through the job queue."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.core.mail.message import BadHeaderError
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from config.logs import JsonFormatter
from config.mail import MailTooLarge, pack, unpack
from tests.conftest import Drain

pytestmark = pytest.mark.django_db
SENDER = "site@example.com"


@pytest.fixture(autouse=True)
def _queued(settings: Any) -> None:
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"


def test_mail_waits_in_the_queue_and_is_sent_by_a_worker(drain: Drain):
    assert send_mail("Hello", "Words", SENDER, ["sam@example.com"]) == 1
    assert mail.outbox == []

    assert drain() == [("config.send_mail", "succeeded")]

    [sent] = mail.outbox
    assert (sent.subject, sent.body, sent.from_email, sent.to) == ("Hello", "Words", SENDER, ["sam@example.com"])


def test_mail_of_a_change_that_was_undone_is_never_sent(drain: Drain):
    with transaction.atomic():
        send_mail("Paid", "Words", SENDER, ["sam@example.com"])
        transaction.set_rollback(True)

    assert drain() == []


def test_mail_to_nobody_makes_no_job():
    assert send_mail("Hello", "Words", SENDER, []) == 0
    assert not ProcrastinateJob.objects.exists()


def test_mail_is_tried_again_while_the_server_is_away(settings: Any, drain: Drain):
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    send_mail("Hello", "Words", SENDER, ["sam@example.com"])

    assert drain() == [("config.send_mail", "todo")]
    assert ProcrastinateJob.objects.get().status == "todo"


def test_mail_survives_the_queue_whole():
    message = EmailMultiAlternatives(
        "Zoë", "Text", SENDER, ["a@example.com"], bcc=["b@example.com"], headers={"X-Kind": "try"}, cc=["c@example.com"]
    )
    message.reply_to = ["d@example.com"]
    message.attach_alternative("<p>Text</p>", "text/html")
    message.attach("lesson.ics", "BEGIN:VCALENDAR", "text/calendar")
    message.attach("picture.png", b"\x89PNG\x00", "image/png")

    copy = unpack(json.loads(json.dumps(pack(message))))

    def parts(one: EmailMessage) -> list[tuple[str, Any]]:
        return [(part.get_content_type(), part.get_payload(decode=True)) for part in one.message().walk()]

    assert parts(copy) == parts(message)
    assert copy.recipients() == message.recipients()
    kept = ("Subject", "From", "To", "Cc", "Reply-To", "X-Kind")
    assert [copy.message()[name] for name in kept] == [message.message()[name] for name in kept]


def test_mail_that_is_too_large_or_forged_is_refused_at_once():
    with pytest.raises(MailTooLarge):
        send_mail("Hello", "x" * 1_000_001, SENDER, ["sam@example.com"])
    with pytest.raises(BadHeaderError):
        send_mail("Hello\nBcc: kim@example.com", "Words", SENDER, ["sam@example.com"])
    assert not ProcrastinateJob.objects.exists()


def test_log_of_a_failed_job_tells_no_secret_of_it():
    job = {"id": 7, "task_name": "config.send_mail", "attempts": 3, "task_kwargs": {"mail": {"body": "the secret link"}}}
    record = logging.LogRecord(
        "procrastinate.worker", logging.ERROR, "", 0, "Job config.send_mail[7](mail=the secret link)", (), None
    )
    record.job, record.action = {**job, "call_string": "config.send_mail[7](the secret link)"}, "job_error"

    written = JsonFormatter().format(record)

    assert "secret" not in written
    line = json.loads(written)
    assert (line["message"], line["task"], line["job"]) == ("job_error", "config.send_mail", 7)
