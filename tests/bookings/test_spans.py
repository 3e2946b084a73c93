"""Spans against sets of the numbers that lie in them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bookings.spans import Span, holds, merge, what_is_left

numbers = st.integers(-20, 40)
spans = st.tuples(numbers, st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def inside(*some: Span) -> set[int]:
    return {number for start, end in some for number in range(start, end)}


@given(st.lists(spans))
def test_merged_spans_hold_the_same_numbers_are_sorted_and_never_touch(some: list[Span]):
    merged = merge(some)

    assert inside(*merged) == inside(*some)
    assert all(one[1] < other[0] for one, other in pairwise(merged))


@given(spans, st.lists(spans))
def test_what_is_left_is_all_that_nothing_hides(span: Span, hidden: list[Span]):
    left = what_is_left(span, merge(hidden))

    assert inside(*left) == inside(span) - inside(*hidden)
    assert left == merge(left)


@given(numbers, st.lists(spans))
def test_number_is_held_exactly_when_it_lies_in_a_span(number: int, some: list[Span]):
    assert holds(merge(some), number) == (number in inside(*some))
