"""The mail of a notice: subject, plain text, HTML, and the calendar entry that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bookings import calendars
from bookings.availability import next_slots
from bookings.calendars import CANCEL, REQUEST, Invitation
from bookings.letters import write_letter
from bookings.letters.letter import Letter, Row
from bookings.letters.telling import Role, name_of, role_of, say_instant, say_session, say_time
from bookings.models import Booking, Notice
from bookings.times import During

Fact = Notice.Fact
TIMES_OFFERED = 3


@dataclass(frozen=True)
class Mail:
    subject: str
    text: str
    html: str
    invitation: Invitation | None = None


def write_mail(notice: Notice, *, at: datetime) -> Mail:
    """Put a notice into a mail, in the language and zone that are active. Wants it `with_rows`."""
    _tell_whole_move(notice)
    invitation = entry_for(notice, at=at)
    letter = _with_more(notice, write_letter(notice)).with_more(paragraphs=_about_the_entry(notice, invitation))
    facts = {
        "letter": letter,
        "greeting": _("Hello %(name)s,") % {"name": name_of(notice.to)} if notice.to.full_name else _("Hello,"),
        "has_entry": invitation is not None and (invitation.method == REQUEST or notice.fact == Fact.CANCELLED),
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "profile_url": settings.SITE_URL + reverse("bookings:profile"),
        "zone": timezone.get_current_timezone_name(),
        "language": get_language(),
    }
    return Mail(
        subject=" ".join(letter.subject.split()),
        text=render_to_string("mail/bookings/notice.txt", facts).strip() + "\n",
        html=render_to_string("mail/bookings/notice.html", facts),
        invitation=invitation,
    )


def _tell_whole_move(notice: Notice) -> None:
    """Begin with the time that the reader knows: of moves that followed each other at once only the last is mailed."""
    if notice.fact == Fact.MOVED:
        untold = Notice.objects.filter(to=notice.to, booking=notice.booking, fact=Fact.MOVED, mailed_at=None)
        first = untold.filter(pk__lt=notice.pk).order_by("pk").first()
        if first is not None:
            known = {name: first.details[name] for name in ("was_start", "was_end") if name in first.details}
            notice.details = {**notice.details, **known}


def _with_more(notice: Notice, letter: Letter) -> Letter:
    """Add what a mail tells and the list on the site does not: it has to be asked for."""
    booking = notice.booking
    if notice.fact == Fact.PAID and booking is None and notice.order is not None:
        not_had = [
            Booking.Status.CANCELLED,
            Booking.Status.EXPIRED,
        ]  # called off, or gone before the money came
        bookings = notice.order.bookings.exclude(status__in=not_had).with_people()
        return letter.with_more(rows=[_row_of(notice, one) for one in bookings])
    if booking is None or role_of(notice.to, booking) is Role.TUTOR:
        return letter
    if notice.fact in (Fact.DECLINED, Fact.UNANSWERED, Fact.UNPAID):
        near = next_slots(booking.session_type, near=booking.starts_at, student=booking.student, most=TIMES_OFFERED)
        return letter.with_more(rows=_free_times(near))
    return letter


def _row_of(notice: Notice, booking: Booking) -> Row:
    return Row(say_session(booking, role_of(notice.to, booking)), say_time(booking.time))


def _free_times(near: list[During]) -> list[Row]:
    if not near:
        return []
    return [Row(_("Free near that time"), "\n".join(say_instant(slot.start) for slot in near))]


def entry_for(notice: Notice, *, at: datetime) -> Invitation | None:
    """Return the calendar entry for those who sit in the session: new, changed, or taken back from who has it.

    Where another party has begun to invite, or has ceased to, the mail that tells of the other place takes ours back or
    brings it: nobody is left with two entries, or with none.
    """
    booking = notice.booking
    if booking is None or role_of(notice.to, booking) is Role.PAYER:
        return None
    is_ours = calendars.we_invite(booking)
    if notice.fact in (Fact.PAID, Fact.MOVED):
        return calendars.invite(booking, to=notice.to, at=at) if is_ours else None
    if notice.fact == Fact.CANCELLED and _has_entry(notice):
        return calendars.withdraw(booking, to=notice.to, at=at)
    if notice.fact == Fact.LINK_CHANGED and booking.handovers and is_ours != _has_entry(notice):
        change = calendars.invite if is_ours else calendars.withdraw
        return change(booking, to=notice.to, at=at)
    return None


def _has_entry(notice: Notice) -> bool:
    """True if the last mail that told the reader's calendar of this session put it in."""
    told = Notice.objects.filter(to=notice.to, booking=notice.booking, mailed_at__isnull=False, dropped_at=None)
    last = told.exclude(entry="").order_by("-mailed_at", "-pk").values_list("entry", flat=True)
    return last.first() == REQUEST


def _about_the_entry(notice: Notice, invitation: Invitation | None) -> list[str]:
    """Say why a calendar is told although the session takes place as it was booked."""
    if invitation is None or notice.fact != Fact.LINK_CHANGED:
        return []
    if invitation.method == CANCEL:
        return [_("It takes place as booked. Its new place invites you by itself, so our entry leaves your calendar.")]
    return [
        _("It takes place as booked. The entry in this mail takes the place of any other invitation that you had for it.")
    ]
