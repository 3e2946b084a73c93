"""What people write in forms: names in one line, and longer texts."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

# Marks that turn the direction of whatever is written after them: a name must not turn the sentence it stands in.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class NameField(forms.CharField):
    """A person's name: one line that can be seen and turns nothing around it."""

    default_error_messages = {"blank": _("Please write a name that can be read.")}

    def to_python(self, value: Any) -> str:
        """Return the name in one line. Raises ValidationError for one of which nothing can be seen."""
        typed = super().to_python(value) or ""
        name = " ".join(_TURNS.sub("", typed).split())
        if typed and not any(unicodedata.category(letter)[0] in "LNPS" for letter in name):
            raise forms.ValidationError(self.error_messages["blank"], code="blank")
        return name


class WordsField(forms.CharField):
    """A text of several lines. A line's end counts as one character, as browsers count it, though they send two."""

    def to_python(self, value: Any) -> str:
        """Return the text with plain line ends, without marks that turn what is written after it."""
        return _TURNS.sub("", str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n"))
