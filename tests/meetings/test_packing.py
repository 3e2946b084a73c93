"""Where sessions would have to go so that one more finds room, against a search that tries everything."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetings.packing import No, Use, find_places, most_at_once

SPANS = st.builds(lambda start, length: (start, start + length), st.integers(0, 11), st.integers(1, 5))
WANTED = -1


@st.composite
def _pools(draw: st.DrawFn, *, most_links: int = 4, pinned: st.SearchStrategy[bool]) -> tuple[int, list[Use], Use]:
    """Some links, uses that do not overlap on any of them, and one use more."""
    links = draw(st.integers(1, most_links))
    uses: list[Use] = []
    for key, span in enumerate(draw(st.lists(SPANS, max_size=9))):
        use = Use(span, key, draw(st.integers(1, links)), draw(pinned))
        if not any(other.link == use.link and other.overlaps(use) for other in uses):
            uses.append(use)
    return links, uses, Use(draw(SPANS), WANTED)


def _is_sound(places: dict[int, int], uses: list[Use], wanted: Use) -> bool:
    """Nothing pinned has moved, all that moved has another link than before, and no two uses of a link overlap."""
    after = [Use(use.span, use.key, places.get(use.key, use.link)) for use in [*uses, wanted]]
    moved = [use for use in uses if use.key in places]
    clean = all(one.link != other.link or not one.overlaps(other) for one in after for other in after if one is not other)
    return clean and not any(use.is_pinned or places[use.key] == use.link for use in moved)


def _fewest_moves(links: int, uses: list[Use], wanted: Use) -> int | None:
    """Try every way to place them; None if there is none."""
    loose = [use for use in uses if not use.is_pinned]
    found = []
    for chosen in product(range(1, links + 1), repeat=len(loose) + 1):
        places = dict(zip([*(use.key for use in loose), WANTED], chosen, strict=True))
        changed = {use.key: places[use.key] for use in loose if places[use.key] != use.link}
        if _is_sound({**changed, WANTED: places[WANTED]}, uses, wanted):
            found.append(len(changed))
    return min(found, default=None)


@settings(max_examples=150, deadline=None)
@given(_pools(most_links=6, pinned=st.just(False)))
def test_room_is_made_whenever_fewer_overlap_than_links_are_there(pool: tuple[int, list[Use], Use]):
    links, uses, wanted = pool
    places = find_places(range(1, links + 1), uses, [wanted])
    if most_at_once(wanted, [*uses, wanted]) > links:
        assert places is No.FULL
    else:
        assert isinstance(places, dict)
        assert _is_sound(places, uses, wanted)


@settings(max_examples=150, deadline=None)
@given(_pools(most_links=8, pinned=st.just(False)))
def test_swaps_alone_make_room_when_the_search_may_not_even_begin(pool: tuple[int, list[Use], Use]):
    links, uses, wanted = pool
    places = find_places(range(1, links + 1), uses, [wanted], effort=-2)
    if most_at_once(wanted, [*uses, wanted]) > links:
        assert places is No.FULL
    else:
        assert isinstance(places, dict)
        assert _is_sound(places, uses, wanted)


@settings(max_examples=150, deadline=None)
@given(_pools(most_links=3, pinned=st.booleans()))
def test_what_must_stay_stays_and_room_is_refused_only_where_there_is_none(pool: tuple[int, list[Use], Use]):
    links, uses, wanted = pool
    places, fewest = find_places(range(1, links + 1), uses, [wanted]), _fewest_moves(links, uses, wanted)
    if fewest is None:
        assert places in (No.FULL, No.STUCK)
    else:
        assert isinstance(places, dict)
        assert _is_sound(places, uses, wanted)
        assert len(places) - 1 == fewest


@settings(max_examples=100, deadline=None)
@given(_pools(most_links=3, pinned=st.booleans()), SPANS)
def test_two_that_have_no_link_yet_both_find_one(pool: tuple[int, list[Use], Use], span: tuple[int, int]):
    links, uses, wanted = pool
    more = Use(span, -2)
    places = find_places(range(1, links + 1), uses, [wanted, more])
    if isinstance(places, dict):
        assert _is_sound(places, [*uses, Use(more.span, more.key, 0)], wanted)
    else:
        assert places is not No.GAVE_UP


@pytest.mark.defect("CE-15")
def test_one_session_moves_so_that_a_long_one_fits():
    uses = [Use((0, 10), 1, link=1), Use((10, 20), 2, link=2)]
    assert find_places([1, 2], uses, [Use((0, 20), WANTED)]) in ({1: 2, WANTED: 1}, {2: 1, WANTED: 2})


def test_search_that_takes_too_long_says_that_it_gave_up():
    uses = [Use((0, 10), 1, link=1, is_pinned=True), Use((10, 20), 2, link=2, is_pinned=True)]
    assert find_places([1, 2], uses, [Use((0, 20), WANTED)], effort=-2) is No.GAVE_UP
    assert find_places([1, 2], uses, [Use((0, 20), WANTED)]) is No.STUCK
