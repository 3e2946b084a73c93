"""Say that the other side did not come, or that there was no room; or answer it. And what the booking's page shows of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bookings.absence import HAPPENED, reported_from
from bookings.access import PersonRequest
from bookings.models import Booking, User
from bookings.views.answers import SeeOther
from meetings import no_shows
from meetings.forms import StatementForm
from meetings.joining import find_door
from meetings.models import Attendance, NoShowReport
from meetings.roomless import ended_without_room, had_room


@require_GET
@never_cache
def show_absence(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the report about a session, or the form to make one. Strangers get 404."""
    booking = _booking(request, reference)
    return _show(request, booking, StatementForm())


@require_POST
def report_absence(request: PersonRequest, reference: str) -> HttpResponse:
    """Report that the other side did not come."""
    booking = _booking(request, reference)
    form = StatementForm(request.POST)
    if not form.is_valid():
        return _show(request, booking, form, status=400)
    no_shows.report_absence(booking, who=request.user, statement=form.cleaned_data["statement"])
    messages.success(request, _("Your report has reached us. The other side can answer it; then we decide."))
    return SeeOther(_page(booking))


@require_POST
def answer_report(request: PersonRequest, reference: str) -> HttpResponse:
    """Answer what the other side reported."""
    booking = _booking(request, reference)
    report = get_object_or_404(NoShowReport, booking=booking)
    form = StatementForm(request.POST)
    if not form.is_valid():
        return _show(request, booking, form, status=400)
    no_shows.answer_report(report, who=request.user, answer=form.cleaned_data["statement"])
    messages.success(request, _("Your answer has reached us."))
    return SeeOther(_page(booking))


@require_GET
@never_cache
def absence_state(request: PersonRequest, reference: str) -> HttpResponse:
    """Return the fragment of the booking's page about absence; empty while there is nothing to say."""
    booking = _booking(request, reference)
    facts = _facts(booking, request.user, now=timezone.now())
    if facts["report"] is None and not (facts["can_report"] or (facts["lacked_room"] and not facts["can_join"])):
        return HttpResponse()
    return render(request, "meetings/_booking_absence.html", facts)


def _booking(request: PersonRequest, reference: str) -> Booking:
    visible = Booking.objects.visible_to(request.user).with_people().select_related("meeting", "no_show_report__decided_by")
    return get_object_or_404(visible, reference=reference)


def _facts(booking: Booking, user: User, *, now: datetime) -> dict[str, Any]:
    report: NoShowReport | None = getattr(booking, "no_show_report", None)
    calls_absent = no_shows.side_of(booking, user).absent
    lacks_room, is_over = _lacks_room(booking, now), booking.ends_at <= now
    return {
        "booking": booking,
        "report": report,
        "calls_absent": calls_absent,
        "is_tutor": calls_absent == NoShowReport.Absent.STUDENT,
        "is_about_room": report.is_of_room if report else lacks_room and is_over,
        "waits_for_room": report is None and lacks_room and not is_over,
        "can_join": find_door(booking, now=now).is_open,
        "lacked_room": ended_without_room(booking, now),
        "can_report": report is None and no_shows.may_report(booking, user, now),
        "can_answer": report is not None and no_shows.may_answer(report, user, now),
        "is_mine": report is not None and no_shows.is_of_side(report, user),
        "happened": booking.status in HAPPENED,
        "reported_from": reported_from(booking),
        "reported_until": no_shows.reported_until(booking),
        "is_too_early": now < reported_from(booking),
        "decision": report.get_decision_display() if report and report.decision else "",
    }


def _lacks_room(booking: Booking, now: datetime) -> bool:
    """True if it began without a room and has had none so far."""
    return booking.status in HAPPENED and booking.starts_at <= now and not had_room(booking)


def _show(request: PersonRequest, booking: Booking, form: StatementForm, *, status: int = 200) -> HttpResponse:
    came = Attendance.objects.filter(meeting__booking=booking)
    parties = came.filter(user__in=[booking.student_id, booking.tutor.user_id]).select_related("user").order_by("opened_at")
    facts = _facts(booking, request.user, now=timezone.now())
    if facts["is_about_room"]:
        form.fields["statement"].help_text = _(
            "Say in a few words how it went, and where, if you met. The other side can read it."
        )
    context = {**facts, "form": form, "came": parties}
    return render(request, "meetings/absence.html", context, status=status)


def _page(booking: Booking) -> str:
    return reverse("meetings:absence", args=[booking.reference])
