"""What people are told of their accounts at vendors."""

from __future__ import annotations

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from bookings.staff import Letter, mail_staff, staff_addresses
from meetings.connections import UNREADABLE
from meetings.models import VideoConnection


def tell_of_broken_connection(connection_id: int) -> None:
    """Tell the staff that an account must be connected again. One that works again meanwhile is not mailed."""
    connection = VideoConnection.objects.select_related("tutor__user").get(pk=connection_id)
    if connection.is_usable or connection.disconnected_at is not None or not staff_addresses():
        return
    facts = {
        "connection": connection,
        "tutor": connection.tutor,
        "provider": connection.get_provider_display(),
        "is_unreadable": connection.broken_why == UNREADABLE(),
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        subject = _("[%(site)s] %(provider)s must be connected again") % {
            "site": settings.SITE_NAME,
            "provider": connection.get_provider_display(),
        }
        return subject, render_to_string("mail/meetings/connection_broken_staff.txt", facts)

    mail_staff(write)
