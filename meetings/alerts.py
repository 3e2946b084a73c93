"""Tell the admins of one thing that needs a person. What is told of many things at once stands in alarms.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from django.conf import settings
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.staff import Letter, mail_staff
from meetings.alert_letters import MOST_LINES
from meetings.models import Meeting, MeetingLink, NoShowReport, VendorRoom, VideoConnection


def mail_staff_of_overrun(meeting: Meeting, earlier: Meeting) -> None:
    """Say that a session may begin in a link where people of the one before still are. One that moved is not mailed."""
    if meeting.link_id is None or meeting.link_id != earlier.link_id or meeting.status != Meeting.Status.READY:
        return
    facts = {
        "link": meeting.link,
        "reference": meeting.booking.reference,
        "earlier": earlier.booking.reference,
        "starts_at": meeting.time.start.astimezone(UTC),
        "admin_url": settings.SITE_URL + reverse("admin:meetings_meeting_change", args=[meeting.pk]),
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        words = {"site": settings.SITE_NAME, "booking": meeting.booking.reference}
        subject = _("[%(site)s] The link of %(booking)s may still be in use") % words
        return subject, render_to_string("mail/meetings/link_in_use.txt", facts)

    mail_staff(write)


def mail_staff_about_absence(report: NoShowReport) -> None:
    """Say that somebody was reported as absent, or has answered. One that has been decided meanwhile is not mailed."""
    if report.decision:
        return
    reference = report.booking.reference
    facts = {
        "report": report,
        "reference": reference,
        "answer_until": report.answer_until.astimezone(UTC),
        "admin_url": settings.SITE_URL + reverse("admin:meetings_noshowreport_change", args=[report.pk]),
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        subject = _("[%(site)s] Absence reported: %(booking)s") % {"site": settings.SITE_NAME, "booking": reference}
        return subject, render_to_string("mail/meetings/absence_reported.txt", facts)

    mail_staff(write)


def mail_staff_about_roomless(reports: Sequence[NoShowReport]) -> None:
    """Say which sessions ended without a room: what becomes of them, and of the money, is to be decided."""
    if not reports:
        return
    first = reports[0].booking.reference
    facts = {
        "reports": reports[:MOST_LINES],
        "more": max(0, len(reports) - MOST_LINES),
        "number": len(reports),
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        words = {"site": settings.SITE_NAME, "booking": first, "count": len(reports)}
        subject = ngettext("[%(site)s] %(booking)s had no room", "[%(site)s] %(count)d sessions had no room", len(reports))
        return subject % words, render_to_string("mail/meetings/no_room.txt", facts)

    mail_staff(write)


def mail_staff_about_old_links(links: Sequence[MeetingLink]) -> None:
    """Say which pool links nobody has opened for so long that they are given to nobody any more. No address is told."""
    aside = [link for link in links if link.status == MeetingLink.Status.CORDONED]
    if not aside:
        return
    facts = {
        "links": aside,
        "admin_url": settings.SITE_URL + reverse("admin:meetings_meetinglink_changelist") + "?needs=look",
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        subject = _("[%(site)s] Pool links that somebody has to open") % {"site": settings.SITE_NAME}
        return subject, render_to_string("mail/meetings/links_old.txt", facts)

    mail_staff(write)


def mail_staff_of_other_account(connection: VideoConnection) -> None:
    """Say what is left behind in an account of the site that is not in the settings any more; nothing, if nothing is."""
    held = VendorRoom.objects.filter(connection=connection, state=VendorRoom.State.MADE)
    held = held.filter(generation=F("meeting__generation"), external_id=F("meeting__external_id"))
    number = held.filter(meeting__status=Meeting.Status.READY, meeting__during__endswith__gt=timezone.now()).count()
    if not number:
        return
    provider = connection.get_provider_display()
    facts = {
        "number": number,
        "provider": provider,
        "account": connection.account,
        "admin_url": settings.SITE_URL + reverse("admin:meetings_videoconnection_change", args=[connection.pk]),
        "site_name": settings.SITE_NAME,
    }

    def write() -> Letter:
        words = {"site": settings.SITE_NAME, "provider": provider}
        subject = _("[%(site)s] The site has another account at %(provider)s") % words
        return subject, render_to_string("mail/meetings/account_changed.txt", facts)

    mail_staff(write)
