"""What a tutor fills in about where sessions are held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import Tutor
from meetings.ways import MOST_OTHERS, Way, others_shown

LABELS = (_("First"), _("Then"), _("And then"))


class OthersForm(forms.Form):
    """Where else, place by place. Each place may stay empty: then the next one is tried, and in the end a person."""

    def __init__(self, *args: Any, ways: Sequence[Way], tutor: Tutor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [(way.name, way.label) for way in ways if way.is_usable and way.name != tutor.meeting_provider]
        kept = others_shown(tutor, ways)
        for number in range(min(MOST_OTHERS, len(others))):
            self.fields[f"place_{number + 1}"] = forms.ChoiceField(
                label=LABELS[number],
                choices=[("", _("a person of our team")), *others],
                initial=kept[number] if number < len(kept) else "",
                required=False,
            )

    @property
    def chain(self) -> list[str]:
        """The providers that were chosen, in their order, each once."""
        return list(dict.fromkeys(name for name in self.cleaned_data.values() if name))
