"""Bookings: found by reference, person and day; changed only by the verbs of the site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import times
from bookings.admin.calendar import CalendarPages
from bookings.admin.changing import ChangePages
from bookings.admin.gifts import GiftPages
from bookings.admin.reading import HistoryInline, ReadOnlyAdmin
from bookings.models import Booking, Tutor
from bookings.times import During


class TutorFilter(admin.SimpleListFilter):
    """Tutors by name, in one query."""

    title = _("tutor")
    parameter_name = "tutor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tutors = Tutor.objects.select_related("user").order_by("user__full_name", "pk")
        return [(str(tutor.pk), str(tutor)) for tutor in tutors]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        chosen = next((int(key) for key, _name in self.lookup_choices if key == self.value()), None)
        return queryset if chosen is None else queryset.filter(tutor=chosen)


class DayFilter(admin.SimpleListFilter):
    """When the lesson starts, in whole days of the reader's zone."""

    title = _("day")
    parameter_name = "day"
    DAYS = {"today": (0, 0), "tomorrow": (1, 1), "week": (0, 6), "past": (-7, -1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("today", _("Today")),
            ("tomorrow", _("Tomorrow")),
            ("week", _("Next 7 days")),
            ("past", _("Past 7 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        if self.value() not in self.DAYS:
            return queryset
        first, last = (timezone.localdate() + timedelta(days=days) for days in self.DAYS[str(self.value())])
        within = times.day_bounds(first, last, times.parse_zone(timezone.get_current_timezone_name()))
        return queryset.filter(during__startswith__gte=within.start, during__startswith__lt=within.end)


class DisputedFilter(admin.SimpleListFilter):
    """Sessions whose payer's bank asks for the money back."""

    title = _("disputed")
    parameter_name = "disputed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(order__disputed_at__isnull=self.value() == "no")


class BookingColumns:
    """What lists of bookings show."""

    @admin.display(description=_("time"), ordering="during")
    def shown_time(self, booking: Booking) -> str:
        return format_during(booking.time)

    @admin.display(description=_("time taken from the tutor, buffers included"))
    def shown_blocks(self, booking: Booking) -> str:
        return format_during(During(booking.blocks.lower, booking.blocks.upper))

    @admin.display(description=_("time asked for first"))
    def shown_asked_for(self, booking: Booking) -> str:
        asked = booking.asked_for
        return format_during(During(asked.lower, asked.upper)) if asked else "–"

    @admin.display(description=_("price"))
    def shown_price(self, booking: Booking) -> str:
        return str(booking.money)

    @admin.display(description=_("goes back"))
    def shown_back(self, booking: Booking) -> str:
        return "–" if booking.refund is None else str(booking.money_back)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, booking: Booking) -> str:
        """The state, and that the payer's bank asks for the money back."""
        status = booking.get_status_display()
        if booking.order.disputed_at is None:
            return status
        return gettext("%(status)s, disputed") % {"status": status}

    @admin.display(description=_("disputed"))
    def shown_disputed(self, booking: Booking) -> str:
        """Since when the payer's bank asks for the money back."""
        since = booking.order.disputed_at
        return date_format(timezone.localtime(since), "DATE_FORMAT") if since else "–"

    @admin.display(description=_("meeting"))
    def shown_meeting(self, booking: Booking) -> str:
        """The state of the meeting and the label of its link, never its address."""
        meeting = getattr(booking, "meeting", None)
        if meeting is None:
            return "–"
        state = str(meeting.get_status_display())
        return f"{state}: {meeting.link}" if meeting.link else state


@admin.register(Booking)
class BookingAdmin(CalendarPages, GiftPages, ChangePages, BookingColumns, ReadOnlyAdmin[Booking]):
    list_display = ["reference", "shown_time", "student", "tutor", "name", "shown_status", "shown_meeting"]
    list_filter = ["status", DayFilter, DisputedFilter, TutorFilter]
    list_select_related = ["student", "tutor__user", "order", "meeting__link"]
    search_help_text = _("Search by the reference of a booking or order, or by a name or e-mail address.")
    search_fields = [
        "reference",
        "order__reference",
        "student__email",
        "student__full_name",
        "tutor__user__email",
        "tutor__user__full_name",
    ]
    ordering = ["-during", "-id"]
    inlines = [HistoryInline]
    fieldsets = [
        (None, {"fields": ["reference", "status", "shown_time", "shown_meeting", "moves"]}),
        (_("Who"), {"fields": ["student", "tutor", "order", "shown_disputed"]}),
        (_("As sold"), {"fields": ["name", "minutes", "shown_price", "shown_back"]}),
        (_("Asked for"), {"fields": ["shown_asked_for", "message"]}),
        (_("Held and cancelled"), {"fields": ["held_until", "cancelled_at", "cancelled_by", "cancel_reason"]}),
        (_("When"), {"fields": ["created_at", "shown_blocks"]}),
    ]


def format_during(during: During) -> str:
    """Return the time in the reader's zone, such as "21 Nov 2026, 10:00–11:00"."""
    start, end = timezone.localtime(during.start), timezone.localtime(during.end)
    if start.date() == end.date():
        return f"{date_format(start, 'DATETIME_FORMAT')}–{date_format(end, 'TIME_FORMAT')}"
    return f"{date_format(start, 'DATETIME_FORMAT')} – {date_format(end, 'DATETIME_FORMAT')}"
