"""Background work of the site itself. Each job may run twice, in two workers, and be killed halfway."""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from procrastinate.contrib.django import app

from bookings.jobs import Backoff
from config.mail import unpack


@app.task(name="config.send_mail", retry=Backoff(runs=14, on=(OSError, SMTPException)))
def send_mail(mail: dict[str, Any]) -> None:
    """Hand a stored mail to the mail server; while that is away, try again for about five hours."""
    with get_connection(settings.MAIL_BACKEND) as server:
        server.send_messages([unpack(mail)])
