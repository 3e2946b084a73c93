"""What people fill in about their sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.typed_words import WordsField
from meetings.addresses import LONGEST, normalise_address
from meetings.errors import AddressInUse, AddressOfPool, LinkAddressRefused
from meetings.no_shows import LEAST_WORDS, MOST_WORDS


class StatementForm(forms.Form):
    """What happened, in somebody's own words."""

    statement = WordsField(
        label=_("What happened?"),
        help_text=_("Say when you came, how long you waited and what you tried. The other side can read it."),
        min_length=LEAST_WORDS,
        max_length=MOST_WORDS,
        widget=forms.Textarea({"rows": 5}),
        error_messages={"required": _("Please tell in a few sentences what happened.")},
    )


class AddressForm(forms.Form):
    """The address of a room that a person has, as the pool would write it down."""

    address = forms.CharField(
        label=_("Address of the meeting"),
        help_text=_("Such as https://meet.google.com/abc-defg-hij or https://zoom.us/j/… with its passcode."),
        max_length=LONGEST,
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": _("Please paste the address of your meeting.")},
    )

    def clean_address(self) -> str:
        try:
            return normalise_address(self.cleaned_data["address"])
        except LinkAddressRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    @contextmanager
    def address_refused(self) -> Iterator[None]:
        """Say beside the field why a good address cannot be used for this session."""
        try:
            yield
        except (AddressInUse, AddressOfPool) as refusal:
            self.add_error("address", str(refusal))
