"""Mail leaves through the job queue: a mail server that is slow or dead breaks no page.

A mail is stored in the transaction of the change that it tells of, and sent by a worker, which tries again for hours.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from email.mime.base import MIMEBase
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError

from bookings.jobs import enqueue

MOST_CHARACTERS = 1_000_000  # of a packed mail; what is longer belongs behind a link


class MailTooLarge(ValueError):
    """A mail does not fit into a job."""


class QueuedBackend(BaseEmailBackend):
    """Django's EMAIL_BACKEND here. The real one is MAIL_BACKEND, used by the job alone."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store the mails as jobs and return how many. Raises MailTooLarge, BadHeaderError, OperationalError.

        A mail that may fail silently (Django's own about trouble) does so while the database is away: raised from the
        log, it would turn an answer of 503, after which gateways try for hours, into a 500, after which they do not.
        """
        addressed = [message for message in email_messages if message.recipients()]
        for message in addressed:
            message.message()  # a header that cannot be sent is told to whoever wrote it, not to a worker
        try:
            for message in addressed:
                enqueue("config.send_mail", priority=getattr(message, "priority", 0), mail=pack(message))
        except OperationalError:
            if not self.fail_silently:
                raise
            return 0
        return len(addressed)


def pack(message: EmailMessage) -> dict[str, Any]:
    """Return the mail as plain JSON. Raises MailTooLarge, and TypeError for attachments made by hand."""
    packed = {
        "subject": str(message.subject),
        "body": str(message.body),
        "from_email": message.from_email,
        "to": list(message.to),
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "headers": {name: str(value) for name, value in message.extra_headers.items()},
        "alternatives": [[str(content), kind] for content, kind in getattr(message, "alternatives", None) or []],
        "attachments": [_pack_attachment(one) for one in message.attachments],
    }
    if len(json.dumps(packed)) > MOST_CHARACTERS:
        raise MailTooLarge(f"A mail must be shorter than {MOST_CHARACTERS} characters.")
    return packed


def unpack(packed: dict[str, Any]) -> EmailMessage:
    """Return the mail that `pack` was given."""
    fields = {name: value for name, value in packed.items() if name not in ("attachments", "alternatives", "headers")}
    message = EmailMultiAlternatives(**fields, headers={**packed["headers"]})
    for content, kind in packed["alternatives"]:
        message.attach_alternative(content, kind)
    for name, content, kind in packed["attachments"]:
        message.attach(name, b64decode(content), kind)
    return message


def _pack_attachment(attachment: Any) -> list[str | None]:
    if isinstance(attachment, MIMEBase):
        raise TypeError("Attach a name, a content and a kind: a part made by hand cannot be stored.")
    name, content, kind = attachment
    raw = content.encode() if isinstance(content, str) else content
    return [name, b64encode(raw).decode(), kind]
