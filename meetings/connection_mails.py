"""What people are told of their accounts at vendors."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.languages import speaking_to
from meetings.models import VideoConnection
from meetings.ways import meanwhile_for, usable_ways


@transaction.atomic
def tell_of_broken_connection(connection_id: int) -> None:
    """Tell the tutor that an account must be connected again, once each time it breaks.

    One that works again meanwhile is not mailed. A key of ours that is lost comes back, as a rule: of that only the staff is
    told (alerts.py tells them of every broken account), and the tutor's page.
    """
    connection = _locked(connection_id)
    if connection.is_usable or connection.disconnected_at is not None or _was_told_of_break(connection):
        return
    if connection.is_unreadable:
        return
    VideoConnection.objects.filter(pk=connection.pk).update(told_at=timezone.now())
    _mail_tutor(connection, "connection_broken", _subject_of_broken)


@transaction.atomic
def tell_of_end(connection_id: int) -> None:
    """Tell the tutor, once, that the consent ends soon and how to renew it."""
    connection = _locked(connection_id)
    if not connection.is_usable or connection.told_at is not None or connection.grant_ends_at is None:
        return
    VideoConnection.objects.filter(pk=connection.pk).update(told_at=timezone.now())
    _mail_tutor(connection, "connection_ends", _subject_of_end)


def _locked(connection_id: int) -> VideoConnection:
    rows = VideoConnection.objects.select_for_update(of=("self",), no_key=True).select_related("tutor__user")
    found: VideoConnection = rows.get(pk=connection_id)
    return found


def _was_told_of_break(connection: VideoConnection) -> bool:
    """True if this break was told; an earlier mail, that the consent ends soon, was another one."""
    told_at, broken_at = connection.told_at, connection.broken_at
    return told_at is not None and broken_at is not None and told_at >= broken_at


def _subject_of_broken(provider: str) -> str:
    return _("Please connect %(provider)s again") % {"provider": provider}


def _subject_of_end(provider: str) -> str:
    return _("Your consent at %(provider)s ends soon") % {"provider": provider}


def _mail_tutor(connection: VideoConnection, letter: str, subject_of: Any) -> None:
    if connection.tutor is None or not connection.tutor.user.is_active:
        return
    person = connection.tutor.user
    with speaking_to(person):
        facts = {
            "connection": connection,
            "person": person,
            "provider": connection.get_provider_display(),
            "tutor": connection.tutor,
            "meanwhile": meanwhile_for(connection.tutor, connection.provider, usable_ways(connection.tutor)),
            "url": settings.SITE_URL + reverse("meetings:connection_list"),
            "zone": timezone.get_current_timezone_name(),
            "site_name": settings.SITE_NAME,
        }
        text = render_to_string(f"mail/meetings/{letter}.txt", facts)
        subject = subject_of(connection.get_provider_display())
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [person.email])
