"""The calendar of the admin: every session of a day or a week, with its tutor, its state and its link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import times
from bookings.forms import DayForm
from bookings.models import Booking, Tutor
from bookings.times import During

Status = Booking.Status
OFF = [Status.EXPIRED, Status.DECLINED, Status.CANCELLED]
DAYS_OF = {"day": 1, "week": 7}
FURTHEST = timedelta(days=3660)  # ten years: whoever asks for more has typed a wrong year
MOST = 2000  # sessions on one page


@dataclass(frozen=True)
class CalendarDay:
    """One day of the reader's zone, with the sessions that start on it."""

    date: date
    bookings: list[Booking]
    is_today: bool


@dataclass(frozen=True)
class Asked:
    """Which days and whose sessions are to be shown. What cannot be read is today, a week, everybody's."""

    view: str
    first: date
    tutor: int | None
    with_off: bool

    @classmethod
    def read(cls, query: Any) -> Asked:
        """Read the address's query. A week begins on Monday."""
        today = timezone.localdate()
        view = query.get("view") if query.get("view") in DAYS_OF else "week"
        day = DayForm.read(query.get("day", "")) or today
        if abs(day - today) > FURTHEST:
            day = today
        first = day - timedelta(days=day.weekday()) if view == "week" else day
        chosen = str(query.get("tutor", ""))
        tutor = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 18 else None
        return cls(str(view), first, tutor, query.get("off") == "1")

    @property
    def last(self) -> date:
        return self.first + timedelta(days=DAYS_OF[self.view] - 1)

    @property
    def before(self) -> date:
        return self.first - timedelta(days=DAYS_OF[self.view])

    @property
    def after(self) -> date:
        return self.last + timedelta(days=1)

    def during(self) -> During:
        """Return the time of these days by the reader's clock."""
        return times.day_bounds(self.first, self.last, times.parse_zone(timezone.get_current_timezone_name()))


def sessions_asked_for(asked: Asked) -> list[Booking]:
    """Return the sessions that start in the days asked for, with people and meeting, in one query; at most MOST."""
    within = asked.during()
    found = Booking.objects.filter(during__startswith__gte=within.start, during__startswith__lt=within.end)
    if asked.tutor is not None:
        found = found.filter(tutor=asked.tutor)
    if not asked.with_off:
        found = found.exclude(status__in=OFF)
    found = found.select_related("student", "tutor__user", "order", "meeting__link").order_by("during", "pk")
    return list(found[:MOST])


def by_day(asked: Asked, bookings: list[Booking]) -> list[CalendarDay]:
    """Sort the sessions into the days asked for, each day in the order of time; days without sessions stay."""
    today = timezone.localdate()
    on: dict[date, list[Booking]] = {asked.first + timedelta(days=n): [] for n in range(DAYS_OF[asked.view])}
    for booking in bookings:
        on.setdefault(timezone.localtime(booking.starts_at).date(), []).append(booking)
    return [CalendarDay(day, found, day == today) for day, found in sorted(on.items())]


class CalendarPages(admin.ModelAdmin[Any]):
    """Adds the calendar to the pages of bookings."""

    change_list_template = "admin/bookings/booking/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.calendar_view)
        return [path("calendar/", view, name="bookings_booking_calendar"), *super().get_urls()]

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        """Show a day or a week, of all tutors or of one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = Asked.read(request.GET)
        bookings = sessions_asked_for(asked)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Calendar"),
            "asked": asked,
            "days": by_day(asked, bookings),
            "number": len(bookings),
            "is_cut": len(bookings) == MOST,
            "today": timezone.localdate(),
            "tutors": Tutor.objects.select_related("user").order_by("user__full_name", "pk"),
            "now": timezone.now(),
        }
        return TemplateResponse(request, "admin/bookings/booking/calendar.html", context)
