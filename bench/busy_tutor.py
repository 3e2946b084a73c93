"""The tutor whose slots are listed: 20 windows a week, 500 lessons in 30 days. Values, and the rows that hold them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bench import history
from bookings.models import Booking, Order, SessionType, Tutor, User, WeeklyHours
from bookings.times import During

ZONE = ZoneInfo("Asia/Jakarta")  # no daylight saving: what the contestants do about it is not measured
DAYS, LESSONS, OTHERS = 30, 500, 10_000
MINUTES, STEP, GAP = 25, 15, 5  # a lesson, from one start to the next, kept free after each
KEY = 1_000_000  # beyond those of the others
FULL_DAY = [(time(6), time(11)), (time(12), time(17)), (time(18), time(23))]
SUNDAY = [(time(8), time(12)), (time(13), time(17))]
WEEK = [*[FULL_DAY] * 6, SUNDAY]  # from Monday on: 20 windows


@dataclass(frozen=True)
class BusyTutor:
    """The days that are asked for, by the tutor's clock, and when the lessons in them start, sorted, in UTC."""

    first: date
    lessons: tuple[datetime, ...]

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(DAYS)]

    @property
    def within(self) -> During:
        return During(_instant(self.first, time()), _instant(self.first + timedelta(days=DAYS), time()))


def make_busy_tutor(*, seed: int = 3) -> BusyTutor:
    """Scatter the lessons over the grid of 30 days from tomorrow on; blocks may touch, but not overlap."""
    first = datetime.now(ZONE).date() + timedelta(days=1)
    starts = [start for number in range(DAYS) for start in _grid(first + timedelta(days=number))]
    random.Random(seed).shuffle(starts)
    block, step, lessons = timedelta(minutes=MINUTES + GAP), timedelta(minutes=STEP), set[datetime]()
    for start in starts:
        overlapping = (start + number * step for number in range(-block // step + 1, block // step))
        if len(lessons) < LESSONS and lessons.isdisjoint(overlapping):
            lessons.add(start)
    return BusyTutor(first, tuple(sorted(lessons)))


def load_rows(busy: BusyTutor) -> SessionType:
    """Write the tutor down, on a site with 10,000 lessons of others. Returns what is booked, with its tutor."""
    history.load_history(history.History(40, OTHERS, history.coming_midnight()))
    student = User.objects.create(pk=KEY + 1, email="student@bench.example")
    tutor = Tutor.objects.create(
        pk=KEY,
        user=User.objects.create(pk=KEY, email="tutor@bench.example"),
        slug="busy",
        is_approved=True,
        time_zone=ZONE.key,
        notice_minutes=0,
        horizon_days=60,
        slot_step_minutes=STEP,
        buffer_after_minutes=GAP,
    )
    WeeklyHours.objects.bulk_create(
        WeeklyHours(tutor=tutor, weekday=weekday, starts=starts, ends=ends)
        for weekday, windows in enumerate(WEEK)
        for starts, ends in windows
    )
    lesson = SessionType.objects.create(pk=KEY, tutor=tutor, slug="lesson", name="Lesson", minutes=MINUTES, price=150_000)
    now = datetime.now(UTC)
    order = Order.objects.create(
        pk=KEY, payer=student, total=0, currency="IDR", status=Order.Status.PAID, placed_at=now, paid_at=now, expires_at=now
    )
    length, gap = timedelta(minutes=MINUTES), timedelta(minutes=GAP)
    sold = {"name": lesson.name, "minutes": MINUTES, "price": lesson.price, "currency": "IDR"}
    Booking.objects.bulk_create(
        Booking(
            order=order, student=student, tutor=tutor, session_type=lesson, status=Booking.Status.PAID, **sold,
            during=(start, start + length), blocks=(start, start + length + gap),
        )
        for start in busy.lessons
    )  # fmt: skip
    history.settle()
    return SessionType.objects.select_related("tutor").get(pk=lesson.pk)


def _grid(day: date) -> list[datetime]:
    return [
        _instant(day, starts) + number * timedelta(minutes=STEP)
        for starts, ends in WEEK[day.weekday()]
        for number in range(((ends.hour - starts.hour) * 60 - MINUTES) // STEP + 1)
    ]


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZONE).astimezone(UTC)
