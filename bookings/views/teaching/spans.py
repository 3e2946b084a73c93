"""Hours as a tutor types them: several spans a day, some of them half filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cached_property
from itertools import zip_longest

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from bookings.hours import SPANS_A_DAY, Span, Week, copy_day, faults_of
from bookings.models.availability import Weekday

_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)(?::00)?", re.ASCII)


@dataclass
class Row:
    """One span as typed, with what is wrong with it. The newest row takes the focus."""

    starts: str = ""
    ends: str = ""
    error: str | Promise = ""
    has_focus: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.starts or self.ends)


class SpanRows:
    """The rows of one day. `key` is the day's mark in the names of its fields."""

    def __init__(self, key: str, rows: Iterable[Row] = ()) -> None:
        self.key, self.rows, self.button_has_focus = key, list(rows), False

    @classmethod
    def of(cls, key: str, spans: Sequence[Span]) -> SpanRows:
        """Show what is saved."""
        return cls(key, [Row(f"{span.starts:%H:%M}", f"{span.ends:%H:%M}") for span in spans])

    @classmethod
    def read(cls, key: str, posted: QueryDict) -> SpanRows:
        """Take what was typed; one row too many is enough to refuse it."""
        pairs = zip_longest(posted.getlist(f"starts-{key}"), posted.getlist(f"ends-{key}"), fillvalue="")
        return cls(key, [Row(starts[:20].strip(), ends[:20].strip()) for starts, ends in list(pairs)[: SPANS_A_DAY + 1]])

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= SPANS_A_DAY

    @property
    def is_valid(self) -> bool:
        typed = [row for row in self.rows if not row.is_empty]
        return len(self.spans) == len(typed) and not any(row.error for row in typed)

    @cached_property
    def spans(self) -> list[Span]:
        """Return the spans that can be read, and mark the rows that are wrong. Empty rows are left out."""
        read = [(row, self._span_of(row)) for row in self.rows if not row.is_empty]
        whole = [(row, span) for row, span in read if span is not None]
        for fault in faults_of([span for _row, span in whole]):
            whole[min(fault.place, len(whole) - 1)][0].error = fault.sentence
        return [span for _row, span in whole]

    def add(self) -> None:
        """Put an empty row at the end, ready to be typed into."""
        if not self.is_full:
            self.rows.append(Row(has_focus=True))

    def remove(self, place: int) -> None:
        """Take a row away; whoever did that goes on at the button that adds one."""
        del self.rows[place : place + 1]
        self.button_has_focus = True

    def _span_of(self, row: Row) -> Span | None:
        starts, ends = _clock(row.starts), _clock(row.ends.replace("24:00", "00:00"))
        if starts is None or ends is None:
            row.error = _("Please give both times, such as 09:00 and 17:00.")
            return None
        return Span(starts, ends)


class DayRows(SpanRows):
    """The rows of a day of the week."""

    @property
    def weekday(self) -> Weekday:
        return Weekday(int(self.key))

    @property
    def others(self) -> list[Weekday]:
        return [day for day in Weekday if day != self.weekday]


class WeekRows:
    """The rows of all seven days."""

    def __init__(self, days: Sequence[DayRows]) -> None:
        self.days = list(days)

    @classmethod
    def of(cls, week: Week) -> WeekRows:
        return cls([DayRows(str(day.value), SpanRows.of("", week.get(day.value, ())).rows) for day in Weekday])

    @classmethod
    def read(cls, posted: QueryDict) -> WeekRows:
        return cls([DayRows(str(day.value), SpanRows.read(str(day.value), posted).rows) for day in Weekday])

    @property
    def is_valid(self) -> bool:
        return not [day for day in self.days if not day.is_valid]  # asks all, so that each is marked

    @property
    def week(self) -> dict[int, list[Span]]:
        """Return the spans of each weekday, as far as they can be read."""
        return {day.weekday.value: day.spans for day in self.days}

    def copy(self, weekday: int, *, to: Iterable[int]) -> None:
        """Show the rows of one day on others too, half-typed ones included."""
        typed = {day.weekday.value: day.rows for day in self.days}
        copied = copy_day(typed, weekday, to=to)
        for day in self.days:
            day.rows = [Row(row.starts, row.ends) for row in copied[day.weekday.value]]
        self.days[weekday].button_has_focus = True


def _clock(typed: str) -> time | None:
    """Return the time of day; None for what is none."""
    found = _CLOCK.fullmatch(typed)
    return time(int(found[1]), int(found[2])) if found else None
