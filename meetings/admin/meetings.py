"""Meetings: those without a link on top, with the reason and the ways to help."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bookings.admin.bookings import format_during
from bookings.admin.buttons import Button
from bookings.admin.reading import ReadOnlyInline, kept_column
from bookings.history import record_booking_change
from bookings.models import User
from meetings.admin.by_hand import AddressByHandAdmin
from meetings.admin.calls import ProviderFilter, provider_shown
from meetings.admin.forms import ChooseLinkForm
from meetings.admin.watching import WatchingPages
from meetings.models import Attendance, Meeting, MeetingLink
from meetings.pool import choose_link
from meetings.provisioning import provision_meeting
from meetings.results import settle_pool

Status = Meeting.Status
_KEY = re.compile(r"[0-9]{1,18}")


def _provision(meeting: Meeting, request: HttpRequest) -> str:
    provision_meeting(meeting)
    return _("The meeting is ready.")


class AttendanceInline(ReadOnlyInline):
    model = Attendance
    fields = ("user", "opened_at", "last_opened_at", "times_opened")


@admin.register(Meeting)
class MeetingAdmin(WatchingPages, AddressByHandAdmin):
    change_form_template = "admin/meetings/meeting/change_form.html"
    list_display = ["booking", "shown_time", "status", "error_shown", "link", "student", "tutor", provider_shown]
    list_filter = ["status", "trouble", ProviderFilter]
    list_per_page = 50
    list_select_related = ["booking__student", "booking__tutor__user", "link"]
    show_full_result_count = False
    search_fields = ["booking__reference", "booking__student__email", "booking__tutor__user__email", "link__label"]
    actions = None
    inlines = [AttendanceInline]
    fields = [
        *("booking", "shown_time", "student", "tutor", "status", "error_shown", "link", "provider"),
        *("attempts", "next_attempt_at", "requested_at", "ready_at", "alerted_at"),
    ]
    buttons = (Button("provision", gettext_lazy("Assign now"), _provision, lambda meeting: meeting.is_waiting),)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Those without a link first, then the latest."""
        first = Case(When(status=Status.WAITING, then=Value(0)), When(status=Status.FAILED, then=Value(1)), default=Value(2))
        return [first.asc(), "-during", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Meeting]:
        found: QuerySet[Meeting] = super().get_queryset(request)
        return found.select_related("booking__student", "booking__tutor__user", "link")

    error_shown = kept_column("last_error", gettext_lazy("why not yet"))

    @admin.display(description=gettext_lazy("time"), ordering="during")
    def shown_time(self, meeting: Meeting) -> str:
        return format_during(meeting.time)

    @admin.display(description=gettext_lazy("student"))
    def student(self, meeting: Meeting) -> str:
        return str(meeting.booking.student)

    @admin.display(description=gettext_lazy("tutor"))
    def tutor(self, meeting: Meeting) -> str:
        return str(meeting.booking.tutor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        meeting = self.get_object(request, object_id)
        choice: dict[str, Any] = self.address_choice(request, meeting) if meeting is not None else {}
        if meeting is not None and meeting.is_waiting and self.may_press(request):
            choice |= {
                "choose_form": ChooseLinkForm(meeting=meeting),
                "choose_url": reverse(f"admin:{self.page_name('choose')}", args=[meeting.pk]),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **choice})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.choose_view))
        return [path("<int:key>/choose/", view, name=self.page_name("choose")), *super().get_urls()]

    def choose_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Give the meeting the link that the admin chose."""
        meeting = get_object_or_404(self.get_queryset(request), pk=key)
        chosen = request.POST.get("link", "")
        link = get_object_or_404(MeetingLink, pk=int(chosen) if _KEY.fullmatch(chosen) else 0)

        def choose() -> str:
            who = request.user if isinstance(request.user, User) else None
            became = str(choose_link(meeting, link))
            settle_pool(meeting)
            record_booking_change(meeting.booking, what="meeting link", became=became, why="chosen by hand", who=who)
            return _("The session has %(link)s now.") % {"link": became}

        self.press_and_tell(request, choose)
        return redirect(f"admin:{self.page_name('change')}", meeting.pk)
