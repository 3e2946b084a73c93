"""All that decides about tutors' time, read by one statement as numbers that the slot rule reckons with.

Slots are asked for by every page of a tutor, by every hold and by other programs, and a busy tutor has hundreds of
bookings. Three queries through the models, with an object for each range, took ten times as long. The numbers are
microseconds, of the day for hours and since 1970 for bookings; dates are their ordinals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.db import connection

from bookings import slots
from bookings.models import Booking, DateOverride, WeeklyHours
from bookings.signals import hiding_times
from bookings.slots import Rules, TakenMicros
from bookings.spans import Span
from bookings.times import During, merge, time_of_day
from bookings.windows import Hours, Override

_Row = tuple[int, int, Any, Any, Any]  # kind, tutor or student, number, first and last: what they are depends on the kind


@dataclass(frozen=True, slots=True)
class Timetable:
    """One tutor's rows, and the time of the student who asks, for `slots.open_slots`."""

    hours: list[Hours] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    blocks: list[Span] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    student: Sequence[Span] = ()
    no_room: Sequence[Span] = ()

    @property
    def taken(self) -> TakenMicros:
        return TakenMicros(self.blocks, self.starts, self.student, self.no_room)


@dataclass(frozen=True, slots=True)
class Timetables:
    """The rows of some tutors and students, each by their keys."""

    tutors: dict[int, Timetable]
    students: dict[int, list[Span]]

    def of(self, tutor: int, student: int | None = None) -> Timetable:
        """Return the tutor's timetable as it is for this student, or for anybody."""
        found = self.tutors[tutor]
        return found if student is None else replace(found, student=self.students[student])


def read_timetables(
    rules: Mapping[int, Sequence[Rules]],
    *,
    within: During,
    now: datetime,
    students: Collection[int] = (),
    leaving_out: Booking | None = None,
) -> Timetables:
    """Return what decides which slots start in `within`, under any of the rules of these tutors, by key.

    One query, and those of whoever hides times (`hiding_times`). A row too many does no harm.
    """
    every = [one for of_tutor in rules.values() for one in of_tutor]
    dates = [slots.dates_read(one, within) for one in every]
    [during] = merge(slots.time_read(one, within) for one in every)
    values = {
        "tutors": list(rules),
        "counted": [tutor for tutor, of_tutor in rules.items() if of_tutor[0].daily_limit is not None],
        "first": min(first for first, _last in dates),
        "last": max(last for _first, last in dates),
        "start": during.start,
        "end": during.end,
        "now": now,
        "students": list(students),
        "left_out": leaving_out and leaving_out.pk,
    }
    found = Timetables({tutor: Timetable() for tutor in rules}, {student: [] for student in students})
    _sort_rows(_rows(_STATEMENT + (_OF_STUDENTS if students else ""), values), found)
    asked: dict[str, Any] = {"tutors": list(rules), "within": during, "now": now, "leaving_out": leaving_out}
    answers: list[tuple[Any, Any]] = hiding_times.send(Booking, **asked)
    for _receiver, hidden in answers:
        for tutor, spans in hidden.items():
            read = found.tutors[tutor]
            found.tutors[tutor] = replace(read, no_room=[*read.no_room, *spans])
    return found


def _rows(statement: str, values: dict[str, Any]) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[_Row] = cursor.fetchall()
    return rows


def _sort_rows(rows: Sequence[_Row], found: Timetables) -> None:
    for kind, key, number, first, last in rows:
        if kind == _BOOKED:
            found.tutors[key].blocks.append((first, last))
            if number is not None:
                found.tutors[key].starts.append(number)
        elif kind == _STUDENT:
            found.students[key].append((first, last))
        elif kind == _HOURS:
            found.tutors[key].hours.append(Hours(number, time_of_day(first), time_of_day(last)))
        elif kind == _OVERRIDE:
            times = () if first is None else (time_of_day(first), time_of_day(last))
            found.tutors[key].overrides.append(Override(date.fromordinal(number), *times))


def _micros(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"  # exact, as `extract` answers with a numeric


def _quoted(statuses: Iterable[Booking.Status]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


# The rule of Booking.objects.blocking
_BLOCKING = f"""
    status IN ({_quoted(Booking.ACTIVE)})
    AND (status NOT IN ({_quoted(Booking.KEPT)}) OR held_until IS NULL OR held_until > %(now)s)
    AND id IS DISTINCT FROM %(left_out)s
"""
_HOURS, _OVERRIDE, _BOOKED, _STUDENT = range(4)
_STATEMENT = f"""
SELECT {_BOOKED} AS kind, tutor_id AS key,
       CASE WHEN tutor_id = ANY(%(counted)s) THEN {_micros("lower(during)")} END AS number,
       {_micros("lower(blocks)")} AS first, {_micros("upper(blocks)")} AS last
  FROM {Booking._meta.db_table}
 WHERE tutor_id = ANY(%(tutors)s) AND blocks && tstzrange(%(start)s, %(end)s) AND {_BLOCKING}
UNION ALL
SELECT {_HOURS}, tutor_id, weekday, {_micros("starts")}, {_micros("ends")}
  FROM {WeeklyHours._meta.db_table} WHERE tutor_id = ANY(%(tutors)s)
UNION ALL
SELECT {_OVERRIDE}, tutor_id, date - '0001-01-01' + 1, {_micros("starts")}, {_micros("ends")}
  FROM {DateOverride._meta.db_table} WHERE tutor_id = ANY(%(tutors)s) AND date BETWEEN %(first)s AND %(last)s
"""  # noqa: S608 - the names are those of our own tables and columns
_OF_STUDENTS = f"""
UNION ALL
SELECT {_STUDENT}, student_id, NULL, {_micros("lower(during)")}, {_micros("upper(during)")}
  FROM {Booking._meta.db_table}
 WHERE student_id = ANY(%(students)s) AND during && tstzrange(%(start)s, %(end)s) AND {_BLOCKING}
"""  # noqa: S608
