"""Half-open ranges of whole numbers: what the slot rule reckons with.

The numbers are microseconds since 1970 began in UTC; a clock's readings are written as if it stood in UTC. A tutor's
month takes thousands of comparisons and sums, and numbers make them several times faster than datetimes and exact
all the same. `times.During` is what functions give and take outside the rule.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Span = tuple[int, int]  # from the first number up to, and without, the second; the first is the smaller


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return the same numbers in as few spans as it takes, sorted; spans that touch become one."""
    merged: list[Span] = []
    last_start = last_end = None
    for start, end in sorted(spans):
        if last_start is None or last_end is None:
            last_start, last_end = start, end
        elif start > last_end:
            merged.append((last_start, last_end))
            last_start, last_end = start, end
        elif end > last_end:
            last_end = end
    if last_start is not None and last_end is not None:
        merged.append((last_start, last_end))
    return merged


def holds(merged: Sequence[Span], number: int) -> bool:
    """Say whether the number lies in one of the merged spans."""
    index = bisect_right(merged, number, key=_start)
    return index > 0 and number < merged[index - 1][1]


def what_is_left(span: Span, hidden: Sequence[Span]) -> list[Span]:
    """Return the parts of the span that no hidden one covers, sorted. `hidden` is merged."""
    start, end = span
    index = bisect_left(hidden, (start,))
    if index and hidden[index - 1][1] > start:
        start = hidden[index - 1][1]
    left: list[Span] = []
    while index < len(hidden):
        begins, ends = hidden[index]
        if begins >= end:
            break
        if start < begins:
            left.append((start, begins))
        start = ends
        index += 1
    if start < end:
        left.append((start, end))
    return left


def _start(span: Span) -> int:
    return span[0]
