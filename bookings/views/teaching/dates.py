"""The dates of a tutor that differ: set, and removed again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from bookings.access import PersonRequest, own_tutor
from bookings.errors import InvalidInput
from bookings.models import Tutor
from bookings.overrides import remove_overrides
from bookings.views.answers import SeeOther
from bookings.views.teaching.dates_form import DatesForm, read_dates
from bookings.views.teaching.hours_form import HoursForm
from bookings.views.teaching.page import exceptions_of, show_hours


@require_POST
def set_dates(request: PersonRequest) -> HttpResponse:
    """Let dates have other hours or none, or change the form as its buttons say."""
    tutor = own_tutor(request)
    form, act = DatesForm(tutor, request.POST), request.POST.get("act", "set")
    if act != "set":
        form.edit(act)
    elif form.save():
        return _done(request, tutor, _("These days are set. Sessions that are booked stay as they are."))
    if request.headers.get("HX-Request"):
        return _section(request, tutor, form)
    return show_hours(request, HoursForm(tutor), form)


@require_POST
def remove_dates(request: PersonRequest) -> HttpResponse:
    """Let dates follow the week again. Raises InvalidInput for what are no dates."""
    tutor = own_tutor(request)
    dates = read_dates(request.POST)
    if dates is None:
        raise InvalidInput(_("These are no dates. Please go back and press the button once more."))
    count = remove_overrides(tutor, dates)
    said = ngettext("%(count)d day follows your week again.", "%(count)d days follow your week again.", count)
    return _done(request, tutor, said % {"count": count})


def _done(request: PersonRequest, tutor: Tutor, said: str) -> HttpResponse:
    """Say that it is done: in the section alone if only that was asked for, so that nothing typed elsewhere is lost."""
    if request.headers.get("HX-Request"):
        return _section(request, tutor, DatesForm(tutor), said=said)
    messages.success(request, said)
    return SeeOther(reverse("bookings:hours_edit"))


def _section(request: PersonRequest, tutor: Tutor, form: DatesForm, *, said: str = "") -> HttpResponse:
    answer = render(request, "bookings/teaching/_dates.html", {**exceptions_of(tutor, form), "said": said})
    answer["HX-Trigger-After-Settle"] = "hours-edited"
    return answer
