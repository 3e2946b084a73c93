"""The answers to a request: the tutor's, and the student's to another time that the tutor proposes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bookings import availability
from bookings.acceptance import (
    accept_booking,
    accept_proposal,
    decline_booking,
    decline_proposal,
    propose_time,
)
from bookings.access import PersonRequest
from bookings.errors import RequestAnswered
from bookings.models import Booking
from bookings.request_forms import DeclineForm, ProposalForm
from bookings.times import local
from bookings.views.answers import SeeOther
from bookings.views.days import by_day, read_fortnight, reader_zone


@require_POST
def accept(request: PersonRequest, reference: str) -> HttpResponse:
    """The tutor agrees."""
    booking = accept_booking(_of_tutor(request, reference), who=request.user)
    if booking.is_paid:
        messages.success(request, _("Accepted. It costs nothing, so it is booked."))
    else:
        messages.success(request, _("Accepted. The time is kept while it is paid for; we tell you when it is booked."))
    return SeeOther(booking.get_absolute_url())


@require_POST
def decline(request: PersonRequest, reference: str) -> HttpResponse:
    """The tutor says no, and why."""
    booking = _of_tutor(request, reference)
    decline_booking(booking, who=request.user, why=DeclineForm(request.POST).reason())
    messages.info(request, _("Declined. The student has been told why, and the time is free again."))
    return SeeOther(booking.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the tutor's open times for this session; POST proposes one of them."""
    booking = _of_tutor(request, reference)
    if request.method == "POST":
        propose_time(booking, who=request.user, **ProposalForm(request.POST).validated())
        messages.success(request, _("Your proposal is sent, and the time is kept for the student."))
        return SeeOther(booking.get_absolute_url())
    if booking.status != Booking.Status.REQUESTED or not booking.is_kept:
        raise RequestAnswered(next_steps=[(booking.get_absolute_url(), _("To the booking"))])
    return render(request, "bookings/propose.html", _open_times(request, booking))


@require_POST
def agree(request: PersonRequest, reference: str) -> HttpResponse:
    """The student, or who pays for them, agrees to the proposed time; who pays goes on to the order."""
    booking = accept_proposal(_of_learner(request, reference), who=request.user)
    if booking.is_paid:
        messages.success(request, _("Agreed, and it costs nothing: your session is booked."))
        return SeeOther(booking.get_absolute_url())
    messages.success(request, _("Agreed. Your session is booked as soon as it is paid."))
    is_payer = booking.order.payer_id == request.user.pk
    return SeeOther(booking.order.get_absolute_url() if is_payer else booking.get_absolute_url())


@require_POST
def refuse(request: PersonRequest, reference: str) -> HttpResponse:
    """The student, or who pays for them, does not want the proposed time."""
    booking = decline_proposal(_of_learner(request, reference), who=request.user)
    messages.info(request, _("The tutor has been told that this time does not suit. Nothing is booked."))
    return SeeOther(booking.get_absolute_url())


def _of_tutor(request: PersonRequest, reference: str) -> Booking:
    mine = Booking.objects.filter(tutor__user=request.user).with_people()
    return get_object_or_404(mine, reference=reference)


def _of_learner(request: PersonRequest, reference: str) -> Booking:
    return get_object_or_404(Booking.objects.of_learners(request.user).with_people(), reference=reference)


def _open_times(request: PersonRequest, booking: Booking) -> dict[str, Any]:
    """Return a fortnight of times at which tutor and student are free, and the one that was pressed."""
    zone, pressed = reader_zone(), _pressed(request)
    usual = local(pressed or booking.starts_at, zone).date()
    fortnight, trouble = read_fortnight(request.GET.get("from", ""), booking.tutor, first=usual)
    session_type, student = availability.session_as_sold(booking), booking.student
    within = fortnight.during(zone)
    found = availability.open_slots(session_type, within=within, student=student, leaving_out=booking)
    others = [slot for slot in found if slot.start != booking.starts_at]
    return {
        "booking": booking,
        "fortnight": fortnight,
        "trouble": trouble,
        "days": by_day(others, zone),
        "chosen": next((slot for slot in others if slot.start == pressed), None),
        "is_gone": pressed is not None and pressed not in [slot.start for slot in others],
        "form": ProposalForm(),
        "slots_method": "get",
    }


def _pressed(request: PersonRequest) -> datetime | None:
    form = ProposalForm(request.GET)
    return form.cleaned_data["starts_at"] if form.is_valid() else None
