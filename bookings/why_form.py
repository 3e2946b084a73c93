"""The question “why is this time not offered?” as the tutor's page and the admin ask it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings import times
from bookings.explanations import Reading, explain, read_clock
from bookings.models import SessionType, Tutor, User

FURTHEST = timedelta(days=731)


class WhyForm(forms.Form):
    """Which session, and which date and time by the tutor's clock."""

    session_type = forms.ModelChoiceField(
        queryset=SessionType.objects.none(), to_field_name="slug", empty_label=None, label=gettext_lazy("Session")
    )
    date = forms.DateField(
        label=gettext_lazy("Date"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), input_formats=["%Y-%m-%d"]
    )
    time = forms.TimeField(
        label=gettext_lazy("Time"), widget=forms.TimeInput({"type": "time"}, format="%H:%M"), input_formats=["%H:%M"]
    )

    def __init__(self, posted: Any = None, *, tutor: Tutor) -> None:
        super().__init__(posted)
        self.tutor = tutor
        choice = self.fields["session_type"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = tutor.session_types.all()

    def clean_date(self) -> Any:
        asked = self.cleaned_data["date"]
        if abs(asked - timezone.localdate()) > FURTHEST:
            raise forms.ValidationError(_("Please choose a date within two years of today."))
        return asked

    @property
    def student(self) -> User | None:
        """Return for whom it is asked; the tutor asks for anybody."""
        return None


class WhyForStudentForm(WhyForm):
    """The question of an admin, who may name a student."""

    student_email = forms.EmailField(label=gettext_lazy("Student's e-mail address"), required=False)

    def clean_student_email(self) -> User | None:
        address = self.cleaned_data["student_email"].lower()
        found = User.objects.filter(email=address).first() if address else None
        if address and found is None:
            raise forms.ValidationError(_("Nobody has this e-mail address."))
        return found

    @property
    def student(self) -> User | None:
        found: User | None = self.cleaned_data.get("student_email")
        return found


def answers_to(form: WhyForm) -> dict[str, Any]:
    """Return an explanation for each instant that the tutor's clock means: two in a repeated hour.

    A time that the clock jumps over is answered for the first one after it, as hours are.
    """
    if not form.is_bound or not form.is_valid():
        return {}
    asked: SessionType = form.cleaned_data["session_type"]
    asked.tutor = form.tutor
    zone = times.parse_zone(form.tutor.time_zone)
    reading = read_clock(form.cleaned_data["date"], form.cleaned_data["time"], zone)
    comes_twice = len(reading.instants) > 1
    answers = []
    for starts_at in _instants(reading):
        # Django's own date filter says nothing of the offset just when it is needed.
        offset = times.local(starts_at, zone).strftime("UTC%z") if comes_twice else ""
        answers.append((explain(asked, starts_at=starts_at, student=form.student), offset))
    return {"answers": answers, "moved_to": reading.moved_to, "comes_twice": comes_twice, "asked": asked}


def _instants(reading: Reading) -> list[datetime]:
    return reading.instants or ([reading.moved_to] if reading.moved_to else [])
