"""What people fill in when they change their plans."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.errors import InvalidInput
from bookings.forms import InstantField
from bookings.typed_words import WordsField

LONGEST_REASON = 500


class ReasonForm(forms.Form):
    """Why; a tutor and the staff have to say it."""

    why = WordsField(
        max_length=LONGEST_REASON,
        strip=True,
        widget=forms.Textarea({"rows": 3}),
        label=_("Why?"),
        help_text=_("Everybody whom the session concerns reads it."),
        error_messages={"required": _("Please say why: the others read it in their mail.")},
    )

    def __init__(self, *args: Any, needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].required = needs_reason


class MoveForm(ReasonForm):
    """To when (an instant), and why."""

    starts_at = InstantField(widget=forms.HiddenInput, error_messages={"required": _("Please choose a time first.")})

    def require_time(self) -> None:
        """Raises InvalidInput for a time that was typed by hand and is none: there is no field to write it beside."""
        if "starts_at" in self.errors:
            raise InvalidInput(str(self.errors["starts_at"][0]))


class SeenForm(forms.Form):
    """What the person was told would come back, in minor units."""

    seen = forms.IntegerField(min_value=0, max_value=2**62)

    def amount(self) -> int | None:
        """Return it, or None for what is no amount: that is never what we said."""
        return self.cleaned_data["seen"] if self.is_valid() else None
