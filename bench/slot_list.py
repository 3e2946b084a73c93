"""The slot list of a busy tutor: 500 bookings in 30 days, against asking each candidate about each booking."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import history
from bench.figures import percentile, ratio, shown, table
from bookings import availability, slots
from bookings.models import Booking, SessionType, Tutor, WeeklyHours
from bookings.slots import Taken
from bookings.times import During
from bookings.windows import Hours

BOOKINGS, DAYS, TUTOR = 500, 30, 1


@dataclass(frozen=True)
class SlotList:
    """Medians in seconds of the site's way and of the plain one, the site's queries, the slots, and whether both agree."""

    seconds: float
    plain_seconds: float
    queries: int
    slots: int
    agree: bool


def measure_slot_list(*, times: int) -> SlotList:
    """List the open slots of 30 days so many times."""
    lesson, within = _busy_tutor()
    found = availability.open_slots(lesson, within=within)
    with CaptureQueriesContext(connection) as asked:
        availability.open_slots(lesson, within=within)
    return SlotList(
        seconds=_median(lambda: availability.open_slots(lesson, within=within), times),
        plain_seconds=_median(lambda: _plain_slots(lesson, within), max(1, times // 5)),
        queries=len(asked),
        slots=len(found),
        agree=found == _plain_slots(lesson, within),
    )


def report(measured: SlotList) -> str:
    """Return the one-line table."""
    if not measured.agree:
        raise RuntimeError("The slot list and the plain check of each booking disagree.")
    heads = ["bookings in 30 days", "slots offered", "queries", "ms", "plain check ms", "times faster"]
    row = [str(BOOKINGS), str(measured.slots), str(measured.queries), shown(measured.seconds * 1000),
           shown(measured.plain_seconds * 1000), shown(ratio(measured.plain_seconds, measured.seconds))]  # fmt: skip
    return table(heads, [row])


def _busy_tutor() -> tuple[SessionType, During]:
    """Give one tutor 500 lessons of an hour, buffer included, scattered over 30 days that are open around the clock."""
    past = history.History(10, 0, history.coming_midnight())
    history.load_history(past)
    hours = [number * history.HOURS_AHEAD // BOOKINGS for number in range(BOOKINGS)]
    history.add_lessons_of(TUTOR, [past.midnight + timedelta(hours=hour) for hour in hours])
    Tutor.objects.filter(pk=TUTOR).update(
        time_zone="Asia/Jakarta", notice_minutes=0, horizon_days=60, buffer_after_minutes=10
    )
    WeeklyHours.objects.filter(tutor=TUTOR).delete()
    around_the_clock = [
        WeeklyHours(tutor_id=TUTOR, weekday=day, starts=clock_time(0), ends=clock_time(0)) for day in range(7)
    ]
    WeeklyHours.objects.bulk_create(around_the_clock)
    lesson = SessionType.objects.select_related("tutor").get(tutor=TUTOR)
    return lesson, During(past.midnight, past.midnight + timedelta(days=DAYS))


def _plain_slots(lesson: SessionType, within: During) -> list[During]:
    """Ask each start of the grid about each booking, one after the other."""
    rules, now = availability.rules_of(lesson), datetime.now(UTC)
    rows = WeeklyHours.objects.filter(tutor=lesson.tutor_id).values_list("weekday", "starts", "ends")
    candidates = slots.open_slots(rules, [Hours(*row) for row in rows], [], Taken(), within=within, now=now)
    taken = Booking.objects.blocking(now).filter(tutor=lesson.tutor_id).values_list("blocks", flat=True)
    blocks = [During(block.lower, block.upper) for block in taken]
    return [
        slot for slot in candidates if not any(slot.padded(rules.before, rules.after).overlaps(block) for block in blocks)
    ]


def _median(work: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return percentile(took, 50)
