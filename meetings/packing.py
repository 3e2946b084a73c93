"""Which sessions would have to change links so that one more finds room: values only, no database.

A use is a session on a link, its rest included; two uses of one link must not overlap. Three ways, in this order:

1. The fewest moves: whoever is in the way is put elsewhere, in turn pushing others out, one move deeper each time.
2. Where two links are both free, all that follows can change places. If nothing must stay, such swaps make room
   whenever at each instant fewer uses than links are there (the colouring of intervals: Kleinberg & Tardos, 4.1).
3. As 1, without a limit of moves: with uses that must stay this is a hard problem, so it ends after some effort.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate

from bookings.spans import Span

FEW_MOVES = 4
MOST_MOVES = 200
EFFORT = 100_000  # links looked at, half of them for the fewest moves: some tenths of a second


class No(Enum):
    """Why there is no place."""

    FULL = "full"  # at some instant every link is used: no moves can help
    STUCK = "stuck"  # uses that must stay leave no way
    GAVE_UP = "gave_up"  # none was found within the effort


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One session: its time in microseconds with the rest after it, its link, and whether it must stay there."""

    span: Span
    key: int
    link: int | None = None
    is_pinned: bool = False

    def overlaps(self, other: Use) -> bool:
        """Say whether the two cannot share a link; touching is not overlapping."""
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


def find_places(
    links: Sequence[int], uses: Iterable[Use], wanted: Sequence[Use], *, effort: int = EFFORT
) -> dict[int, int] | No:
    """Return the new link of each use that has to change, and of those wanted, by their keys; or why there is none.

    `uses` are all that touch these links in the time that is looked at. What is pinned keeps its link.
    """
    rows = _Rows(links, uses)
    if any(most_at_once(one, [*wanted, *rows.uses]) > len(links) for one in wanted):
        return No.FULL
    first = _Search(rows, effort // 2)
    for moves in range(FEW_MOVES + 1):
        if found := first.run(wanted, moves):
            return found
    if len(wanted) == 1 and (found := _Swaps(rows).run(wanted[0])):
        return found
    last = _Search(rows, effort // 2)
    if found := last.run(wanted, min(MOST_MOVES, len(rows.uses))):
        return found
    return No.GAVE_UP if last.effort < 0 or len(rows.uses) > MOST_MOVES else No.STUCK


def most_at_once(one: Use, uses: Iterable[Use]) -> int:
    """Return how many of the uses there are at most at one instant of the time of this one."""
    near = [use.span for use in uses if use.overlaps(one)]
    edges = sorted([(start, 1) for start, _end in near] + [(end, -1) for _start, end in near])
    return max(accumulate(change for _instant, change in edges), default=0)


class _Rows:
    """The uses of each link in the order of time."""

    def __init__(self, links: Sequence[int], uses: Iterable[Use]) -> None:
        self.links = links
        self.of: dict[int, list[Use]] = {link: [] for link in links}
        self.uses = sorted(use for use in uses if use.link in self.of)
        for use in self.uses:
            if use.link is not None:
                self.of[use.link].append(use)

    def overlapping(self, link: int, use: Use) -> list[Use]:
        """Return the uses of the link at the time of this one."""
        row = self.of[link]
        first = last = bisect_left(row, use.span[1], key=_start)
        while first and row[first - 1].span[1] > use.span[0]:
            first -= 1
        return row[first:last]


class _Search:
    """Put a use on a link, put elsewhere whoever is in the way there, and so on; nobody moves twice.

    Complete: if there are places for all, following them is one of the ways that are tried.
    """

    def __init__(self, rows: _Rows, effort: int) -> None:
        self.effort = effort
        self._rows = rows
        self._placed: dict[int, list[Use]] = {}
        self._moved: dict[int, int | None] = {}

    def run(self, wanted: Sequence[Use], moves: int) -> dict[int, int] | None:
        """Return the changes if so many moves are enough and the effort lasts."""
        self._placed, self._moved = {link: [] for link in self._rows.links}, {}
        if not self._place(list(wanted), moves):
            return None
        return {key: link for key, link in self._moved.items() if link is not None}

    def _place(self, homeless: list[Use], moves: int) -> bool:
        if not homeless:
            return True
        use, others = homeless[-1], homeless[:-1]
        for link, in_the_way in self._ways(use, moves):
            if self.effort < 0:
                return False
            self._placed[link].append(use)
            self._moved |= {use.key: link, **{one.key: None for one in in_the_way}}
            if self._place(others + in_the_way, moves - len(in_the_way)):
                return True
            self._placed[link].pop()
            for one in in_the_way:
                del self._moved[one.key]
        self._moved[use.key] = None
        return False

    def _ways(self, use: Use, moves: int) -> list[tuple[int, list[Use]]]:
        """Return the links it could be put on and who would have to leave, the fewest first."""
        self.effort -= len(self._rows.links)
        ways = []
        for link in self._rows.links:
            if any(one.overlaps(use) for one in self._placed[link]):
                continue
            in_the_way = [one for one in self._rows.overlapping(link, use) if one.key not in self._moved]
            if len(in_the_way) <= moves and not any(one.is_pinned for one in in_the_way):
                ways.append((link, in_the_way))
        return sorted(ways, key=lambda way: len(way[1]))


class _Swaps:
    """Make one link free for a time by letting parts of two links change places."""

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows
        self._now: dict[int, list[Use]] = {}

    def run(self, wanted: Use) -> dict[int, int] | None:
        """Return the changes, or None if what must stay was in the way."""
        for link in self._rows.links:
            self._now = {one: list(row) for one, row in self._rows.of.items()}
            if self._is_free(link, wanted.span[0]) and self._clear(link, wanted.span):
                moved = {use.key: one for one, row in self._now.items() for use in row if use.link != one}
                return {**moved, wanted.key: link}
        return None

    def _clear(self, link: int, span: Span) -> bool:
        """Push what follows on the link to others that are free when it begins, until the time is free."""
        while (ours := _from(self._now[link], span[0])) and ours[0].span[0] < span[1]:
            begins = ours[0].span[0]
            others = [one for one in self._rows.links if one != link and self._is_free(one, begins)]
            parts = [(one, *_to_common_pause(ours, _from(self._now[one], begins))) for one in others]
            loose = [part for part in parts if not any(use.is_pinned for use in (*part[1], *part[2]))]
            if not loose:
                return False
            other, leaving, coming = min(loose, key=lambda part: len(part[1]) + len(part[2]))
            self._now[link] = sorted({*self._now[link]} - {*leaving} | {*coming})
            self._now[other] = sorted({*self._now[other]} - {*coming} | {*leaving})
        return True

    def _is_free(self, link: int, instant: int) -> bool:
        return not any(use.span[0] <= instant < use.span[1] for use in self._now[link])


def _to_common_pause(ours: list[Use], theirs: list[Use]) -> tuple[list[Use], list[Use]]:
    """Return what begins before the first instant, after the first of ours has begun, at which both links are free."""
    rows, taken = (ours, theirs), (ours[:1], list[Use]())
    end = ours[0].span[1]
    while more := [
        (row, mine) for row, mine in zip(rows, taken, strict=True) if len(mine) < len(row) and row[len(mine)].span[0] < end
    ]:
        row, mine = more[0]
        mine.append(row[len(mine)])
        end = max(end, mine[-1].span[1])
    return taken


def _from(row: list[Use], instant: int) -> list[Use]:
    return row[bisect_left(row, instant, key=_start) :]


def _start(use: Use) -> int:
    return use.span[0]
