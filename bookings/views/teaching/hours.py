"""A tutor's hours: edited, looked at before they are saved, paused."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bookings.access import PersonRequest, own_tutor
from bookings.drafts import draft_of
from bookings.forms import DayForm
from bookings.hours import pause, resume
from bookings.models import Tutor
from bookings.overrides import coming_exceptions
from bookings.views.answers import SeeOther
from bookings.views.teaching.dates_form import DatesForm
from bookings.views.teaching.hours_form import HoursForm
from bookings.views.teaching.page import preview_of, show_hours


@require_http_methods(["GET", "HEAD", "POST"])
def edit_hours(request: PersonRequest) -> HttpResponse:
    """Show the week and the rules, change the form as its buttons say, and save it when asked to."""
    tutor = own_tutor(request)
    if request.method != "POST":
        return show_hours(request, HoursForm(tutor), _dates_asked_for(request, tutor))
    form, act = HoursForm(tutor, request.POST), request.POST.get("act", "save")
    if act == "save" and form.save():
        messages.success(request, _("Your hours are saved. Sessions that are booked stay as they are."))
        return SeeOther(reverse("bookings:hours_edit"))
    form.edit(act)
    if request.headers.get("HX-Request") and act != "save":
        answer = render(request, "bookings/teaching/_hours_week.html", {"form": form})
        answer["HX-Trigger-After-Settle"] = "hours-edited"
        return answer
    return show_hours(request, form, DatesForm(tutor))


@require_POST
def preview_hours(request: PersonRequest) -> HttpResponse:
    """Show the fortnight that the forms would make if they were saved; nothing is written."""
    tutor = own_tutor(request)
    saved = draft_of(tutor)
    draft = HoursForm(tutor, request.POST).put_into(saved)
    if draft is not None and request.POST.get("first"):
        draft = DatesForm(tutor, request.POST).put_into(draft)
    return render(request, "bookings/teaching/_fortnight.html", {**preview_of(request, tutor, draft), "is_update": True})


@require_POST
def pause_bookings(request: PersonRequest) -> HttpResponse:
    """Offer nothing until the tutor goes on."""
    pause(own_tutor(request))
    messages.success(request, _("Bookings are paused: nobody can book you. Sessions that are booked stay as they are."))
    return SeeOther(reverse("bookings:hours_edit"))


@require_POST
def resume_bookings(request: PersonRequest) -> HttpResponse:
    """Offer times again."""
    resume(own_tutor(request))
    messages.success(request, _("You can be booked again."))
    return SeeOther(reverse("bookings:hours_edit"))


def _dates_asked_for(request: PersonRequest, tutor: Tutor) -> DatesForm:
    """Return the form of dates, filled in with the exception that the tutor wants to change."""
    wanted = DayForm.read(request.GET.get("date", ""))
    shown = next((one for one in coming_exceptions(tutor) if wanted in set(one.dates)), None)
    return DatesForm(tutor, shown=shown)
