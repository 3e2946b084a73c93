from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookings.earnings import MonthEarnings, earnings_of, month_after, month_before, month_bounds
from bookings.models import Booking, Tutor, User
from bookings.times import During
from tests.factories import make_booking, make_order, make_tutor

Status = Booking.Status
JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
MARCH = month_bounds(date(2026, 3, 1), JAKARTA)


def sell(student: User, tutor: Tutor, day: int, status: str = Status.COMPLETED, *, hour: int = 3, **fields: Any) -> Booking:
    start = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)
    order = fields.pop("order", None) or make_order(student, status="paid")
    return make_booking(
        student, tutor, during=During(start, start + timedelta(hours=1)), status=status, order=order, **fields
    )


def reckon(tutor: Tutor) -> MonthEarnings:
    return earnings_of(tutor, during=MARCH, now=NOW)


def sums(found: MonthEarnings) -> list[tuple[str, int, int, int, int, int]]:
    return [
        (one.currency, one.sessions, one.paid.amount, one.back.amount, one.fee.amount, one.remains.amount)
        for one in found.so_far
    ]


@pytest.mark.defect("TB-26")
def test_what_was_paid_less_what_went_back_less_the_fee_remains(ada: Tutor, sam: User, settings):
    settings.PLATFORM_FEE_PERCENT = 15
    sell(sam, ada, 2)
    sell(sam, ada, 3, discount=50_000)
    sell(sam, ada, 4, Status.NO_SHOW_STUDENT)
    sell(sam, ada, 5, Status.NO_SHOW_TUTOR, refund=150_000)
    sell(sam, ada, 6, Status.CANCELLED, refund=75_000, cancelled_at=NOW)
    assert sums(reckon(ada)) == [("IDR", 5, 700_000, 225_000, 71_250, 403_750)]


def test_half_a_unit_of_the_fee_is_rounded_up(ada: Tutor, sam: User, settings):
    settings.PLATFORM_FEE_PERCENT = 15
    sell(sam, ada, 2, price=10)
    assert sums(reckon(ada)) == [("IDR", 1, 10, 0, 2, 8)]


def test_what_was_never_paid_earns_nothing(ada: Tutor, sam: User):
    unpaid = make_order(sam)
    for day, status in enumerate([Status.HELD, Status.REQUESTED, Status.ACCEPTED, Status.EXPIRED, Status.DECLINED], 2):
        sell(sam, ada, day, status, order=unpaid)
    sell(sam, ada, 9, Status.CANCELLED, order=make_order(sam, status="cancelled"), cancelled_at=NOW)
    sell(sam, ada, 10, Status.CANCELLED)  # taken out of the cart before it was paid
    assert reckon(ada) == MonthEarnings([], [])


def test_sessions_to_come_are_told_apart(ada: Tutor, sam: User):
    sell(sam, ada, 2)
    sell(sam, ada, 25, Status.PAID)
    found = reckon(ada)
    assert [(one.sessions, one.remains.amount) for one in (*found.so_far, *found.to_come)] == [(1, 150_000), (1, 150_000)]


def test_month_is_that_of_the_tutors_clock(ada: Tutor, sam: User):
    sell(sam, ada, 1, hour=0)  # 1 March, 07:00 in Jakarta
    sell(sam, ada, 0, hour=16)  # 28 February, 23:00
    sell(sam, ada, 0, hour=17)  # 1 March, 00:00
    sell(sam, ada, 31, hour=17)  # 1 April, 00:00
    assert [one.sessions for one in reckon(ada).so_far] == [2]


def test_currencies_are_never_added_up(ada: Tutor, sam: User):
    sell(sam, ada, 2)
    sell(sam, ada, 3, currency="USD", price=2_500)
    assert [(one.currency, str(one.remains)) for one in reckon(ada).so_far] == [("IDR", "Rp150,000"), ("USD", "$25.00")]


def test_only_the_tutors_own_sessions_count(ada: Tutor, sam: User):
    sell(sam, make_tutor(), 2)
    assert reckon(ada).so_far == []


def test_months_follow_each_other_over_the_year():
    assert (month_after(date(2026, 12, 31)), month_before(date(2026, 1, 31))) == (date(2027, 1, 1), date(2025, 12, 1))
    assert During(datetime(2026, 2, 28, 17, tzinfo=UTC), datetime(2026, 3, 31, 17, tzinfo=UTC)) == MARCH
