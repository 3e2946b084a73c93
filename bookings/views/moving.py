"""A session takes another time: the times there are, the one that was chosen beside the old one, then it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import terms
from bookings.access import PersonRequest
from bookings.change_forms import MoveForm
from bookings.errors import SlotNotOffered, SlotTaken
from bookings.models import Booking
from bookings.rescheduling import Move, move_booking, preview_move
from bookings.times import local
from bookings.views.answers import SeeOther
from bookings.views.days import DAYS_SHOWN, by_day, read_fortnight, reader_zone

DAYS_BEFORE = 3  # most people look for a time near the old one


@require_http_methods(["GET", "HEAD", "POST"])
def move_session(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the open times, and one of them (`starts_at`) beside the old time; POST moves the session to it."""
    visible = Booking.objects.visible_to(request.user).with_people()
    booking = get_object_or_404(visible, reference=reference)
    asked = preview_move(booking, request.user)
    if request.method == "POST":
        return _move(request, asked)
    if not asked.may_be:
        return render(request, "bookings/booking_move.html", {"booking": booking, "asked": asked})
    if "starts_at" in request.GET:
        form = MoveForm(request.GET, needs_reason=False)
        if "starts_at" not in form.errors:
            blank = MoveForm(initial=form.cleaned_data, needs_reason=asked.needs_reason)
            return _show_choice(request, asked, blank, form.cleaned_data["starts_at"])
    return render(request, "bookings/booking_move.html", _times(request, asked))


def _move(request: PersonRequest, asked: Move) -> HttpResponse:
    form = MoveForm(request.POST, needs_reason=asked.needs_reason)
    form.require_time()
    starts_at = form.cleaned_data["starts_at"]
    if not form.is_valid():
        return _show_choice(request, asked, form, starts_at)
    booking = asked.booking
    with others_offered(asked, starts_at, action=reverse("bookings:booking_move", args=[booking.reference])):
        moved = move_booking(booking, starts_at=starts_at, who=request.user, why=form.cleaned_data["why"])
    if moved.sequence != booking.sequence:
        messages.success(request, _("The session is moved, and everybody whom it concerns is told. The way in is the same."))
    return SeeOther(moved.get_absolute_url())


@contextmanager
def others_offered(asked: Move, starts_at: datetime, *, action: str) -> Iterator[None]:
    """Put the open times near the wish beside a refusal."""
    try:
        yield
    except (SlotTaken, SlotNotOffered) as refusal:
        near = [*asked.times_near(starts_at)] if asked.reaches(starts_at) else []
        refusal.context |= {
            "slots": by_day(near, reader_zone()),
            "slots_action": action,
            "slots_method": "get",
            "next_steps": [(action, _("All open times"))],
        }
        raise


def _show_choice(request: PersonRequest, asked: Move, form: MoveForm, starts_at: datetime) -> HttpResponse:
    """Show the chosen time beside the old one; where it is not open any more, the times that are."""
    booking = asked.booking
    if starts_at == booking.starts_at:
        trouble = _("The session has this time already. Please choose another one.")
        return render(request, "bookings/booking_move.html", {**_times(request, asked), "trouble": trouble})
    if asked.why_not(starts_at) is not None:
        trouble = _("This time is not open any more. Please choose another one.")
        return render(request, "bookings/booking_move.html", {**_times(request, asked), "trouble": trouble})
    context = {
        "booking": booking,
        "asked": asked,
        "form": form,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=booking.minutes),
        "moves_left_then": asked.moves_left - 1,
        "is_late_then": timezone.now() > min(asked.free_until(starts_at), terms.usual(starts_at)),
        "free_until": asked.free_until(starts_at),
        "late_percent": settings.CANCEL_LATE_REFUND_PERCENT,
    }
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "bookings/booking_move_confirm.html", context, status=status)


def _times(request: PersonRequest, asked: Move) -> dict[str, Any]:
    """Return a fortnight of times to which the session can move, and where the next ones are if there are none."""
    booking, zone = asked.booking, reader_zone()
    fortnight, trouble = read_fortnight(request.GET.get("from", ""), booking.tutor, first=_first_day(booking))
    found = asked.open_times(fortnight.during(zone))
    next_day = None
    if not found and (rest := fortnight.rest(zone)):
        later = asked.open_times(rest)
        next_day = local(later[0].start, zone).date() if later else None
    return {
        "booking": booking,
        "asked": asked,
        "days": by_day(found, zone),
        "fortnight": fortnight,
        "next_day": next_day,
        "trouble": trouble,
    }


def _first_day(booking: Booking) -> date | None:
    """Return the day with which the list begins: today, unless the session lies weeks ahead."""
    day = local(booking.starts_at, reader_zone()).date()
    return day - timedelta(days=DAYS_BEFORE) if day > timezone.localdate() + timedelta(days=DAYS_SHOWN - 1) else None
