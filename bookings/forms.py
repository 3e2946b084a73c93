"""What people fill in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from bookings import times
from bookings.models import User


class TimeZoneField(forms.ChoiceField):
    """A choice of IANA zones that also takes older names, which some browsers send."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=times.zone_choices, **kwargs)

    def valid_value(self, value: Any) -> bool:
        try:
            times.parse_zone(str(value))
        except ValueError:
            return False
        return True


class SignupForm(forms.Form):
    """Asked beside e-mail and password; the zone is guessed by the browser and may be empty."""

    full_name = forms.CharField(label=_("Your name"), max_length=100)
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput({"data-guess": ""}))

    field_order = ["full_name", "email", "password1"]

    def clean_time_zone(self) -> str:
        """A guess that is no zone is dropped, not refused: the person did not type it."""
        try:
            return times.parse_zone(self.cleaned_data["time_zone"]).key
        except ValueError:
            return str(settings.DEFAULT_TIME_ZONE)

    def signup(self, request: Any, user: User) -> None:
        """Nothing to add: the account adapter keeps the fields."""


class ProfileForm(forms.ModelForm[User]):
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Every time on the site is shown in it."))

    class Meta:
        model = User
        fields = ["full_name", "time_zone"]
        labels = {"full_name": _("Your name")}
