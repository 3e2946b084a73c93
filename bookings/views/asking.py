"""Asking a tutor who approves first for a time, and taking the request back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bookings import availability
from bookings.access import PersonRequest
from bookings.asking import answer_deadline, request_booking, withdraw_request
from bookings.forms import ChosenSlot, SlotForm
from bookings.models import Booking, Tutor
from bookings.request_forms import RequestForm
from bookings.views.answers import SeeOther
from bookings.views.for_whom import ForWhom, check_for_whom
from bookings.views.offering import next_times, others_offered


@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_slot(request: PersonRequest, slug: str) -> HttpResponse:
    """Show what is asked for and what happens next; POST asks. A tutor who takes bookings as they come is not asked."""
    tutor = get_object_or_404(Tutor.objects.listed(), slug=slug)
    asked = request.POST if request.method == "POST" else request.GET
    if request.method != "POST" and not (tutor.approves_first and "starts_at" in asked):
        return SeeOther(tutor.get_absolute_url())
    wish = SlotForm(asked, tutor=tutor).validated()
    for_whom = check_for_whom(request.user, asked=asked.get("for", ""))
    form = RequestForm(request.POST if request.method == "POST" else None, payer=request.user)
    if request.method == "POST" and form.is_valid():
        with others_offered(wish, for_whom), form.code_refused():
            return _ask(request, wish, for_whom, form)
    return _show_form(request, wish, for_whom, form)


def _ask(request: PersonRequest, wish: ChosenSlot, for_whom: ForWhom, form: RequestForm) -> HttpResponse:
    booking = request_booking(
        wish.session_type,
        starts_at=wish.starts_at,
        student=for_whom.student,
        payer=request.user,
        **form.cleaned_data,
    )
    messages.success(request, _("Your request is sent. You will hear from us as soon as it is answered."))
    return SeeOther(booking.get_absolute_url())


@require_POST
def withdraw(request: PersonRequest, reference: str) -> HttpResponse:
    """Take a request back and free its time."""
    booking = get_object_or_404(Booking.objects.of_learners(request.user), reference=reference)
    withdraw_request(booking, who=request.user)
    messages.info(request, _("Your request is withdrawn, and its time is free again."))
    return SeeOther(booking.get_absolute_url())


def _show_form(request: PersonRequest, wish: ChosenSlot, for_whom: ForWhom, form: RequestForm) -> HttpResponse:
    now = timezone.now()
    reason = availability.why_not(wish.session_type, starts_at=wish.starts_at, student=for_whom.student, now=now)
    context: dict[str, Any] = {
        "tutor": wish.session_type.tutor,
        "wish": wish,
        "for_whom": for_whom,
        "form": form,
        "is_open": reason is None,
        "deadline": answer_deadline(now, wish.starts_at),
        "hours_to_pay": settings.ACCEPTED_PAYMENT_HOURS,
    }
    if reason is not None:
        context |= next_times(wish, for_whom)
    return render(request, "bookings/request.html", context, status=400 if form.errors else 200)
