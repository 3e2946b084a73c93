"""A notice as its writer sees it: who reads it, what they are to the session, and how times and names are said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from bookings.letters.letter import Link, Row
from bookings.models import Booking, Notice, Order, User
from bookings.times import During

LONGEST_NAME = 60


class Role(StrEnum):
    """What a reader is to a session. A payer neither learns nor teaches in it."""

    STUDENT = "student"
    TUTOR = "tutor"
    PAYER = "payer"


def role_of(person: User, booking: Booking) -> Role:
    """Return what this person is to the booking."""
    if person.pk == booking.student_id:
        return Role.STUDENT
    return Role.TUTOR if person.pk == booking.tutor.user_id else Role.PAYER


def name_of(person: User) -> str:
    """Return the name that others may read, in one line: never the e-mail address."""
    return one_line(person.full_name) or _("(no name yet)")


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters, cut to a length that a subject can bear."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return Truncator(" ".join(printable.split())).chars(LONGEST_NAME)


def say_time(during: During) -> str:
    """Return day, hours and zone, such as "Tuesday 24 November 2026, 19:00–20:00 (Asia/Jakarta)"."""
    start, end = timezone.localtime(during.start), timezone.localtime(during.end)
    return _("%(day)s, %(from)s–%(to)s (%(zone)s)") % {
        "day": date_format(start, "FULL_DAY_FORMAT"),
        "from": date_format(start, "TIME_FORMAT"),
        "to": date_format(end, "TIME_FORMAT"),
        "zone": timezone.get_current_timezone_name(),
    }


def say_instant(instant: datetime) -> str:
    """Return day, hour and zone, such as "Tue 24 Nov, 19:00 (Asia/Jakarta)"."""
    said = {"when": say_start(instant), "zone": timezone.get_current_timezone_name()}
    return _("%(when)s (%(zone)s)") % said


def say_start(instant: datetime) -> str:
    """Return day and hour for a subject, such as "Tue 24 Nov, 19:00"; the zone stands in the mail itself."""
    start = timezone.localtime(instant)
    return _("%(day)s, %(hour)s") % {
        "day": date_format(start, "SHORT_WEEKDAY_FORMAT"),
        "hour": date_format(start, "TIME_FORMAT"),
    }


def say_session(booking: Booking, role: Role) -> str:
    """Return the session as the reader thinks of it: what, and with whom."""
    words = {"lesson": one_line(booking.name), "student": name_of(booking.student), "tutor": name_of(booking.tutor.user)}
    if role is Role.STUDENT:
        return _("%(lesson)s with %(tutor)s") % words
    if role is Role.TUTOR:
        return _("%(lesson)s with %(student)s") % words
    return _("%(lesson)s of %(student)s with %(tutor)s") % words


@dataclass(frozen=True)
class Telling:
    """One notice, to be put into words for the one who reads it. Wants the notice `with_rows`."""

    notice: Notice

    @property
    def reader(self) -> User:
        return self.notice.to

    @property
    def booking(self) -> Booking:
        booking = self.notice.booking
        if booking is None:
            raise ValueError(f"A notice of {self.notice.fact} needs a booking.")
        return booking

    @property
    def order(self) -> Order:
        return self.notice.order or self.booking.order

    @cached_property
    def role(self) -> Role:
        return role_of(self.reader, self.booking)

    @property
    def is_for_tutor(self) -> bool:
        return self.role is Role.TUTOR

    @property
    def is_for_payer(self) -> bool:
        """True for those who have paid or are to pay, whatever else they are."""
        return self.order.payer_id == self.reader.pk

    @cached_property
    def words(self) -> dict[str, Any]:
        """What sentences speak of: the lesson, the people in it, its time."""
        booking = self.booking
        return {
            "lesson": one_line(booking.name),
            "student": name_of(booking.student),
            "tutor": name_of(booking.tutor.user),
            "payer": name_of(booking.order.payer),
            "when": say_start(booking.starts_at),
            "reference": booking.reference,
        }

    @property
    def words_of_session(self) -> dict[str, Any]:
        return {**self.words, "session": say_session(self.booking, self.role)}

    def detail(self, name: str) -> str:
        """Return a detail as words; empty if it was not told."""
        return str(self.notice.details.get(name) or "")

    def instant(self, name: str) -> datetime | None:
        """Return a detail that is an instant; None if it was not told or is none."""
        try:
            told = datetime.fromisoformat(self.detail(name))
        except ValueError:
            return None
        return told if told.utcoffset() is not None else None

    def when(self, name: str = "") -> Row:
        """Return the row of the session's time."""
        return Row(name or _("When"), say_time(self.booking.time))

    def why(self, reason: str) -> list[Row]:
        """Return the row of a reason, if there is one."""
        reason = " ".join(reason.split())
        return [Row(_("Why"), reason)] if reason else []

    @property
    def to_booking(self) -> Link:
        return Link(_("See the booking"), self.booking.get_absolute_url())

    @property
    def to_room(self) -> Link:
        """The stable join address of this site: the room's own is shown to nobody before the door opens."""
        if self.role is Role.PAYER:
            return self.to_booking
        return Link(_("Go to the session"), reverse("meetings:join", args=[self.booking.reference]))

    @property
    def to_address(self) -> Link:
        """Where a tutor says in which room the session is held."""
        return Link(_("Give the address"), reverse("meetings:address", args=[self.booking.reference]))

    @property
    def to_order(self) -> Link:
        return Link(_("See the order"), self.order.get_absolute_url())

    @property
    def to_times(self) -> Link:
        """The tutor's open times."""
        return Link(_("Choose another time"), self.booking.tutor.get_absolute_url())
