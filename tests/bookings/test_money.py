"""Money: exact whole numbers of minor units, written as people write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from bookings.money import CurrencyMismatch, Money

CURRENCIES = st.sampled_from(["IDR", "USD", "JPY", "KWD", "EUR"])


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(150_000, "IDR"), "Rp150,000"),
        (Money(0, "IDR"), "Rp0"),
        (Money(2_500, "USD"), "$25.00"),
        (Money(5, "USD"), "$0.05"),
        (Money(-2_550, "USD"), "−$25.50"),
        (Money(1_234_567_890_123, "IDR"), "Rp1,234,567,890,123"),
        (Money(1_500, "JPY"), "¥1,500"),
        (Money(12_345, "KWD"), "KWD 12.345"),
        (Money(990, "CHF"), "CHF 9.90"),
    ],
)
def test_money_is_written_with_its_sign_and_decimals(money, written):
    assert str(money) == written


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(150_000, "IDR"), "Rp150.000"),
        (Money(0, "IDR"), "Rp0"),
        (Money(2_500, "USD"), "$25,00"),
        (Money(-123_456_789, "USD"), "−$1.234.567,89"),
        (Money(1_234_567_890_123, "IDR"), "Rp1.234.567.890.123"),
        (Money(1_500, "JPY"), "¥1.500"),
        (Money(12_345, "KWD"), "KWD 12,345"),
    ],
)
def test_money_is_written_as_indonesians_write_it(money, written):
    with translation.override("id"):
        assert str(money) == written
        assert str(money.decimal) == f"{money.decimal:f}"  # what programs read has no language


@pytest.mark.parametrize("amount", [1.0, "1", Decimal(1), True, None])
def test_an_amount_is_a_whole_number_and_nothing_like_it(amount: Any):
    with pytest.raises(TypeError):
        Money(amount, "IDR")


@pytest.mark.parametrize("currency", ["", "idr", "ID", "IDRX", "R𝟙P", "ÍDR"])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(ValueError):
        Money(1, currency)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("150000.00", "IDR", 150_000),
        ("150000", "IDR", 150_000),
        ("25.5", "USD", 2_550),
        ("1E3", "IDR", 1_000),
        (Decimal("1.234"), "KWD", 1_234),
    ],
)
def test_money_is_read_from_major_units(text, currency, amount):
    assert Money.from_decimal(text, currency) == Money(amount, currency)


@pytest.mark.parametrize("text", ["150000.50", "abc", "", "NaN", "Infinity", "1,000"])
def test_what_is_no_whole_number_of_minor_units_is_refused(text):
    with pytest.raises(ValueError):
        Money.from_decimal(text, "IDR")


@given(st.integers(-(10**15), 10**15), CURRENCIES)
def test_writing_in_major_units_and_reading_back_changes_nothing(amount, currency):
    money = Money(amount, currency)

    assert Money.from_decimal(money.decimal, currency) == money


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12), CURRENCIES)
def test_adding_and_taking_away_is_exact(one, other, currency):
    first, second = Money(one, currency), Money(other, currency)

    assert first + second == Money(one + other, currency)
    assert (first + second) - second == first


def test_two_currencies_are_never_reckoned_together():
    for reckon in (Money.__add__, Money.__sub__):
        with pytest.raises(CurrencyMismatch):
            reckon(Money(1, "IDR"), Money(1, "USD"))


def test_equal_money_is_equal_only_in_its_own_currency():
    assert Money(1, "IDR") == Money(1, "IDR")
    assert Money(1, "IDR") != Money(1, "USD")
    assert Money(0, "IDR").is_zero
    assert not Money(1, "IDR").is_zero


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("150000", "IDR", 150_000),
        ("150.000", "IDR", 150_000),
        ("150,000", "IDR", 150_000),
        (" 1 500 000 ", "IDR", 1_500_000),
        ("0", "IDR", 0),
        ("12", "USD", 1_200),
        ("12.5", "USD", 1_250),
        ("12,50", "USD", 1_250),
        ("1.250", "USD", 125_000),
        ("1,234,567.89", "USD", 123_456_789),
        ("1.234,50", "EUR", 123_450),
        ("1.250", "KWD", 1_250),
    ],
)
def test_money_is_read_as_people_type_it(typed: str, currency: str, amount: int):
    assert Money.from_typed(typed, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "IDR"),
        ("150.00", "IDR"),
        ("1,5", "IDR"),
        ("150.000,00", "IDR"),
        ("1.2345", "USD"),
        ("1,2,3", "USD"),
        ("1.234.50", "USD"),
        ("-5", "USD"),
        ("1e5", "USD"),
        ("٣", "USD"),
        ("NaN", "USD"),
        ("12.", "USD"),
        ("Rp5", "IDR"),
        ("5\0", "IDR"),
    ],
)
def test_what_is_no_sum_is_not_read(typed: str, currency: str):
    with pytest.raises(ValueError):
        Money.from_typed(typed, currency)


@given(st.integers(0, 10**15), CURRENCIES)
def test_sum_is_read_back_from_what_we_write(amount: int, currency: str):
    money = Money(amount, currency)
    assert Money.from_typed(f"{money.decimal:f}", currency) == money
    assert Money.from_typed(f"{money.decimal:,f}", currency) == money
