"""A round over many rows: what is wrong with one keeps none of the others waiting."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from bookings.rounds import for_each


def halve(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    done.append(number)
    return number // 2


done: list[int] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


def test_every_row_is_done_and_counted():
    assert for_each([2, 0, 4], halve) == 2
    assert done == [2, 0, 4]


def test_trouble_with_one_row_stops_no_other_and_is_told_at_the_end(caplog: pytest.LogCaptureFixture):
    with pytest.raises(ValueError, match="1 is odd"):
        for_each([1, 2, 3, 4], halve)
    assert done == [2, 4]
    assert [(record.row, record.reason) for record in caplog.records] == [("1", "ValueError"), ("3", "ValueError")]  # type: ignore[attr-defined]


def test_round_ends_where_the_database_is_away():
    def lose(number: int) -> None:
        done.append(number)
        raise OperationalError

    with pytest.raises(OperationalError):
        for_each([1, 2], lose)
    assert done == [1]
