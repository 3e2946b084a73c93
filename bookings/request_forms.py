"""What people fill in when they ask for a time, and when they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.asking import LONGEST_TEXT
from bookings.errors import InvalidInput, PromoCodeRefused
from bookings.forms import InstantField
from bookings.models import PromoCode, User
from bookings.promo_codes import LONGEST, look_up_code
from bookings.typed_words import WordsField


def _words(rows: int, **options: Any) -> WordsField:
    return WordsField(max_length=LONGEST_TEXT, widget=forms.Textarea({"rows": rows}), **options)


class RequestForm(forms.Form):
    """What goes with the time: a message to the tutor, and maybe a code."""

    message = _words(
        4,
        label=_("What would you like to work on?"),
        required=False,
        help_text=_("The tutor reads it before answering. At most 500 characters."),
    )
    code = forms.CharField(label=_("Code"), max_length=LONGEST, required=False)

    def __init__(self, *args: Any, payer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._payer = payer

    def clean_code(self) -> PromoCode | None:
        typed = self.cleaned_data["code"]
        if not typed:
            return None
        try:
            return look_up_code(self._payer, typed)
        except PromoCodeRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    @contextmanager
    def code_refused(self) -> Iterator[None]:
        """Say beside the field why a code that is known takes nothing off this session."""
        try:
            yield
        except PromoCodeRefused as refusal:
            self.add_error("code", str(refusal))


class DeclineForm(forms.Form):
    """Why a tutor says no."""

    why = _words(3, label=_("Why not?"), error_messages={"required": _("Please tell the student why, in a few words.")})

    def reason(self) -> str:
        """Return it. Raises InvalidInput."""
        return str(_checked(self)["why"])


class ProposalForm(forms.Form):
    """Another time, and a word about it."""

    starts_at = InstantField(error_messages={"required": _("Please choose a time first.")})
    message = _words(2, label=_("A word to the student"), required=False)

    def validated(self) -> dict[str, Any]:
        """Return time and message. Raises InvalidInput."""
        return _checked(self)


def _checked(form: forms.Form) -> dict[str, Any]:
    if not form.is_valid():
        raise InvalidInput(str(next(iter(form.errors.values()))[0]))
    return form.cleaned_data
