"""A tutor's hours inside the tutor's page of the admin: the same rules as on the tutor's own page."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models

from bookings.hours import Span, faults_of
from bookings.models import DateOverride, Tutor, WeeklyHours


class _OneDayAtATime(forms.BaseInlineFormSet[Any, Tutor, Any]):
    """Refuse hours of one day that overlap or end before they start. `day_field` says which day a row is of."""

    day_field = ""

    def clean(self) -> None:
        super().clean()
        days: dict[Any, list[Any]] = defaultdict(list)
        for form in self.forms:
            kept = getattr(form, "cleaned_data", {})
            if kept.get("starts") and kept.get("ends") is not None and not kept.get("DELETE"):
                days[kept.get(self.day_field)].append(form)
        for forms_of_day in days.values():
            spans = [Span(form.cleaned_data["starts"], form.cleaned_data["ends"]) for form in forms_of_day]
            for fault in faults_of(spans):
                forms_of_day[min(fault.place, len(spans) - 1)].add_error("starts", str(fault.sentence))


class _WeekFormSet(_OneDayAtATime):
    day_field = "weekday"


class _DatesFormSet(_OneDayAtATime):
    day_field = "date"


# Hours are by the tutor's clock: Django's own widgets would speak of the server's.
_NATIVE: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    models.TimeField: {"widget": forms.TimeInput({"type": "time"}, format="%H:%M")},
    models.DateField: {"widget": forms.DateInput({"type": "date"}, format="%Y-%m-%d")},
}


class WeeklyHoursInline(admin.TabularInline[WeeklyHours, Tutor]):
    model = WeeklyHours
    formset = _WeekFormSet
    formfield_overrides = _NATIVE
    extra = 0


class DateOverrideInline(admin.TabularInline[DateOverride, Tutor]):
    model = DateOverride
    formset = _DatesFormSet
    formfield_overrides = _NATIVE
    extra = 0
