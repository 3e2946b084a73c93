"""The dates of a tutor that differ: other hours, or closed, for one date or a holiday of many."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.digests import digest
from bookings.errors import HoursChanged, InvalidInput
from bookings.hours import Span, faults_of, lock_tutor
from bookings.models import DateOverride, Tutor
from bookings.times import ONE_DAY
from bookings.windows import Override

log = logging.getLogger("linkpool.hours")
FURTHEST = timedelta(days=731)
LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class Dates:
    """The dates `first` to `last`, both included, by the tutor's calendar."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        return (self.first + number * ONE_DAY for number in range((self.last - self.first).days + 1))


@dataclass(frozen=True)
class Exceptional:
    """Dates in a row that differ in the same way; without spans they are closed."""

    dates: Dates
    spans: tuple[Span, ...]


@transaction.atomic
def set_override(tutor: Tutor, dates: Dates, *, spans: Sequence[Span], seen: str) -> None:
    """Let these dates have these hours, or be closed without any, in place of whatever they had.

    `seen` is the `version_of` what the tutor saw. Raises InvalidInput, or HoursChanged.
    """
    kept = lock_tutor(tutor)
    if version_of(kept) != seen:
        raise HoursChanged
    require_dates(dates, today=today_of(kept))
    for fault in faults_of(spans):
        raise InvalidInput(fault.sentence)
    _on(kept, dates).delete()
    DateOverride.objects.bulk_create(
        DateOverride(tutor=kept, date=day, starts=starts, ends=ends) for day in dates for starts, ends in _rows(spans)
    )
    _log("dates set", kept, dates)


@transaction.atomic
def remove_overrides(tutor: Tutor, dates: Dates) -> int:
    """Let these dates follow the week again; return how many had differed."""
    kept = lock_tutor(tutor)
    removed = _on(kept, dates).values("date").distinct().count()
    _on(kept, dates).delete()
    _log("dates removed", kept, dates)
    return removed


def coming_exceptions(tutor: Tutor) -> list[Exceptional]:
    """Return the dates from today on that differ, those in a row with the same hours together."""
    by_date: dict[date, list[DateOverride]] = {}
    for row in tutor.date_overrides.filter(date__gte=today_of(tutor)).order_by("date", "starts"):
        by_date.setdefault(row.date, []).append(row)
    found: list[Exceptional] = []
    for day, rows in by_date.items():
        spans_of_day = _spans(rows)
        if found and found[-1].dates.last + ONE_DAY == day and found[-1].spans == spans_of_day:
            found[-1] = Exceptional(Dates(found[-1].dates.first, day), spans_of_day)
        else:
            found.append(Exceptional(Dates(day, day), spans_of_day))
    return found


def version_of(tutor: Tutor) -> str:
    """Return a short mark of the dates that differ: another one means that somebody has changed them."""
    rows = tutor.date_overrides.order_by("date", "starts", "ends")
    return digest(list(rows.values_list("date", "starts", "ends")))


def replaced(overrides: Sequence[Override], dates: Dates, spans: Sequence[Span]) -> list[Override]:
    """Return the overrides as they would be with these dates set. Nothing is saved."""
    others = [one for one in overrides if not dates.first <= one.date <= dates.last]
    return others + [Override(day, starts, ends) for day in dates for starts, ends in _rows(spans)]


def require_dates(dates: Dates, *, today: date) -> None:
    """Raise InvalidInput for dates in the past, in the wrong order, too many or too far away."""
    if dates.last < dates.first:
        raise InvalidInput(_("The last day must not be before the first."))
    if dates.first < today:
        raise InvalidInput(_("Please choose days from today on."))
    if dates.last - today > FURTHEST:
        raise InvalidInput(_("Please choose days within the next two years."))
    if dates.last - dates.first >= LONGEST:
        raise InvalidInput(_("Please choose a year of days at most."))


def today_of(tutor: Tutor) -> date:
    """Return today's date where the tutor's hours are meant."""
    return timezone.localdate(timezone=ZoneInfo(tutor.time_zone))


def _on(tutor: Tutor, dates: Dates) -> QuerySet[DateOverride]:
    return tutor.date_overrides.filter(date__range=(dates.first, dates.last))


def _rows(spans: Sequence[Span]) -> list[tuple[time | None, time | None]]:
    return [(span.starts, span.ends) for span in spans] or [(None, None)]


def _spans(rows: Sequence[DateOverride]) -> tuple[Span, ...]:
    """A date is closed if one of its rows closes it."""
    if any(row.starts is None for row in rows):
        return ()
    return tuple(Span(row.starts, row.ends) for row in rows if row.starts is not None and row.ends is not None)


def _log(what: str, tutor: Tutor, dates: Dates) -> None:
    log.info(what, extra={"tutor": tutor.slug, "first": str(dates.first), "last": str(dates.last)})
