"""The tutor's home: today, the week, requests to answer. All by the clock of the tutor's hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings import times
from bookings.access import PersonRequest, own_tutor
from bookings.forms import DayForm
from bookings.models import Booking, DateOverride, Tutor, WeeklyHours
from bookings.times import day_bounds, local
from bookings.weeks import Week, during_week, lay_out_week, monday_of
from bookings.windows import Hours, Override

MOST_REQUESTS = 50
FURTHEST = timedelta(days=3 * 366)  # nobody pages further than this
Status = Booking.Status
_TAKES_PLACE = [Status.PAID, *Booking.OVER]


@dataclass(frozen=True)
class TodaysSession:
    """A paid session of today, and whether its door is open."""

    booking: Booking
    now: datetime

    @property
    def is_over(self) -> bool:
        return self.booking.ends_at <= self.now

    @property
    def can_be_joined(self) -> bool:
        return self.booking.can_be_joined(self.now)


@require_GET
def show_overview(request: PersonRequest) -> HttpResponse:
    """Show the tutor what is to be done today and this week. Everybody else gets 404."""
    tutor, now = own_tutor(request), timezone.now()
    zone = times.parse_zone(tutor.time_zone)
    with timezone.override(zone):
        context = {
            "tutor": tutor,
            **_today(tutor, zone, now),
            **_requests(tutor, now),
            **_week(request, tutor, zone, now),
        }
        context["to_do"] = _to_do(tutor, has_hours=context["has_hours"])
        return render(request, "bookings/teaching/home.html", context)


def _today(tutor: Tutor, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Return today's sessions, and the next one on a later day."""
    today = local(now, zone).date()
    day = day_bounds(today, today, zone)
    sessions = tutor.bookings.select_related("student")
    held = sessions.filter(status__in=_TAKES_PLACE).overlapping(day).order_by("during")
    coming = sessions.filter(status=Status.PAID, during__startswith__gte=day.end).order_by("during")
    return {"today": [TodaysSession(booking, now) for booking in held], "next_session": coming.first(), "now": now}


def _requests(tutor: Tutor, now: datetime) -> dict[str, Any]:
    """Return what waits for the tutor's answer, the most urgent first, and what waits for students."""
    kept = tutor.bookings.filter(status__in=[Status.REQUESTED, Status.ACCEPTED], held_until__gt=now)
    found = list(kept.select_related("student", "order__payer").order_by("held_until", "pk")[:MOST_REQUESTS])
    to_answer = [one for one in found if one.waits_for_tutor]
    return {"to_answer": to_answer, "waiting": [one for one in found if not one.waits_for_tutor]}


def _week(request: PersonRequest, tutor: Tutor, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    today = local(now, zone).date()
    asked, trouble = _read_day(request.GET.get("week", ""), today)
    hours = [Hours(row.weekday, row.starts, row.ends) for row in WeeklyHours.objects.filter(tutor=tutor)]
    week = load_week(tutor, monday_of(asked), hours, zone=zone, today=today, now=now)
    return {
        "week": week,
        "is_this_week": week.first <= today <= week.last,
        "week_trouble": trouble,
        "has_hours": bool(hours),
    }


def load_week(tutor: Tutor, monday: date, hours: Sequence[Hours], *, zone: ZoneInfo, today: date, now: datetime) -> Week:
    """Load what a week shows beside the hours: sessions, requests and holds that take time now. 2 queries."""
    within = during_week(monday, zone)
    takes_time = Q(status__in=Booking.KEPT, held_until__gt=now) | Q(status__in=_TAKES_PLACE)
    bookings = tutor.bookings.filter(takes_time).overlapping(within).select_related("student")
    dated = DateOverride.objects.filter(tutor=tutor, date__range=(monday, monday + timedelta(days=6)))
    overrides = [Override(row.date, row.starts, row.ends) for row in dated]
    return lay_out_week(monday, bookings, hours, overrides, zone=zone, today=today)


def _read_day(raw: str, today: date) -> tuple[date, str]:
    """Return the day asked for, or today and a sentence."""
    if not raw:
        return today, ""
    day = DayForm.read(raw)
    if day is None:
        return today, _("This is not a date, so you see the present days.")
    if abs(day - today) > FURTHEST:
        return today, _("That is too far away, so you see the present days.")
    return day, ""


def _to_do(tutor: Tutor, *, has_hours: bool) -> dict[str, bool]:
    """Return what a new tutor still lacks before students can book; empty when nothing is missing."""
    has_offers = tutor.session_types.on_sale().exists()
    steps = {"hours": has_hours, "offers": has_offers, "approval": tutor.is_approved}
    return {} if all(steps.values()) else steps
