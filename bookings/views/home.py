"""A student's home: what is next, what waits for them, what has been. For payers as well, who see what they pay for."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest
from bookings.lists import read_agenda

AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


@require_GET
def show_home(request: PersonRequest) -> HttpResponse:
    """Show the reader's next session with its door, then what waits for an answer or a payment, then the rest."""
    now = timezone.now()
    agenda = read_agenda(request.user, now=now)
    first = agenda.next
    context = {
        "agenda": agenda,
        "booking": first,
        "is_party": first is not None and request.user.pk in (first.student_id, first.tutor.user_id),
        "is_running": first is not None and first.starts_at <= now,
        "is_now": first is not None and first.starts_at < now + AN_HOUR,
        "is_soon": first is not None and now < first.starts_at < now + A_DAY,
    }
    return render(request, "bookings/home.html", context)
