from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bookings.pricing import Cut, Line, reckon, split

prices = st.integers(min_value=0, max_value=10**12)
lines = st.lists(st.builds(Line, price=prices, tutor=st.integers(1, 3), is_free=st.booleans()), min_size=1, max_size=8)
tutors = st.one_of(st.none(), st.integers(1, 4))
cuts = st.one_of(
    st.none(),
    st.builds(Cut, percent=st.integers(1, 100), tutor=tutors),
    st.builds(Cut, amount=st.integers(1, 10**13), tutor=tutors),
)


@given(lines, cuts)
def test_order_never_costs_less_than_nothing_nor_more_than_its_sessions(lines: list[Line], cut: Cut | None):
    quote = reckon(lines, currency="IDR", cut=cut)
    assert 0 <= quote.total.amount <= quote.full_price.amount
    assert quote.full_price.amount == sum(line.price for line in lines)


@given(lines, cuts)
def test_shares_add_up_to_the_discount_and_none_is_above_its_price(lines: list[Line], cut: Cut | None):
    quote = reckon(lines, currency="IDR", cut=cut)
    assert sum(quote.shares) == quote.discount.amount
    assert all(0 <= share <= line.price for share, line in zip(quote.shares, lines, strict=True))
    assert sum(line.price - share for share, line in zip(quote.shares, lines, strict=True)) == quote.total.amount


@given(lines, cuts)
def test_free_first_session_costs_nothing_and_a_code_of_a_tutor_spares_the_others(lines: list[Line], cut: Cut | None):
    quote = reckon(lines, currency="IDR", cut=cut)
    for line, share in zip(lines, quote.shares, strict=True):
        if line.is_free:
            assert share == line.price
        elif cut is None or not cut.counts_for(line):
            assert share == 0


@given(lines, st.integers(1, 100))
def test_percentage_is_rounded_half_up_once_for_the_whole(lines: list[Line], percent: int):
    rest = sum(line.rest for line in lines)
    exact = Fraction(rest * percent, 100)
    off = reckon(lines, currency="IDR", cut=Cut(percent=percent)).code_off.amount
    assert Fraction(-1, 2) < off - exact <= Fraction(1, 2)


@given(st.lists(prices, min_size=1, max_size=8), st.data())
def test_split_is_as_fair_as_whole_units_allow(weights: list[int], data: st.DataObject):
    amount = data.draw(st.integers(0, sum(weights)))
    shares = split(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights) or 1)) < 1
        assert share <= weight
