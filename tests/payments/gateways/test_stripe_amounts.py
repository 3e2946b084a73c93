from __future__ import annotations

from typing import Any

import pytest

from bookings.money import Money
from payments.gateways.stripe_amounts import can_charge, from_minor, to_minor

TABLE = [
    (Money(150_000, "IDR"), 15_000_000),
    (Money(1, "IDR"), 100),
    (Money(2_550, "USD"), 2_550),
    (Money(2_550, "EUR"), 2_550),
    (Money(5_000, "JPY"), 5_000),
    (Money(5_000, "KRW"), 5_000),
    (Money(5_000, "VND"), 5_000),
    (Money(5_000, "UGX"), 500_000),
    (Money(5_000, "ISK"), 500_000),
    (Money(5_120, "KWD"), 5_120),
]


@pytest.mark.parametrize(("money", "minor"), TABLE, ids=str)
def test_money_is_said_in_stripes_minor_units_and_read_back(money: Money, minor: int):
    assert to_minor(money) == minor
    assert from_minor(minor, money.currency.lower()) == money


@pytest.mark.parametrize("money", [Money(5_125, "KWD"), Money(1, "BHD"), Money(5_000, "IQD")], ids=str)
def test_sum_that_stripe_cannot_charge_exactly_is_refused(money: Money):
    with pytest.raises(ValueError, match=money.currency):
        to_minor(money)
    assert not can_charge(money)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (15_000_050, "idr"),
        (500_050, "ugx"),
        ("15000000", "idr"),
        (150.0, "idr"),
        (True, "idr"),
        (None, "idr"),
        (10**20, "idr"),
        (100, None),
        (100, "rupiah"),
        (100, "i r"),
        (100, "ïdr"),
        (100, "iqd"),
        (100, 360),
    ],
)
def test_amount_that_cannot_be_kept_exactly_is_not_guessed(amount: Any, currency: Any):
    assert from_minor(amount, currency) is None


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (Money(0, "IDR"), False),
        (Money(-5, "IDR"), False),
        (Money(1, "IDR"), True),
        (Money(9_999_999_999, "IDR"), True),
        (Money(10_000_000_000, "IDR"), False),
        (Money(49, "USD"), False),
        (Money(50, "USD"), True),
        (Money(99_999_999, "USD"), True),
        (Money(100_000_000, "USD"), False),
        (Money(1, "JPY"), True),
    ],
    ids=str,
)
def test_sums_within_stripes_limits_can_be_taken(money: Money, expected: bool):
    assert can_charge(money) is expected
