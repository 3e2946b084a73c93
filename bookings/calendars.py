"""Sessions as entries of a calendar (RFC 5545, 5546): invitations in mails, a file to keep, a feed to subscribe to.

One entry per booking with a UID that never changes, and a SEQUENCE that grows with every change: Gmail, Outlook and
Apple's calendar then change the entry in its place. Times are UTC. The address in an entry is this site's own, never
the room's (DESIGN D12).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vCalAddress

from bookings.letters.telling import Role, name_of, one_line, role_of, say_session
from bookings.models import Booking, User

REQUEST, CANCEL, PUBLISH = "REQUEST", "CANCEL", "PUBLISH"
ASKED_AGAIN_AFTER = timedelta(minutes=30)  # what a feed asks of those who subscribe


@dataclass(frozen=True)
class Invitation:
    """A part of a mail. Its content type names the same method as its text: else Gmail and Outlook show a mere file."""

    method: str
    text: str

    @property
    def content_type(self) -> str:
        return f"text/calendar; method={self.method}"


def we_invite(booking: Booking) -> bool:
    """Say whether the entry of this session is ours to send. The one place for that decision.

    Nobody gets two invitations for one session: where a provider invites both sides by itself our mails are plain. The
    place that people were told of counts, not one that is being tried, and before there is a meeting the tutor's choice.
    """
    meeting = getattr(booking, "meeting", None)
    return not invites_by_itself(meeting.told_provider if meeting is not None else booking.tutor.meeting_provider)


def invites_by_itself(provider: str) -> bool:
    """True where a provider invites both sides to what it holds (`"INVITES": True` in its entry of MEETING_PROVIDERS)."""
    return bool(settings.MEETING_PROVIDERS.get(provider, {}).get("INVITES", False))


def hand_over_entry(booking: Booking) -> None:
    """Note that another party invites from now on. What changes hands is a new version, in which it leaves or comes back.

    Of the entry alone: the booking is what it was, and what people were told of it holds.
    """
    Booking.objects.filter(pk=booking.pk).update(handovers=F("handovers") + 1)


def version_of_entry(booking: Booking) -> int:
    """Return the SEQUENCE of the entry: it grows with every change of the session, and of the one who invites to it."""
    return booking.sequence + booking.handovers


def invite(booking: Booking, *, to: User, at: datetime) -> Invitation:
    """Return the entry of a session, or what changes it: whoever has it sees it changed in its place."""
    return _mail(booking, REQUEST, to=to, at=at)


def withdraw(booking: Booking, *, to: User, at: datetime) -> Invitation:
    """Return what takes the entry out of the calendar again."""
    return _mail(booking, CANCEL, to=to, at=at)


def write_file(booking: Booking, *, reader: User) -> str:
    """Return a file with one entry, to be put into a calendar by hand. The same UID: an invitation makes no second."""
    calendar = _calendar(PUBLISH)
    calendar.add_component(_event(booking, reader, at=settled_at(booking), is_off=_is_off(booking)))
    return _text(calendar)


def write_feed(bookings: Iterable[Booking], *, reader: User) -> str:
    """Return all these sessions as a calendar to subscribe to. The same sessions give the same text.

    Wants the bookings `with_people`.
    """
    calendar = _calendar(PUBLISH)
    name = _("Sessions at %(site)s") % {"site": settings.SITE_NAME}
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", reader.time_zone)
    calendar.add("refresh-interval", ASKED_AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT30M")
    for booking in bookings:
        calendar.add_component(_event(booking, reader, at=settled_at(booking), is_off=_is_off(booking)))
    return _text(calendar)


def settled_at(booking: Booking) -> datetime:
    """Return when the booking became what it is, as far as its calendar entry shows."""
    return max(at for at in (booking.created_at, booking.confirmed_at, booking.cancelled_at) if at is not None)


def _mail(booking: Booking, method: str, *, to: User, at: datetime) -> Invitation:
    calendar = _calendar(method)
    event = _event(booking, to, at=at, is_off=method == CANCEL or _is_off(booking))
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)  # a bare address, the same as the mail's sender
    event.add("organizer", _person(address, name or settings.SITE_NAME), encode=False)
    guest = _person(to.email, name_of(to))
    guest.params.update({"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"})
    event.add("attendee", guest, encode=False)
    calendar.add_component(event)
    return Invitation(method, _text(calendar))


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", f"-//{one_line(settings.SITE_NAME)}//Sessions//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _is_off(booking: Booking) -> bool:
    return booking.status == Booking.Status.CANCELLED


def _event(booking: Booking, reader: User, *, at: datetime, is_off: bool) -> Event:
    """Return the session as the reader sees it. A payer, who has no way in, is led to the booking's page."""
    role = role_of(reader, booking)
    page = settings.SITE_URL + booking.get_absolute_url()
    way_in = page if role is Role.PAYER else settings.SITE_URL + reverse("meetings:join", args=[booking.reference])
    words = {"way_in": way_in, "page": page, "reference": booking.reference}
    event = Event()
    event.add("uid", f"booking-{booking.reference}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("sequence", version_of_entry(booking))
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", booking.starts_at.astimezone(UTC))
    event.add("dtend", booking.ends_at.astimezone(UTC))
    event.add("summary", say_session(booking, role))
    event.add("location", way_in)
    event.add("description", _("Go to the session: %(way_in)s\nSee the booking: %(page)s\n%(reference)s") % words)
    event.add("url", page)
    event.add("status", "CANCELLED" if is_off else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if is_off else "OPAQUE")
    return event


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    person.params["CN"] = one_line(name)
    return person


def _text(calendar: Calendar) -> str:
    written: str = calendar.to_ical().decode()
    return written
