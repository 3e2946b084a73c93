"""What the page of hours shows: the forms, the dates that differ, and the fortnight that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from bookings.access import PersonRequest
from bookings.drafts import Draft, DraftDay, draft_of, fortnight_of, sessions_outside
from bookings.models import SessionType, Tutor
from bookings.overrides import coming_exceptions
from bookings.views.days import Slot, by_day
from bookings.views.teaching.dates_form import DatesForm
from bookings.views.teaching.hours_form import HoursForm, saved_week
from bookings.views.teaching.spans import WeekRows

OUTSIDE_SHOWN = 10
USUAL_MINUTES = 60


@dataclass(frozen=True)
class PreviewDay:
    """A day of the preview with its start times as they are shown."""

    day: DraftDay
    starts: list[Slot]


def show_hours(request: PersonRequest, form: HoursForm, dates: DatesForm) -> HttpResponse:
    """Show the whole page with these forms, and the fortnight that they make."""
    tutor = form.tutor
    context = {
        "tutor": tutor,
        "form": form,
        "saved_week": WeekRows.of(saved_week(tutor)) if form.is_outdated else None,
        **exceptions_of(tutor, dates),
        **preview_of(request, tutor, form.put_into(draft_of(tutor))),
    }
    return render(request, "bookings/teaching/hours.html", context)


def exceptions_of(tutor: Tutor, dates: DatesForm) -> dict[str, Any]:
    """Return what the list of dates that differ shows."""
    return {"tutor": tutor, "dates": dates, "exceptions": coming_exceptions(tutor)}


def preview_of(request: PersonRequest, tutor: Tutor, draft: Draft | None) -> dict[str, Any]:
    """Return the fortnight for the session type asked for, else the first one; without one for an hour."""
    asked = request.POST.get("type") or request.GET.get("type")
    offers = list(tutor.session_types.on_sale())
    chosen = next((one for one in offers if one.slug == asked), offers[0] if offers else None)
    shown = {"offers": offers, "chosen": chosen, "tutor": tutor, "is_readable": draft is not None}
    if draft is None:
        return shown
    days = _days(draft, chosen)
    outside = sessions_outside(draft)
    return {
        **shown,
        "zone": draft.rules.time_zone,
        "days": days,
        "total": sum(len(one.starts) for one in days),
        "outside": outside[:OUTSIDE_SHOWN],
        "more_outside": len(outside[OUTSIDE_SHOWN:]),
    }


def _days(draft: Draft, chosen: SessionType | None) -> list[PreviewDay]:
    days = fortnight_of(draft, minutes=chosen.minutes if chosen else USUAL_MINUTES)
    starts = {one.date: one.slots for one in by_day((slot for day in days for slot in day.slots), draft.zone)}
    return [PreviewDay(day, starts.get(day.date, [])) for day in days]
