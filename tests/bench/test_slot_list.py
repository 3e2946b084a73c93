"""The contestants of the slot list must do the same work, and a list that differs must be noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone

from bench import aims, slot_list
from bench.busy_tutor import DAYS, GAP, LESSONS, MINUTES, WEEK, ZONE, make_busy_tutor
from bench.slot_list import OURS, PACKAGE, PLAIN, STATEMENT, SlotList
from bench.slot_package import described
from bench.slot_statement import slots_by_statement
from bookings.availability import open_slots
from bookings.models import Booking, SessionType, User
from bookings.times import During
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow

WITHIN = During(tomorrow(3), tomorrow(20, days=9))


def berlin(**rules: int) -> SessionType:
    """Two windows on most days, one that lasts until midnight, and another after it."""
    hours = [(day, time(8), time(12, 30)) for day in range(6)] + [(2, time(20), time(0)), (3, time(0), time(2))]
    return make_session_type(make_tutor(None, time_zone="Europe/Berlin", hours=hours, **rules), minutes=50)


RULES = [
    pytest.param({}, id="none"),
    pytest.param({"buffer_before_minutes": 15, "buffer_after_minutes": 20}, id="buffers"),
    pytest.param({"notice_minutes": 2 * 24 * 60}, id="notice"),
    pytest.param({"horizon_days": 4, "slot_step_minutes": 25}, id="horizon and step"),
    pytest.param({"daily_limit": 1}, id="daily limit"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("rules", RULES)
def test_statement_finds_the_slots_that_we_find(sam: User, kim: User, rules: dict[str, int]):
    lesson = berlin(**rules)
    tutor, now = lesson.tutor, timezone.now()
    tutor.date_overrides.create(date=tomorrow(days=3).date())
    tutor.date_overrides.create(date=tomorrow(days=4).date(), starts=time(13), ends=time(18, 10))
    make_booking(sam, tutor, during=an_hour(tomorrow(9, 15, days=5)), status=Booking.Status.PAID)
    make_booking(kim, tutor, during=an_hour(tomorrow(14, days=4)), held_until=now - timedelta(minutes=1))
    make_booking(kim, tutor, during=an_hour(tomorrow(10, days=6)), held_until=now + timedelta(minutes=1))
    make_booking(sam, tutor, during=an_hour(tomorrow(10, days=2)), status=Booking.Status.CANCELLED)

    ours = [slot.start for slot in open_slots(lesson, within=WITHIN, now=now)]

    assert slots_by_statement(lesson, within=WITHIN, now=now) == ours
    assert ours


def answering(starts: list[datetime]) -> Callable[[], slot_list.Answer]:
    return lambda: (0.0, starts)


def test_list_that_differs_is_named():
    same, other = [tomorrow(9), tomorrow(10)], [tomorrow(9)]

    assert slot_list.require_same_slots({OURS: answering(same), STATEMENT: answering(same)}) == same
    with pytest.raises(RuntimeError, match=r"other slots than open_slots: check of each booking\."):
        slot_list.require_same_slots({OURS: answering(same), STATEMENT: answering(same), PLAIN: answering(other)})


def test_everybody_takes_as_many_turns_as_they_have_in_each_round_and_none_while_warming_up():
    called: list[str] = []

    def turn(name: str) -> Callable[[], slot_list.Answer]:
        def answer() -> slot_list.Answer:
            called.append(name)
            return 0.0, []

        return answer

    seconds = slot_list.take_turns({OURS: turn(OURS), PLAIN: turn(PLAIN)}, rounds=2)

    assert {name: len(of_calls) for name, of_calls in seconds.items()} == {OURS: 10, PLAIN: 2}
    assert called.count(OURS) == 15
    assert [called[0], called[6], called[12]] == [PLAIN, OURS, PLAIN]  # every other round goes the other way


def test_busy_tutor_has_twenty_windows_and_lessons_that_never_overlap():
    busy = make_busy_tutor()
    block = timedelta(minutes=MINUTES + GAP)

    assert sum(len(windows) for windows in WEEK) == 20
    assert len(busy.lessons) == LESSONS
    assert all(later - earlier >= block for earlier, later in zip(busy.lessons, busy.lessons[1:], strict=False))
    assert busy.within.minutes == DAYS * 24 * 60
    assert all(busy.within.start <= lesson < busy.within.end for lesson in busy.lessons)


def test_package_is_told_of_the_same_hours_in_its_own_words():
    busy = make_busy_tutor()

    told = described(busy)

    assert sorted(told["hours"])[0] == (0, "08:00:00", "17:00:00")  # its week begins on Sunday
    assert (1, "06:00:00", "23:00:00") in told["hours"]
    monday = next(day for day in busy.dates if day.weekday() == 0).isoformat()
    assert [span for day, *span in told["breaks"] if day == monday] == [["11:05:00", "11:55:00"], ["17:05:00", "17:55:00"]]
    assert told["lessons"][0] == busy.lessons[0].astimezone(ZONE).replace(tzinfo=None).isoformat()


@pytest.mark.parametrize(
    ("package", "reached"),
    [
        ([0.9], [["2.00", "yes"], ["1", "yes"], ["900", "yes"]]),
        ([0.1], [["2.00", "yes"], ["1", "yes"], ["100", "**no**"]]),
        ([], [["2.00", "yes"], ["1", "yes"]]),
    ],
    ids=["met", "missed", "not installed"],
)
def test_aims_say_what_was_reached(package: list[float], reached: list[list[str]]):
    seconds = {OURS: [0.001, 0.001, 0.5], STATEMENT: [0.0005]} | ({PACKAGE: package} if package else {})

    told = aims.report([], [], SlotList(seconds, {OURS: 1}, 330, []))

    rows = [[cell.strip() for cell in line.split("|")[2:4]] for line in told.splitlines()[2:]]
    assert rows == reached
