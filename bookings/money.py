"""Money as an exact whole number of minor units with its currency.

The number of decimals is ours (rupiah are kept whole); each gateway converts at its own edge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.utils.formats import number_format

# Currencies whose minor unit is not a hundredth (ISO 4217; IDR has sen on paper only).
_DECIMALS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "IDR",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "MGA",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
_SIGNS = {"IDR": "Rp", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "SGD": "S$", "MYR": "RM", "TTD": "TT$"}


KNOWN_CURRENCIES = tuple(_SIGNS)
_WHOLE = r"(?P<whole>[0-9]+|[0-9]{1,3}(?P<mark>[.,])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"


class CurrencyMismatch(ValueError):
    """Amounts of two currencies were added or compared."""


@dataclass(frozen=True)
class Money:
    """An amount in minor units (`Money(150000, "IDR")` is Rp150,000; `Money(2500, "USD")` is $25.00)."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int):
            raise TypeError(f"an amount of money is a whole number of minor units, not {self.amount!r}")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"a currency is three capital letters, not {self.currency!r}")

    @classmethod
    def from_decimal(cls, value: Decimal | str, currency: str) -> Money:
        """Return the money that a decimal in major units names, such as "150000.00" for IDR.

        Raises ValueError when it is no number or needs more decimals than the currency has.
        """
        try:
            minor = Decimal(value).scaleb(_DECIMALS.get(currency, 2))
        except InvalidOperation:
            raise ValueError(f"not an amount of money: {value!r}") from None
        if not minor.is_finite() or minor != minor.to_integral_value():
            raise ValueError(f"{value!r} is not a whole number of minor units of {currency}")
        return cls(int(minor), currency)

    @classmethod
    def from_typed(cls, text: str, currency: str) -> Money:
        """Return the sum that a person typed in major units: "150.000" or "150,000" in IDR; "12,50" or "1.234,50" in USD.

        A point or comma parts the decimals if no more digits follow than the currency has, else thousands. Raises
        ValueError for everything else, sums below zero included.
        """
        decimals = _DECIMALS.get(currency, 2)
        part = rf"(?:(?!(?P=mark))[.,](?P<part>[0-9]{{1,{decimals}}}))?" if decimals else "(?P<part>)"
        match = re.fullmatch(_WHOLE + part, "".join(text.split()))
        if match is None:
            raise ValueError(f"not an amount of money: {text!r}")
        return cls.from_decimal(f"{match['whole'].replace('.', '').replace(',', '')}.{match['part'] or 0}", currency)

    @property
    def decimals(self) -> int:
        return _DECIMALS.get(self.currency, 2)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.amount).scaleb(-self.decimals)

    @property
    def is_zero(self) -> bool:
        return self.amount == 0

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __str__(self) -> str:
        sign = _SIGNS.get(self.currency, f"{self.currency} ")
        minus = "−" if self.amount < 0 else ""
        return f"{minus}{sign}{number_format(abs(self.decimal), self.decimals, force_grouping=True)}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be reckoned together")
        return other
