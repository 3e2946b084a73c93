"""What people fill in about their sessions."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.typed_words import WordsField
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
