from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bookings.months import month_after, month_before, month_bounds
from bookings.times import During


def test_months_follow_each_other_over_the_year():
    assert (month_after(date(2026, 12, 31)), month_before(date(2026, 1, 31))) == (date(2027, 1, 1), date(2025, 12, 1))


def test_a_month_is_that_of_the_zones_clock():
    march = month_bounds(date(2026, 3, 17), ZoneInfo("Asia/Jakarta"))
    assert march == During(datetime(2026, 2, 28, 17, tzinfo=UTC), datetime(2026, 3, 31, 17, tzinfo=UTC))
