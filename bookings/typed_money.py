"""Sums in forms: typed in major units of a currency that stands in another field, kept in minor ones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from bookings.money import KNOWN_CURRENCIES, Money

# More than anybody asks for in any currency; gateways refuse such sums as well.
HIGHEST = 10**12


class TypedMoneyField(forms.CharField):
    """A sum as people write it; the form turns it into minor units with `read_money`."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput({"inputmode": "decimal", "autocomplete": "off", "size": "14"})
        super().__init__(**{"max_length": 30, "widget": widget, **kwargs})


def read_money(form: forms.BaseForm, name: str, currency: str) -> None:
    """Turn what was typed into minor units in `cleaned_data`, or leave a sentence at the field."""
    typed = form.cleaned_data.get(name)
    if not typed:
        form.cleaned_data[name] = None
        return
    try:
        money = Money.from_typed(typed, currency)
    except ValueError:
        sentence = _("This is not a sum in %(currency)s. Please write it like this: %(example)s")
        example = Money(150_000, currency).decimal
        form.add_error(name, sentence % {"currency": currency, "example": f"{example:f}"})
        return
    form.cleaned_data[name] = money.amount
    if money.amount > HIGHEST:
        form.add_error(name, _("This sum is too high."))


def write_money(amount: int | None, currency: str) -> str:
    """Return minor units as `read_money` reads them."""
    return "" if amount is None else f"{Money(amount, currency).decimal:f}"


def currency_choices(*others: str) -> list[tuple[str, str]]:
    """Return the currencies to choose from: the site's own first, then those we know the sign of, then these."""
    known = dict.fromkeys([str(settings.DEFAULT_CURRENCY), *KNOWN_CURRENCIES, *filter(None, others)])
    return [(code, code) for code in known]
