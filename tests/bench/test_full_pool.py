"""The lessons that a nearly full pool is measured with."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from bench.figures import Sample
from bench.full_pool import LOAD, QUARTERS, FullPool, lost_by_first_fit, report, sell
from bench.truth import Trouble


@pytest.mark.parametrize("links", [5, 10])
def test_sold_lessons_fill_the_pool_and_would_all_fit(links: int):
    lessons = sell(links, chance=random.Random(links))
    used = Counter(quarter for start, length in lessons for quarter in range(start, start + length))
    assert max(used.values()) == links
    assert max(used) < QUARTERS
    assert len(lessons) > links
    assert LOAD * links * QUARTERS <= used.total() < LOAD * links * QUARTERS + 8


def test_first_fit_loses_what_its_gaps_do_not_hold():
    assert lost_by_first_fit(2, [(0, 4), (4, 4), (0, 8)]) == 0  # both halves on one link
    assert lost_by_first_fit(2, [(0, 4), (2, 2), (4, 4), (2, 4)]) == 1


def test_table_tells_what_was_lost():
    ours = Sample(10.0, [0.01] * 10, Counter(assigned=9, refused=1))
    pool = FullPool(4, 1, 10, 0.95, 3, 2, ours, 5, 0, Trouble(0, 0))
    assert pool.lost == 1
    assert "10.0%" in report([pool])
