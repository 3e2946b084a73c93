"""What a tutor, or an admin for them, fills in about a session that is sold."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import SessionType
from bookings.session_types import save_session_type
from bookings.typed_money import TypedMoneyField, currency_choices, read_money, write_money
from bookings.typed_words import NameField


class SessionTypeForm(forms.ModelForm[SessionType]):
    """The price is typed in major units of its currency, as people write sums, and kept in minor ones."""

    name = NameField(label=_("Name"), max_length=100, help_text=_("What students choose: “Maths lesson”."))
    minutes = forms.IntegerField(
        label=_("Length in minutes"),
        min_value=5,
        max_value=1440,
        error_messages={
            "min_value": _("A session lasts at least 5 minutes."),
            "max_value": _("A session lasts at most a day (1440 minutes)."),
        },
    )
    price = TypedMoneyField(label=_("Price"), help_text=_("For one session. 0: it costs nothing."))
    currency = forms.ChoiceField(label=_("Currency"))
    first_one_free = forms.BooleanField(
        label=_("The first session is free"),
        required=False,
        help_text=_("Once for each student who has not booked any session with this tutor before."),
    )
    is_active = forms.BooleanField(
        label=_("On sale"), required=False, initial=True, help_text=_("Off: nobody can book it; what is booked stays.")
    )

    class Meta:
        model = SessionType
        fields = ["name", "minutes", "price", "currency", "first_one_free", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance
        field = self.fields["currency"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = currency_choices(kept.currency)
        if kept.pk:
            self.initial["price"] = write_money(kept.price, kept.currency)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        read_money(self, "price", cleaned.get("currency") or self.instance.currency)
        return cleaned

    def save(self, commit: bool = True) -> SessionType:
        """Save by the verb that all use."""
        if not commit:
            return super().save(commit=False)
        return save_session_type(self.instance)
