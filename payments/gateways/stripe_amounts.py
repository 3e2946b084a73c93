"""Money as Stripe counts it: whole numbers of its own minor units, which are not always ours.

Rupiah have two decimals there (Rp150,000 is 15000000), and so have the crowns of Iceland and the shillings of
Uganda, although nobody can pay a part of one. Source: docs.stripe.com/currencies.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bookings.money import Money

_WHOLE = frozenset(["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"])
_THOUSANDTHS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])  # of which the last digit must be 0
_UNKNOWN = frozenset(["IQD", "LYD"])  # thousandths with us; not in Stripe's list, so nobody knows how it counts them
_MOST_DIGITS = {"IDR": 12}
_USUAL_DIGITS = 8
# The least that can be charged, where it is paid out in the same currency. Otherwise Stripe says so when it is asked.
_LEAST = {"USD": 50, "SGD": 50}


def to_minor(money: Money) -> int:
    """Return the money in Stripe's minor units. Raises ValueError when it cannot be said there exactly."""
    if money.currency in _UNKNOWN:
        raise ValueError(f"Stripe has no known minor unit of {money.currency}")
    minor = money.decimal.scaleb(_decimals(money.currency))
    if minor != minor.to_integral_value() or (money.currency in _THOUSANDTHS and minor % 10 != 0):
        raise ValueError(f"{money.amount} minor units of {money.currency} cannot be charged exactly")
    return int(minor)


def from_minor(amount: Any, currency: Any) -> Money | None:
    """Return the money that Stripe names; None if it cannot be read, or not kept exactly."""
    if isinstance(amount, bool) or not isinstance(amount, int) or abs(amount) >= 2**53:
        return None
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        return None
    code = currency.upper()
    try:
        return None if code in _UNKNOWN else Money.from_decimal(Decimal(amount).scaleb(-_decimals(code)), code)
    except ValueError:
        return None


def can_charge(money: Money) -> bool:
    """Say whether Stripe can be asked for this sum: exact, not too little, not too many digits."""
    try:
        minor = to_minor(money)
    except ValueError:
        return False
    digits = _MOST_DIGITS.get(money.currency, _USUAL_DIGITS)
    return minor >= _LEAST.get(money.currency, 1) and len(str(minor)) <= digits


def _decimals(currency: str) -> int:
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2
