"""“Why is this time not offered?”, asked by a tutor about their own times."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest, own_tutor
from bookings.why_form import WhyForm, answers_to


@require_GET
def explain_slot(request: PersonRequest) -> HttpResponse:
    """Show the question, and the answer when one was asked."""
    tutor = own_tutor(request)
    form = WhyForm(request.GET if "date" in request.GET else None, tutor=tutor)
    context = {"tutor": tutor, "form": form, "zone": tutor.time_zone, **answers_to(form)}
    return render(request, "bookings/teaching/why.html", context)
