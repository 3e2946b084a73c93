"""Load what decides about a tutor's time, in a fixed number of queries, and ask `slots`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone

from bookings import slots, times
from bookings.models import Booking, DateOverride, SessionType, User, WeeklyHours
from bookings.slots import Reason, Rules, Taken
from bookings.times import During
from bookings.windows import Hours, Override


@dataclass(frozen=True)
class _Loaded:
    rules: Rules
    hours: Sequence[Hours]
    overrides: Sequence[Override]
    taken: Taken


def open_slots(
    session_type: SessionType, *, within: During, now: datetime | None = None, student: User | None = None
) -> list[During]:
    """Return the slots of a session type that start in `within` and can be booked at `now`, sorted, in UTC.

    Takes 3 queries, or 4 with a student, whose own bookings then hide slots as well.
    """
    now = now or timezone.now()
    rules = rules_of(session_type)
    asked = slots.bookable(rules, within=within, now=now)
    if asked is None:
        return []
    loaded = _load(session_type, rules, within=asked, now=now, student=student)
    return slots.open_slots(rules, loaded.hours, loaded.overrides, loaded.taken, within=within, now=now)


def why_not(
    session_type: SessionType, *, starts_at: datetime, student: User | None = None, now: datetime | None = None
) -> Reason | None:
    """Return the first rule that hides this start, or None if it is offered. Takes 3 or 4 queries."""
    now = now or timezone.now()
    rules = rules_of(session_type)
    out_of_reach = slots.why_out_of_reach(rules, starts_at=starts_at, now=now)
    if out_of_reach is not None:
        return out_of_reach
    within = During(starts_at, starts_at + timedelta(minutes=1))
    loaded = _load(session_type, rules, within=within, now=now, student=student)
    return slots.why_not(rules, loaded.hours, loaded.overrides, loaded.taken, starts_at=starts_at, now=now)


def next_slots(
    session_type: SessionType, *, near: datetime, student: User | None = None, most: int = 6, days: int = 14
) -> list[During]:
    """Return the open slots nearest to an instant, in the order of time: what to offer when one is gone."""
    around = During(near - timedelta(days=days), near + timedelta(days=days))
    found = open_slots(session_type, within=around, student=student)
    closest = sorted(found, key=lambda slot: abs(slot.start - near))[:most]
    return sorted(closest, key=lambda slot: slot.start)


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


def _load(session_type: SessionType, rules: Rules, *, within: During, now: datetime, student: User | None) -> _Loaded:
    tutor = session_type.tutor_id
    hours = WeeklyHours.objects.filter(tutor=tutor).values_list("weekday", "starts", "ends")
    dates = slots.dates_read(rules, within)
    overrides = DateOverride.objects.filter(tutor=tutor, date__range=dates).values_list("date", "starts", "ends")
    time_read = slots.time_read(rules, within)
    blocking = Booking.objects.blocking(now).order_by()
    rows = blocking.filter(tutor=tutor).blocks_overlapping(time_read).values_list("blocks", "during")
    booked = [(_during(blocks), during.lower) for blocks, during in rows]
    students = (
        [] if student is None else blocking.filter(student=student).overlapping(time_read).values_list("during", flat=True)
    )
    taken = Taken(
        blocks=[blocks for blocks, _start in booked],
        starts=[start for _blocks, start in booked],
        student=[_during(during) for during in students],
    )
    return _Loaded(rules, [Hours(*row) for row in hours], [Override(*row) for row in overrides], taken)


def _during(found: DateTimeTZRange) -> During:
    return During(found.lower, found.upper)
