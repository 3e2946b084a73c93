"""Mail notices: make a mail from a row, hand it to the queue, and let it leave once.

Three steps, each in one transaction and safe to repeat: `tell` stores the row and the first job; `mail_notice` makes
the mail and stores it as a job (`mailed_at`); `send_once` gives it to the mail server (`sent_at`). A round finds what
was lost between them. Only a worker that dies between the server's yes and its own commit sends a mail twice; both
have the same Message-ID then, by which mail programs show one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from bookings.calendars import version_of_entry
from bookings.errors import NoticeOutdated
from bookings.jobs import enqueue
from bookings.languages import speaking_to
from bookings.models import Notice
from bookings.notice_texts import write_mail
from bookings.notice_truth import is_still_true

log = logging.getLogger("linkpool.notices")

STAMP = "X-Linkpool-Notice"  # which notice a mail in the queue tells of; it does not leave the site
LOST_AFTER = timedelta(minutes=2)
SEND_AGAIN_AFTER = timedelta(hours=6)  # the job of a mail gives up after about five hours
GIVE_UP_AFTER = timedelta(days=2)
BATCH = 200
_LEAVING_LOCK = 76003  # with the notice's key: one worker at a time sends this mail (76001 and 76002 are the pool's)


@transaction.atomic
def mail_notice(notice_id: int) -> bool:
    """Make the mail of a notice, unless that was done or it is no longer true. True when this call did it."""
    locked = Notice.objects.select_for_update().get(pk=notice_id)
    if locked.mailed_at or locked.dropped_at:
        return False
    now = timezone.now()
    notice = Notice.objects.with_rows().get(pk=notice_id)
    if not is_still_true(notice, now=now):
        _drop(notice, now)
        return False
    entry = _queue(notice, now)
    Notice.objects.filter(pk=notice.pk).update(mailed_at=now, entry=entry)
    return True


def mail_unfinished(*, now: datetime) -> int:
    """Make the mails whose job was lost, or that no server took for hours. Returns how many.

    One's trouble stops no other.
    """
    lost = Notice.objects.unmailed(since=now - LOST_AFTER)
    stuck = Notice.objects.unsent(since=now - SEND_AGAIN_AFTER)
    mailed = 0
    for found in (lost, stuck):
        young = found.filter(created_at__gt=now - GIVE_UP_AFTER)
        for key in young.order_by("pk").values_list("pk", flat=True)[:BATCH]:
            mailed += _mail_again(key, now=now)
    return mailed


def send_again(notice: Notice) -> None:
    """Mail a notice once more, as an admin wishes. Raises NoticeOutdated when it is no longer true."""
    with transaction.atomic():
        Notice.objects.select_for_update().get(pk=notice.pk)
        notice = Notice.objects.with_rows().get(pk=notice.pk)
        if not is_still_true(notice, now=timezone.now()):
            raise NoticeOutdated
        Notice.objects.filter(pk=notice.pk).update(mailed_at=None, sent_at=None, dropped_at=None)
        enqueue("bookings.mail_notice", notice_id=notice.pk)


@transaction.atomic
def send_once(stamp: str, hand_over: Callable[[], object]) -> None:
    """Let a mail from the queue leave, if it has not left yet and still is true; `hand_over` gives it to the server.

    What it says may have changed while it waited: the mail is made anew then. The lock is on the mail alone: whoever
    waits for it is about to send the same one.
    """
    key, sequence = (int(part) for part in stamp.split(":"))
    _wait_for_others(key)
    now = timezone.now()
    notice = Notice.objects.with_rows().filter(pk=key).first()
    if notice is None or notice.sent_at or notice.dropped_at or notice.mailed_at is None:
        return
    if not is_still_true(notice, now=now):
        _drop(notice, now)
    elif _version(notice) != sequence:
        Notice.objects.filter(pk=key).update(mailed_at=None)
        enqueue("bookings.mail_notice", notice_id=key)
    else:
        hand_over()
        Notice.objects.filter(pk=key).update(sent_at=timezone.now())
        log.info("notice sent", extra={"kind": notice.fact, "user": notice.to_id, "booking": notice.booking})


def _queue(notice: Notice, now: datetime) -> str:
    """Hand the mail to the queue: a job in this transaction. Returns what it tells a calendar (`Notice.entry`)."""
    with speaking_to(notice.to):
        mail = write_mail(notice, at=now)
    message = EmailMultiAlternatives(mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [notice.to.email])
    message.attach_alternative(mail.html, "text/html")
    if mail.invitation is not None:
        message.attach_alternative(mail.invitation.text, mail.invitation.content_type)
    message.extra_headers = {
        STAMP: f"{notice.pk}:{_version(notice)}",
        "Message-ID": _message_id(notice, now),
        "Auto-Submitted": "auto-generated",
    }
    message.send()
    return mail.invitation.method if mail.invitation is not None else ""


def _version(notice: Notice) -> int:
    return version_of_entry(notice.booking) if notice.booking else 0


def _message_id(notice: Notice, now: datetime) -> str:
    """The same at every try to send this mail, and new when it is made anew. Tells nobody the key of a row."""
    secret = salted_hmac("bookings.notice_mails", f"{notice.pk} {now.isoformat()}", algorithm="sha256").hexdigest()
    return f"<{secret[:32]}@{urlsplit(settings.SITE_URL).hostname}>"


def _drop(notice: Notice, now: datetime) -> None:
    Notice.objects.filter(pk=notice.pk).update(dropped_at=now)
    log.info("notice dropped", extra={"kind": notice.fact, "user": notice.to_id, "booking": notice.booking})


def _mail_again(key: int, *, now: datetime) -> bool:
    """Mail one notice of the round; if its mail got stuck on the way it is made anew."""
    try:
        with transaction.atomic():
            still = Q(mailed_at=None) | Q(mailed_at__lt=now - SEND_AGAIN_AFTER)
            mine = Notice.objects.filter(still, pk=key, sent_at=None).select_for_update(skip_locked=True)
            if not mine:
                return False
            Notice.objects.filter(pk=key).update(mailed_at=None)
            return mail_notice(key)
    except Exception:
        log.exception("notice not mailed", extra={"number": key})
        return False


def _wait_for_others(key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LEAVING_LOCK, key % 2**31])
