"""Which times of a tutor can be booked: reads what decides, in one query, and asks `slots`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from bookings import slots, times
from bookings.models import Booking, SessionType, User
from bookings.slots import Reason, Rules
from bookings.times import During
from bookings.timetables import Timetable, read_timetables


def open_slots(
    session_type: SessionType,
    *,
    within: During,
    now: datetime | None = None,
    student: User | None = None,
    leaving_out: Booking | None = None,
) -> list[During]:
    """Return the slots of a session type that start in `within` and can be booked at `now`, sorted, in UTC.

    One query. A student's own bookings hide slots as well. The booking left out takes no time: that is
    what is open to a booking that moves.
    """
    now = now or timezone.now()
    rules = rules_of(session_type)
    asked = slots.bookable(rules, within=within, now=now)
    if asked is None:
        return []
    read = _timetable(session_type, rules, within=asked, now=now, student=student, leaving_out=leaving_out)
    return slots.open_slots(rules, read.hours, read.overrides, read.taken, within=within, now=now)


def why_not(
    session_type: SessionType,
    *,
    starts_at: datetime,
    student: User | None = None,
    now: datetime | None = None,
    leaving_out: Booking | None = None,
) -> Reason | None:
    """Return the first rule that hides this start, or None if `open_slots` offers it. One query."""
    now = now or timezone.now()
    rules = rules_of(session_type)
    out_of_reach = slots.why_out_of_reach(rules, starts_at=starts_at, now=now)
    if out_of_reach is not None:
        return out_of_reach
    within = During(starts_at, starts_at + timedelta(minutes=1))
    read = _timetable(session_type, rules, within=within, now=now, student=student, leaving_out=leaving_out)
    return slots.why_not(rules, read.hours, read.overrides, read.taken, starts_at=starts_at, now=now)


def next_slots(
    session_type: SessionType,
    *,
    near: datetime,
    student: User | None = None,
    leaving_out: Booking | None = None,
    most: int = 6,
    days: int = 14,
) -> list[During]:
    """Return the open slots nearest to an instant, in the order of time: what to offer when one is gone."""
    around = During(near - timedelta(days=days), near + timedelta(days=days))
    found = open_slots(session_type, within=around, student=student, leaving_out=leaving_out)
    closest = sorted(found, key=lambda slot: abs(slot.start - near))[:most]
    return sorted(closest, key=lambda slot: slot.start)


def first_slots(session_types: Sequence[SessionType], *, days: int = 14) -> dict[int, During]:
    """Return the first open slot of the coming days of each of these, by its key; full ones are left out.

    One query, however many session types and tutors they are.
    """
    if not session_types:
        return {}
    now = timezone.now()
    within, soon = During(now, now + timedelta(days=days)), During(now, now + timedelta(days=2))
    rules = {one.pk: rules_of(one) for one in session_types}
    of_tutors: dict[int, list[Rules]] = defaultdict(list)
    for one in session_types:
        of_tutors[one.tutor_id].append(rules[one.pk])
    timetables = read_timetables(of_tutors, within=within, now=now)
    found = {}
    for one in session_types:
        read = timetables.of(one.tutor_id)
        for span in (soon, within):  # most have a slot soon: the rest of the fortnight need not be reckoned
            if starts := slots.open_slots(rules[one.pk], read.hours, read.overrides, read.taken, within=span, now=now):
                found[one.pk] = starts[0]
                break
    return found


@dataclass(frozen=True)
class Around:
    """What is open around a time that somebody would like: that very start, and those nearest to it in order of time."""

    is_open: bool
    nearest: Sequence[During]


def look_around(wishes: Sequence[tuple[SessionType, datetime, int]], *, days: int = 7, most: int = 4) -> list[Around]:
    """Return what is open around each of these wishes: session type, start (aware), and the student's key.

    One query, however many wishes there are, none for none.
    """
    if not wishes:
        return []
    now, reach = timezone.now(), timedelta(days=days)
    rules = [rules_of(session_type) for session_type, _near, _student in wishes]
    spans = [During(near - reach, near + reach) for _type, near, _student in wishes]
    within = During(min(span.start for span in spans), max(span.end for span in spans))
    of_tutors: dict[int, list[Rules]] = defaultdict(list)
    for rule, (session_type, _near, _student) in zip(rules, wishes, strict=True):
        of_tutors[session_type.tutor_id].append(rule)
    timetables = read_timetables(of_tutors, within=within, now=now, students={student for _type, _near, student in wishes})
    found = []
    for rule, span, (session_type, near, student) in zip(rules, spans, wishes, strict=True):
        read = timetables.of(session_type.tutor_id, student)
        free = slots.open_slots(rule, read.hours, read.overrides, read.taken, within=span, now=now)
        closest = sorted(free, key=lambda slot: abs(slot.start - near))[:most]
        found.append(Around(any(slot.start == near for slot in free), sorted(closest, key=lambda slot: slot.start)))
    return found


def session_as_sold(booking: Booking) -> SessionType:
    """Return the session type with the length that was sold, and its tutor without notice.

    For asking when the tutor could give this very session. Wants the booking `with_people`. Do not save it.
    """
    session_type, tutor = copy(booking.session_type), copy(booking.tutor)
    tutor.notice_minutes = 0
    session_type.minutes, session_type.tutor = booking.minutes, tutor
    return session_type


def rules_of(session_type: SessionType) -> Rules:
    """Return the tutor's rules as they are for this session type."""
    tutor = session_type.tutor
    return Rules(
        zone=times.parse_zone(tutor.time_zone),
        minutes=session_type.minutes,
        step_minutes=tutor.slot_step_minutes,
        notice_minutes=tutor.notice_minutes,
        horizon_days=tutor.horizon_days,
        buffer_before_minutes=tutor.buffer_before_minutes,
        buffer_after_minutes=tutor.buffer_after_minutes,
        daily_limit=tutor.daily_limit,
    )


def _timetable(
    session_type: SessionType,
    rules: Rules,
    *,
    within: During,
    now: datetime,
    student: User | None,
    leaving_out: Booking | None,
) -> Timetable:
    tutor, students = session_type.tutor_id, [] if student is None else [student.pk]
    read = read_timetables({tutor: [rules]}, within=within, now=now, students=students, leaving_out=leaving_out)
    return read.of(tutor, *students)
