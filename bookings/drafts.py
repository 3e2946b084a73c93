"""A tutor's time as it would be: what is being edited, before it is saved. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from bookings import availability, slots, times
from bookings.hours import BookingRules, Span, Week, hours_of
from bookings.models import Booking, SessionType, Tutor, WeeklyHours
from bookings.models.bookings import BookingQuerySet
from bookings.overrides import Dates, replaced
from bookings.slots import Rules, Taken
from bookings.times import ONE_DAY, During, day_bounds, local
from bookings.windows import Hours, OpenTime, Override

DAYS_SHOWN = 14
_PROMISED = [Booking.Status.REQUESTED, Booking.Status.ACCEPTED, Booking.Status.PAID]


@dataclass(frozen=True)
class Draft:
    """Hours, dates that differ and rules that may not be saved yet."""

    tutor: Tutor
    rules: BookingRules
    hours: Sequence[Hours]
    overrides: Sequence[Override]

    @property
    def zone(self) -> ZoneInfo:
        return times.parse_zone(self.rules.time_zone)

    def with_week(self, week: Week, rules: BookingRules) -> Draft:
        """Return the draft with other hours and rules. Raises ValueError for hours that end before they start."""
        return replace(self, hours=hours_of(week), rules=rules)

    def with_override(self, dates: Dates, spans: Sequence[Span]) -> Draft:
        """Return the draft with other hours on these dates. Raises ValueError as `with_week` does."""
        return replace(self, overrides=replaced(self.overrides, dates, spans))


@dataclass(frozen=True)
class DraftDay:
    """One day of the preview, by the tutor's clock: the slots, the open time they fill, what is booked."""

    date: date
    slots: Sequence[During]
    spans: Sequence[During]
    booked: Sequence[Booking]
    is_closed: bool


def draft_of(tutor: Tutor) -> Draft:
    """Return what is saved. Takes 2 queries."""
    week = [Hours(row.weekday, row.starts, row.ends) for row in WeeklyHours.objects.filter(tutor=tutor)]
    dated = [Override(row.date, row.starts, row.ends) for row in tutor.date_overrides.all()]
    return Draft(tutor, BookingRules.of(tutor), week, dated)


def fortnight_of(draft: Draft, *, minutes: int, now: datetime | None = None) -> list[DraftDay]:
    """Return the next 14 days as students would find them for lessons of `minutes`, by the slot rule. One query."""
    now = now or timezone.now()
    today = local(now, draft.zone).date()
    days = [today + number * ONE_DAY for number in range(DAYS_SHOWN)]
    within = day_bounds(days[0], days[-1], draft.zone)
    rules = _slot_rules(draft, minutes=minutes)
    booked = list(_blocking(draft.tutor, slots.time_read(rules, within), now=now))
    taken = Taken(
        blocks=[During(one.blocks.lower, one.blocks.upper) for one in booked],
        starts=[one.starts_at for one in booked],
    )
    found = slots.open_slots(rules, draft.hours, draft.overrides, taken, within=within, now=now)
    closed = {one.date for one in draft.overrides if one.starts is None}
    return [_day(day, found, booked, draft.zone, is_closed=day in closed) for day in days]


def sessions_outside(draft: Draft, *, now: datetime | None = None) -> list[Booking]:
    """Return the promised sessions to come that do not lie in this open time; they stay as they are. One query."""
    now = now or timezone.now()
    coming = draft.tutor.bookings.filter(status__in=_PROMISED, during__startswith__gt=now).with_people().order_by("during")
    sessions = list(coming)
    if not sessions:
        return []
    within = During(sessions[0].starts_at, max(one.ends_at for one in sessions))
    open_time = {
        length: OpenTime(draft.zone, draft.hours, draft.overrides, within=within, length=length)
        for length in {_length(one) for one in sessions}
    }
    return [one for one in sessions if not open_time[_length(one)].holds(one.starts_at)]


def _day(day: date, found: Sequence[During], booked: Sequence[Booking], zone: ZoneInfo, *, is_closed: bool) -> DraftDay:
    mine = [slot for slot in found if local(slot.start, zone).date() == day]
    return DraftDay(
        date=day,
        slots=mine,
        spans=times.merge(mine),
        booked=[one for one in booked if local(one.starts_at, zone).date() == day],
        is_closed=is_closed,
    )


def _slot_rules(draft: Draft, *, minutes: int) -> Rules:
    as_edited = copy(draft.tutor)
    for name, value in asdict(draft.rules).items():
        setattr(as_edited, name, value)
    return availability.rules_of(SessionType(tutor=as_edited, minutes=minutes))


def _blocking(tutor: Tutor, during: During, *, now: datetime) -> BookingQuerySet:
    return Booking.objects.blocking(now).filter(tutor=tutor).blocks_overlapping(during).select_related("student")


def _length(booking: Booking) -> timedelta:
    return booking.ends_at - booking.starts_at
