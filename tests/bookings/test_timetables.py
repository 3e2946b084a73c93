"""What is read for the slot rule: the rows that models and querysets know, as numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.availability import rules_of
from bookings.models import Booking, SessionType, Tutor, User
from bookings.slots import TakenMicros
from bookings.times import During
from bookings.timetables import Timetable, read_timetables
from bookings.windows import Hours, Override
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow

pytestmark = pytest.mark.django_db

WITHIN = During(tomorrow(0), tomorrow(0, days=3))


def read(tutor: Tutor, **asked: Any) -> Timetable:
    lesson = tutor.session_types.first() or make_session_type(tutor)
    asked = {"now": timezone.now(), **asked}
    return read_timetables({tutor.pk: [rules_of(lesson)]}, within=WITHIN, **asked).of(tutor.pk)


@pytest.mark.parametrize("kept", [timedelta(minutes=-1), timedelta(0), timedelta(minutes=1)], ids=["past", "now", "to come"])
def test_bookings_read_are_those_that_block_as_the_queryset_says(sam: User, kept: timedelta):
    now = timezone.now()
    tutor = make_tutor(buffer_after_minutes=10)
    for number, status in enumerate(Booking.Status):
        make_booking(sam, tutor, during=an_hour(tomorrow(2 * number)), status=status, held_until=now + kept)
    blocking = Booking.objects.blocking(now).filter(tutor=tutor)

    rules = rules_of(make_session_type(tutor))
    found = read_timetables({tutor.pk: [rules]}, within=WITHIN, now=now, students=[sam.pk]).of(tutor.pk, sam.pk)

    assert sorted(found.blocks) == sorted(During(one.blocks.lower, one.blocks.upper).span for one in blocking)
    assert sorted(found.student) == sorted(one.time.span for one in blocking)
    assert len(found.blocks) == (4 if kept > timedelta(0) else 1)


def test_hours_and_overrides_are_read_as_they_were_written():
    last_moment = time(23, 59, 59, 999_999)
    tutor = make_tutor(hours=[(0, time(9, 30), time(12, 0, 1)), (6, time(0), time(0)), (2, time(0, 0, 0, 1), last_moment)])
    tutor.date_overrides.create(date=tomorrow().date(), starts=time(7, 15), ends=time(0))
    tutor.date_overrides.create(date=tomorrow(days=2).date())
    tutor.date_overrides.create(date=date(2001, 1, 1))

    found = read(tutor)

    assert set(found.hours) == {
        Hours(0, time(9, 30), time(12, 0, 1)),
        Hours(6, time(0), time(0)),
        Hours(2, time(0, 0, 0, 1), last_moment),
    }
    assert set(found.overrides) == {
        Override(tomorrow().date(), time(7, 15), time(0)),
        Override(tomorrow(days=2).date()),
    }


def test_times_are_exact_to_the_microsecond_in_any_century(sam: User):
    start = datetime(2389, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    tutor = make_tutor(daily_limit=3)
    lesson = make_session_type(tutor)
    make_booking(sam, tutor, during=During(start, start + timedelta(microseconds=7)), status=Booking.Status.PAID)
    within = During(start, start + timedelta(days=1))

    found = read_timetables({tutor.pk: [rules_of(lesson)]}, within=within, now=timezone.now()).of(tutor.pk)

    micros = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert found.taken == TakenMicros([(micros, micros + 7)], [micros])


@pytest.mark.parametrize(("limit", "counted"), [(None, 0), (5, 1)])
def test_lessons_are_counted_only_where_a_day_has_a_limit(sam: User, limit: int | None, counted: int):
    tutor = make_tutor(daily_limit=limit)
    make_booking(sam, tutor, status=Booking.Status.PAID)

    assert len(read(tutor).starts) == counted


def test_each_tutor_and_each_student_gets_their_own_rows(sam: User, kim: User):
    lessons = [make_session_type(make_tutor(hours=[(day, time(9), time(10))])) for day in range(3)]
    first, second = (
        make_booking(student, one.tutor, session_type=one) for student, one in zip([sam, kim], lessons, strict=False)
    )
    keys = [one.tutor_id for one in lessons]
    asked = {one.tutor_id: [rules_of(one)] for one in lessons}

    with CaptureQueriesContext(connection) as captured:
        found = read_timetables(asked, within=WITHIN, now=timezone.now(), students=[sam.pk])

    assert len(captured) == 1
    assert [[row.weekday for row in found.of(key).hours] for key in keys] == [[0], [1], [2]]
    assert [found.of(key, sam.pk).blocks for key in keys] == [[first.time.span], [second.time.span], []]
    assert [list(found.of(key, sam.pk).student) for key in keys] == [[first.time.span]] * 3
    assert [list(found.of(key).student) for key in keys] == [[]] * 3


def test_a_shared_timetable_holds_what_any_of_the_rules_needs(sam: User):
    tutor = make_tutor(daily_limit=2)
    short, long = make_session_type(tutor, minutes=15), make_session_type(tutor, minutes=24 * 60)
    late = make_booking(sam, tutor, session_type=short, during=an_hour(tomorrow(days=5)), status=Booking.Status.PAID)
    both: list[SessionType] = [short, long]

    found = read_timetables({tutor.pk: [rules_of(one) for one in both]}, within=WITHIN, now=timezone.now())

    assert found.of(tutor.pk).blocks == [late.time.span]
