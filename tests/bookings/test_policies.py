"""What a change of plans costs: the whole table, and what holds for every case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.money import Money
from bookings.policies import Hurdle, Rule, Share, Side, free_until_after_move, part_of, share_back, why_not_move

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

sides = st.sampled_from(Side)
hours = st.integers(0, 24 * 14)
percents = st.integers(0, 100)
moments = st.integers(-60 * 24 * 30, 60 * 24).map(lambda minutes: START + timedelta(minutes=minutes))
amounts = st.integers(0, 10**12)


@pytest.mark.defect("TB-29")
@pytest.mark.parametrize(
    ("before", "share"),
    [
        (timedelta(days=30), Share(100, Rule.IN_TIME)),
        (timedelta(hours=24) + SECOND, Share(100, Rule.IN_TIME)),
        (timedelta(hours=24), Share(100, Rule.IN_TIME)),  # exactly at the boundary counts as free
        (timedelta(hours=24) - SECOND, Share(50, Rule.LATE)),
        (SECOND, Share(50, Rule.LATE)),
        (timedelta(), Share(50, Rule.LATE)),
        (-SECOND, Share(0, Rule.BEGUN)),
        (timedelta(hours=-2), Share(0, Rule.BEGUN)),
    ],
)
def test_students_cancellation_costs_what_the_clock_says(before: timedelta, share: Share):
    asked: dict[str, Any] = {
        "starts_at": START,
        "free_until": START - timedelta(hours=24),
        "now": START - before,
        "late_percent": 50,
    }
    assert share_back(Side.STUDENT, **asked) == share
    assert share_back(Side.TUTOR, **asked) == Share(100, Rule.NOT_THE_STUDENT)
    assert share_back(Side.STAFF, **asked) == Share(100, Rule.NOT_THE_STUDENT)


@given(sides, moments, moments, percents, amounts)
def test_never_more_comes_back_than_was_paid(side, now, free_until, late_percent, amount):
    share = share_back(side, starts_at=START, free_until=free_until, now=now, late_percent=late_percent)
    back = part_of(Money(amount, "IDR"), share.percent)
    assert 0 <= back.amount <= amount
    assert (back.amount == amount) is (share.percent == 100 or amount == 0)


@given(sides, moments, moments, moments, percents)
def test_waiting_never_brings_more_back(side, one, other, free_until, late_percent):
    rules: dict[str, Any] = {"starts_at": START, "free_until": free_until, "late_percent": late_percent}
    sooner, later = sorted([one, other])
    assert share_back(side, now=sooner, **rules).percent >= share_back(side, now=later, **rules).percent


@given(amounts, percents)
def test_part_is_rounded_down_to_the_minor_unit(amount, percent):
    part = part_of(Money(amount, "USD"), percent).amount
    assert part * 100 <= amount * percent < (part + 1) * 100


@pytest.mark.defect("TB-29")
@pytest.mark.parametrize(
    ("before", "moves", "hurdle"),
    [
        (timedelta(days=3), 0, None),
        (timedelta(hours=12), 1, None),  # exactly at the boundary still counts
        (timedelta(hours=12) - SECOND, 0, Hurdle.TOO_LATE),
        (timedelta(days=3), 2, Hurdle.TOO_OFTEN),
        (timedelta(hours=1), 2, Hurdle.TOO_LATE),
        (timedelta(), 0, Hurdle.BEGUN),
        (timedelta(hours=-1), 2, Hurdle.BEGUN),
    ],
)
def test_student_moves_a_session_in_time_and_not_too_often(before: timedelta, moves: int, hurdle: Hurdle | None):
    rules: dict[str, Any] = {
        "starts_at": START,
        "now": START - before,
        "moves": moves,
        "until_hours": 12,
        "moves_allowed": 2,
    }
    assert why_not_move(Side.STUDENT, **rules) is hurdle
    for side in (Side.TUTOR, Side.STAFF):  # bound by the start alone
        assert why_not_move(side, **rules) is (Hurdle.BEGUN if before <= timedelta() else None)


@given(sides, moments, moments, st.integers(0, 9), hours, st.integers(0, 9))
def test_what_can_be_moved_later_could_be_moved_sooner(side, one, other, moves, until_hours, allowed):
    rules: dict[str, Any] = {"starts_at": START, "moves": moves, "until_hours": until_hours, "moves_allowed": allowed}
    sooner, later = sorted([one, other])
    if why_not_move(side, now=later, **rules) is None:
        assert why_not_move(side, now=sooner, **rules) is None


@given(moments, moments, moments, hours)
def test_students_move_never_gives_a_lost_right_back(free_until, starts_at, now, free_hours):
    became = free_until_after_move(Side.STUDENT, free_until=free_until, starts_at=starts_at, now=now, free_hours=free_hours)
    assert (now <= became) is (now <= free_until and now <= starts_at - timedelta(hours=free_hours))


@given(st.sampled_from([Side.TUTOR, Side.STAFF]), moments, moments, moments, hours)
def test_who_is_moved_by_others_may_always_say_no_for_free(side, free_until, starts_at, now, free_hours):
    became = free_until_after_move(side, free_until=free_until, starts_at=starts_at, now=now, free_hours=free_hours)
    assert became >= min(starts_at, now + timedelta(hours=free_hours))
    assert became >= starts_at - timedelta(hours=free_hours)
