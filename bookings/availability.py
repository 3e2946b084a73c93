"""Load what decides about a tutor's time, in a fixed number of queries, and ask `slots`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone

from bookings import slots, times
from bookings.models import Booking, DateOverride, SessionType, User, WeeklyHours
from bookings.models.bookings import BookingQuerySet
from bookings.slots import Reason, Rules, Taken
from bookings.times import ONE_DAY, During, merge
from bookings.windows import Hours, Override


@dataclass(frozen=True)
class _Loaded:
    rules: Rules
    hours: Sequence[Hours]
    overrides: Sequence[Override]
    taken: Taken


def open_slots(
    session_type: SessionType,
    *,
    within: During,
    now: datetime | None = None,
    student: User | None = None,
    leaving_out: Booking | None = None,
) -> list[During]:
    """Return the slots of a session type that start in `within` and can be booked at `now`, sorted, in UTC.

    Takes 3 queries, or 4 with a student, whose own bookings then hide slots as well. The booking left
    out takes no time: that is what is open to a booking that moves.
    """
    now = now or timezone.now()
    rules = rules_of(session_type)
    asked = slots.bookable(rules, within=within, now=now)
    if asked is None:
        return []
    busy = _busy(now, leaving_out)
    loaded = _load(session_type, rules, within=asked, busy=busy, student=student)
    return slots.open_slots(rules, loaded.hours, loaded.overrides, loaded.taken, within=within, now=now)


def why_not(
    session_type: SessionType,
    *,
    starts_at: datetime,
    student: User | None = None,
    now: datetime | None = None,
    leaving_out: Booking | None = None,
) -> Reason | None:
    """Return the first rule that hides this start, or None if `open_slots` offers it. Takes 3 or 4 queries."""
    now = now or timezone.now()
    rules = rules_of(session_type)
    out_of_reach = slots.why_out_of_reach(rules, starts_at=starts_at, now=now)
    if out_of_reach is not None:
        return out_of_reach
    within = During(starts_at, starts_at + timedelta(minutes=1))
    busy = _busy(now, leaving_out)
    loaded = _load(session_type, rules, within=within, busy=busy, student=student)
    return slots.why_not(rules, loaded.hours, loaded.overrides, loaded.taken, starts_at=starts_at, now=now)


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

    Takes 3 queries, however many session types and tutors they are.
    """
    now = timezone.now()
    within = During(now, now + timedelta(days=days))
    rules = {one.pk: rules_of(one) for one in session_types}
    if not rules:
        return {}
    rows = _load_tutors({one.tutor_id for one in session_types}, list(rules.values()), within=within, busy=_busy(now))
    soon = During(now, now + timedelta(days=2))
    found = {}
    for one in session_types:
        hours, overrides, taken = rows[one.tutor_id]
        for span in (soon, within):  # most have a slot soon: the rest of the fortnight need not be reckoned
            if starts := slots.open_slots(rules[one.pk], hours, overrides, taken, within=span, now=now):
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

    Takes 4 queries, however many wishes there are, 0 for none.
    """
    if not wishes:
        return []
    now, reach = timezone.now(), timedelta(days=days)
    rules = [rules_of(session_type) for session_type, _near, _student in wishes]
    spans = [During(near - reach, near + reach) for _type, near, _student in wishes]
    within = During(min(span.start for span in spans), max(span.end for span in spans))
    rows = _load_tutors({one.tutor_id for one, _near, _student in wishes}, rules, within=within, busy=_busy(now))
    lessons = _load_students({student for _type, _near, student in wishes}, within=within, busy=_busy(now))
    found = []
    for rule, span, (session_type, near, student) in zip(rules, spans, wishes, strict=True):
        hours, overrides, taken = rows[session_type.tutor_id]
        free = slots.open_slots(rule, hours, overrides, replace(taken, student=lessons[student]), within=span, now=now)
        closest = sorted(free, key=lambda slot: abs(slot.start - near))[:most]
        found.append(Around(any(slot.start == near for slot in free), sorted(closest, key=lambda slot: slot.start)))
    return found


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


_Rows = tuple[list[Hours], list[Override], Taken]


def _busy(now: datetime, leaving_out: Booking | None = None) -> BookingQuerySet:
    """Return the bookings that take time at `now`."""
    busy = Booking.objects.blocking(now).order_by()
    return busy if leaving_out is None else busy.exclude(pk=leaving_out.pk)


def _load(
    session_type: SessionType, rules: Rules, *, within: During, busy: BookingQuerySet, student: User | None
) -> _Loaded:
    tutor = session_type.tutor_id
    hours, overrides, taken = _load_tutors([tutor], [rules], within=within, busy=busy)[tutor]
    if student is not None:
        of_student = busy.filter(student=student).overlapping(slots.time_read(rules, within))
        taken = replace(taken, student=[_during(during) for during in of_student.values_list("during", flat=True)])
    return _Loaded(rules, hours, overrides, taken)


def _load_tutors(
    tutors: Collection[int], rules: Sequence[Rules], *, within: During, busy: BookingQuerySet
) -> dict[int, _Rows]:
    """Load what decides for these tutors under any of these rules; a row too many does no harm."""
    hours: dict[int, list[Hours]] = defaultdict(list)
    for week in WeeklyHours.objects.filter(tutor__in=tutors):
        hours[week.tutor_id].append(Hours(week.weekday, week.starts, week.ends))
    dates = [slots.dates_read(one, within) for one in rules]
    first, last = min(one[0] for one in dates), max(one[1] for one in dates)
    overrides: dict[int, list[Override]] = defaultdict(list)
    for day in DateOverride.objects.filter(tutor__in=tutors, date__range=(first, last)):
        overrides[day.tutor_id].append(Override(day.date, day.starts, day.ends))
    [time_read] = merge(slots.time_read(one, within) for one in rules)
    booked: dict[int, list[tuple[During, datetime]]] = defaultdict(list)
    of_tutors = busy.filter(tutor__in=tutors).blocks_overlapping(time_read)
    for tutor, blocks, during in of_tutors.values_list("tutor", "blocks", "during"):
        booked[tutor].append((_during(blocks), during.lower))
    return {one: (hours[one], overrides[one], _taken(booked[one])) for one in tutors}


def _load_students(students: Collection[int], *, within: During, busy: BookingQuerySet) -> dict[int, list[During]]:
    lessons: dict[int, list[During]] = defaultdict(list)
    theirs = busy.filter(student__in=students).overlapping(within.padded(ONE_DAY, ONE_DAY))
    for student, during in theirs.values_list("student", "during"):
        lessons[student].append(_during(during))
    return lessons


def _taken(booked: Sequence[tuple[During, datetime]]) -> Taken:
    return Taken(blocks=[blocks for blocks, _start in booked], starts=[start for _blocks, start in booked])


def _during(found: DateTimeTZRange) -> During:
    return During(found.lower, found.upper)
