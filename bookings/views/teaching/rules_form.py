"""The rules of booking as a tutor chooses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.forms import TimeZoneField
from bookings.hours import BookingRules
from bookings.lengths import in_words
from bookings.models import Tutor

_NOTICE = [0, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 10080, 20160]
_BUFFER = [0, 5, 10, 15, 20, 30, 45, 60, 90, 120]
_STEP = [5, 10, 15, 20, 30, 45, 60, 90, 120]


class MinutesField(forms.TypedChoiceField):
    """A choice of lengths that people use; one that is saved already and is none of them stays a choice."""

    def __init__(self, usual: Sequence[int], *, empty_label: Any = None, **kwargs: Any) -> None:
        self._usual, self._empty_label = usual, empty_label
        super().__init__(choices=[], coerce=int, empty_value=None, required=empty_label is None, **kwargs)

    def offer(self, saved: int | None) -> None:
        numbers = sorted({*self._usual, *([] if saved is None else [saved])})
        first = [] if self._empty_label is None else [("", self._empty_label)]
        self.choices = [*first, *((number, _zero_or_words(number)) for number in numbers)]


class RulesForm(forms.Form):
    """A tutor's zone and rules; what it says is checked once more by the verb that saves it."""

    time_zone = TimeZoneField(
        label=gettext_lazy("Time zone of your hours"),
        help_text=gettext_lazy("09:00 stays 09:00 when you choose another one. Students see their own time."),
    )
    notice_minutes = MinutesField(
        _NOTICE,
        label=gettext_lazy("Minimum notice"),
        help_text=gettext_lazy("How long before it starts a session can still be booked."),
    )
    horizon_days = forms.IntegerField(
        label=gettext_lazy("Days ahead"),
        min_value=0,
        max_value=366,
        help_text=gettext_lazy("How many days ahead students can book: 60 is two months."),
    )
    buffer_before_minutes = MinutesField(_BUFFER, label=gettext_lazy("Free time before a session"))
    buffer_after_minutes = MinutesField(_BUFFER, label=gettext_lazy("Free time after a session"))
    slot_step_minutes = MinutesField(
        _STEP,
        empty_label=gettext_lazy("The usual: 30 minutes at most"),
        label=gettext_lazy("Start times"),
        help_text=gettext_lazy("How far apart the times lie at which a session can start."),
    )
    daily_limit = forms.IntegerField(
        label=gettext_lazy("Sessions a day at most"),
        min_value=1,
        max_value=288,
        required=False,
        help_text=gettext_lazy("Leave it empty for no limit."),
    )
    approves_first = forms.BooleanField(label=gettext_lazy("I look at each request before it can be paid"), required=False)

    def __init__(self, posted: QueryDict | None = None, *, saved: Tutor) -> None:
        super().__init__(posted, initial={name: getattr(saved, name) for name in BookingRules.__dataclass_fields__})
        for name, field in self.fields.items():
            if isinstance(field, MinutesField):
                field.offer(getattr(saved, name))

    def rules(self) -> BookingRules | None:
        """Return the rules, None while something is wrong; as saved if nothing was sent."""
        if not self.is_bound:
            return BookingRules(**self.initial)
        return BookingRules(**self.cleaned_data) if self.is_valid() else None


def _zero_or_words(minutes: int) -> Any:
    return lazy(lambda: in_words(minutes) if minutes else _("None"), str)()
