"""What an admin fills in to give a session away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.forms.models import ModelChoiceIterator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings import times
from bookings.explanations import read_clock
from bookings.forms import FURTHEST
from bookings.gifts import LONGEST_REASON
from bookings.models import SessionType, User


class _ByTutor(ModelChoiceIterator):  # type: ignore[type-arg]
    """Session types under the names of their tutors."""

    def __iter__(self) -> Iterator[Any]:
        yield ("", self.field.empty_label)
        for tutor, offers in groupby(self.queryset, key=lambda one: one.tutor):
            yield (f"{tutor} ({tutor.time_zone})", [self.choice(offer) for offer in offers])


class SessionTypeChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    iterator = _ByTutor

    def label_from_instance(self, obj: SessionType) -> str:
        return str(_("%(name)s, %(minutes)d minutes, %(price)s")) % {
            "name": obj.name,
            "minutes": obj.minutes,
            "price": obj.money,
        }


class GiftForm(forms.Form):
    """The time is what the tutor's clock shows; `starts_at` is the instant that it names."""

    student = forms.EmailField(
        label=_("Student"),
        max_length=254,
        widget=AdminTextInputWidget({"type": "email", "autocomplete": "off"}),
        help_text=_("The e-mail address of the student’s account."),
    )
    session_type = SessionTypeChoice(queryset=SessionType.objects.none(), label=_("Session"), empty_label=_("Please choose"))
    date = forms.DateField(label=_("Date"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(
        label=_("Time"),
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=_("By the tutor’s clock; its zone stands beside the tutor’s name."),
    )
    why = forms.CharField(
        label=_("Why it is a gift"),
        max_length=LONGEST_REASON,
        widget=AdminTextareaWidget({"rows": 3}),
        help_text=_("Kept in the history of the order; the student does not read it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_sale = SessionType.objects.on_sale().filter(tutor__is_approved=True, tutor__user__is_active=True)
        field = self.fields["session_type"]
        assert isinstance(field, SessionTypeChoice)  # noqa: S101 - declared above
        ordered = on_sale.order_by("tutor__user__full_name", "tutor", "minutes", "price", "pk")
        field.queryset = ordered.select_related("tutor__user")

    def clean_student(self) -> User:
        """Return the person of that address."""
        found = User.objects.filter(email=self.cleaned_data["student"].strip().lower(), is_active=True).first()
        if found is None:
            raise forms.ValidationError(_("Nobody with this address has an account here. They must sign up first."))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if {"session_type", "date", "time"} <= cleaned.keys():
            cleaned["starts_at"] = self._read_clock(cleaned["session_type"])
        return cleaned

    def _read_clock(self, session_type: SessionType) -> datetime | None:
        """Return the instant at which the tutor's clock shows the date and time; the first where it shows them twice."""
        day, clock = self.cleaned_data["date"], self.cleaned_data["time"]
        if abs(day - timezone.localdate()) > FURTHEST:
            self.add_error("date", _("This date is too far away."))
            return None
        found = read_clock(day, clock, times.parse_zone(session_type.tutor.time_zone)).instants
        if not found:
            self.add_error("time", _("The clocks skip this time on that day."))
            return None
        return found[0]
