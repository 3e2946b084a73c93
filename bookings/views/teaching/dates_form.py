"""Dates that differ, as a tutor enters them: one day or a holiday of many, closed or with other hours."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.drafts import Draft
from bookings.errors import HoursChanged, InvalidInput
from bookings.forms import DayForm
from bookings.models import Tutor
from bookings.overrides import Dates, Exceptional, require_dates, set_override, today_of, version_of
from bookings.views.teaching.spans import SpanRows

KEY = "dates"
CLOSED, OTHER_HOURS = "closed", "hours"
_ACT = re.compile(r"(add|remove)-dates(?:-(\d{1,2}))?", re.ASCII)


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DatesForm(forms.Form):
    """From when, until when, and what happens then."""

    first = forms.DateField(label=gettext_lazy("From"), widget=_Day())
    last = forms.DateField(
        label=gettext_lazy("Until"), widget=_Day(), required=False, help_text=gettext_lazy("Leave it empty for one day.")
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("On these days"),
        choices=[(CLOSED, gettext_lazy("Closed")), (OTHER_HOURS, gettext_lazy("Other hours"))],
        widget=forms.RadioSelect,
        initial=CLOSED,
    )

    def __init__(self, tutor: Tutor, posted: QueryDict | None = None, *, shown: Exceptional | None = None) -> None:
        super().__init__(posted, initial=_initial(shown), auto_id="dates_%s")
        self.tutor = tutor
        self.refusal: str | Promise = ""
        self.is_outdated = False
        self.rows = SpanRows.of(KEY, shown.spans if shown else ()) if posted is None else SpanRows.read(KEY, posted)
        if not self.rows.rows:
            self.rows.rows += SpanRows.read(KEY, QueryDict(f"starts-{KEY}=&ends-{KEY}=")).rows
        self.version = version_of(tutor) if posted is None else posted.get("dates_version", "")[:16]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                require_dates(self._dates(), today=today_of(self.tutor))
            except InvalidInput as refusal:
                self.add_error("first", str(refusal))
        if cleaned.get("kind") == OTHER_HOURS:
            self._require_hours()
        return cleaned

    def edit(self, act: str) -> None:
        """Add an empty row of hours, or take one away. Nobody has finished typing: nothing is wrong yet."""
        self._errors = ErrorDict(renderer=self.renderer)
        found = _ACT.fullmatch(act)
        if found and found[1] == "add":
            self.rows.add()
        elif found:
            self.rows.remove(int(found[2] or 0))

    def save(self) -> bool:
        """Set the dates. If something is wrong, keep what was typed, say what is wrong, and return False."""
        if not self.is_valid():
            return False
        spans = self.rows.spans if self.cleaned_data["kind"] == OTHER_HOURS else []
        try:
            set_override(self.tutor, self._dates(), spans=spans, seen=self.version)
        except HoursChanged as refusal:
            self.refusal, self.is_outdated, self.version = refusal.message, True, version_of(self.tutor)
        except InvalidInput as refusal:
            self.refusal = refusal.message
        return not self.refusal

    def put_into(self, draft: Draft) -> Draft:
        """Return the draft with these dates, or as it was while they cannot be read."""
        if not self.is_valid():
            return draft
        return draft.with_override(self._dates(), self.rows.spans if self.cleaned_data["kind"] == OTHER_HOURS else [])

    def _dates(self) -> Dates:
        first: date = self.cleaned_data["first"]
        return Dates(first, self.cleaned_data["last"] or first)

    def _require_hours(self) -> None:
        if not self.rows.is_valid:
            self.add_error("kind", _("Please look at the hours again."))
        elif not self.rows.spans:
            self.add_error("kind", _("Please give the hours, or choose “Closed”."))


def read_dates(posted: QueryDict) -> Dates | None:
    """Return the dates that a button names, None if it names none."""
    first, last = DayForm.read(posted.get("first", "")), DayForm.read(posted.get("last", ""))
    return Dates(first, last) if first and last and first <= last else None


def _initial(shown: Exceptional | None) -> dict[str, Any]:
    if shown is None:
        return {}
    last = shown.dates.last if shown.dates.last != shown.dates.first else None
    return {"first": shown.dates.first, "last": last, "kind": OTHER_HOURS if shown.spans else CLOSED}
