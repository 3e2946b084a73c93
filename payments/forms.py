"""What a payer chooses."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.gateways import offered_gateways
from payments.gateways.base import Gateway


class GatewayForm(forms.Form):
    """Where to pay. Only one way: there is nothing to choose; none: `has_choice` is False."""

    gateway = forms.ChoiceField(label=_("How would you like to pay?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, money: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = [] if money.is_zero else offered_gateways(money)
        choices = [(gateway.name, gateway.label) for gateway in self.offered]
        field = self.fields["gateway"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = choices
        field.error_messages["required"] = field.error_messages["invalid_choice"] = _("Please choose a way to pay.")
        field.initial = choices[0][0] if choices else ""
        if len(choices) < 2:
            field.widget, field.required = forms.HiddenInput(), False
        self.can_be_paid = bool(choices) or money.is_zero
        self.only_way = self.offered[0] if len(choices) == 1 else None

    @property
    def ways(self) -> list[tuple[Any, Gateway]]:
        """Each choice beside its gateway, which says in plain words what can be paid with there."""
        return list(zip(self["gateway"], self.offered, strict=True)) if len(self.offered) > 1 else []

    @property
    def chosen(self) -> str:
        """The gateway's name; with one way to pay it need not be sent."""
        return str(self.cleaned_data["gateway"] or self.fields["gateway"].initial)


class CheckoutForm(GatewayForm):
    """The cart, and its total as the person saw it, go with the choice."""

    cart = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    expected_total = forms.IntegerField(min_value=0, max_value=2**62, widget=forms.HiddenInput)
