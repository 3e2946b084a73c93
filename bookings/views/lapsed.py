"""Times that were kept too long, or lost: whether each can be had again, and the nearest free ones if it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone

from bookings.availability import Around, look_around
from bookings.models import Booking, StudentLink, User
from bookings.retaking import is_sold
from bookings.views.days import Day, by_day
from bookings.views.for_whom import ForWhom


@dataclass(frozen=True)
class Lapsed:
    """A time that was kept too long: whether it can be had again, and which are nearest if it cannot."""

    hold: Booking
    is_free: bool
    nearest: Sequence[Day]
    for_whom: ForWhom


def chosen_students(holds: Sequence[Booking], reader: User) -> dict[int, ForWhom]:
    """Return by the student's key whom the reader books for; of whoever has ended the leave, no link."""
    students = {hold.student_id: hold.student for hold in holds if hold.student_id != reader.pk}
    found = {reader.pk: ForWhom(reader, None, [])}
    if not students:
        return found
    leaves = {link.student_id: link for link in StudentLink.objects.standing().filter(payer=reader)}
    for key, student in students.items():
        link = leaves.get(key)
        if link is not None:
            link.student = student  # loaded already
        found[key] = ForWhom(reader, link, [])
    return found


def look_up_lapsed(holds: Sequence[Booking], chosen: dict[int, ForWhom]) -> list[Lapsed]:
    """Look up what is free of these, and around them. Takes the same few queries for one and for many."""
    for hold in holds:
        hold.session_type.tutor = hold.tutor  # loaded once, with its person
    around = look_around([(hold.session_type, hold.starts_at, hold.student_id) for hold in holds])
    return [_tell(hold, found, chosen[hold.student_id]) for hold, found in zip(holds, around, strict=True)]


def _tell(hold: Booking, around: Around, for_whom: ForWhom) -> Lapsed:
    may = is_sold(hold) and for_whom.student.pk == hold.student_id
    zone = ZoneInfo(timezone.get_current_timezone_name())
    nearest = by_day(around.nearest, zone) if may and not around.is_open else []
    return Lapsed(hold, may and around.is_open, nearest, for_whom)
