"""Background work of the site itself. Each job may run twice, in two workers, and be killed halfway."""

from __future__ import annotations

from functools import partial
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from procrastinate.contrib.django import app

from bookings.jobs import Backoff
from bookings.notice_mails import STAMP, send_once
from config.mail import unpack


@app.task(name="config.send_mail", retry=Backoff(runs=14, on=(OSError, SMTPException)))
def send_mail(mail: dict[str, Any]) -> None:
    """Hand a stored mail to the mail server; while that is away, try again for about five hours."""
    message = unpack(mail)
    stamp = message.extra_headers.pop(STAMP, "")
    if stamp:
        send_once(stamp, partial(_hand_over, message))
    else:
        _hand_over(message)


def _hand_over(message: EmailMessage) -> None:
    with get_connection(settings.MAIL_BACKEND) as server:
        server.send_messages([message])
