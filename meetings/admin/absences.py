"""Absence reports: what both sides said, if there was a room, who opened it, and the decision, which moves the money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.bookings import format_during
from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.models import Booking, User
from meetings.models import Attendance, Meeting, NoShowReport
from meetings.no_shows import decide_report, decide_unreported, fits_no_room, may_be_decided
from meetings.places import label_of, name_of_place
from meetings.roomless import had_room

Decision = NoShowReport.Decision


def _decide(decision: Decision) -> Callable[[NoShowReport, HttpRequest], str]:
    def press(report: NoShowReport, request: HttpRequest) -> str:
        decide_report(report, decision=decision, who=_admin(request), note=request.POST.get("text", ""))
        return _("Decided: %(decision)s.") % {"decision": decision.label}

    return press


def _admin(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - admin_view lets nobody else in
    return request.user


def _is_due(report: NoShowReport) -> bool:
    return may_be_decided(report, timezone.now())


def _exact(instant: datetime) -> str:
    return date_format(timezone.localtime(instant), "EXACT_TIME_FORMAT")


def _button(decision: Decision, label: Any, has_use: Callable[[NoShowReport], bool] = _is_due) -> Button:
    return Button(
        decision.value,
        label,
        _decide(decision),
        has_use,
        is_final=True,
        asks=gettext_lazy("Why (both sides read it)"),
    )


@admin.register(NoShowReport)
class NoShowReportAdmin(ButtonsAdmin):
    change_form_template = "admin/meetings/noshowreport/change_form.html"
    list_display = ["booking", "shown_time", "student", "tutor", "absent", "state", "reported_at"]
    list_filter = ["decision", "absent"]
    list_per_page = 50
    list_select_related = ["booking__student", "booking__tutor__user"]
    search_fields = ["booking__reference", "booking__student__email", "booking__tutor__user__email"]
    show_full_result_count = False
    actions = None
    fields = [
        *("booking", "shown_time", "student", "tutor", "room", "came", "absent", "reporter", "statement", "reported_at"),
        *("answer_until", "answer", "answered_by", "answered_at", "decision", "decided_by", "decided_at", "decision_note"),
    ]
    buttons = (
        _button(
            Decision.NO_ROOM,
            gettext_lazy("There was no room, so it did not take place: all goes back"),
            lambda report: fits_no_room(report, timezone.now()),
        ),
        _button(
            Decision.STUDENT_ABSENT,
            gettext_lazy("The student was absent: nothing goes back"),
            lambda report: _is_due(report) and had_room(report.booking),
        ),
        _button(Decision.TUTOR_ABSENT, gettext_lazy("The tutor was absent: all goes back")),
        _button(Decision.UNCLEAR, gettext_lazy("It is not clear: all goes back")),
        _button(Decision.TOOK_PLACE, gettext_lazy("The session took place: nothing goes back")),
    )

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Those to be decided first, the oldest first."""
        return [Case(When(decision="", then=Value(0)), default=Value(1)).asc(), "reported_at", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoShowReport]:
        found: QuerySet[NoShowReport] = super().get_queryset(request)
        return found.select_related("booking__student", "booking__tutor__user", "reported_by")

    @admin.display(description=gettext_lazy("time"), ordering="booking__during")
    def shown_time(self, report: NoShowReport) -> str:
        return format_during(report.booking.time)

    @admin.display(description=gettext_lazy("student"))
    def student(self, report: NoShowReport) -> str:
        return str(report.booking.student)

    @admin.display(description=gettext_lazy("tutor"))
    def tutor(self, report: NoShowReport) -> str:
        return str(report.booking.tutor)

    @admin.display(description=gettext_lazy("room"))
    def room(self, report: NoShowReport) -> str:
        """Where people could meet, and since when: one that came late is to be seen."""
        booking = report.booking
        if not had_room(booking):
            return _("There was none: nobody could come.")
        meeting: Meeting = booking.meeting
        if meeting.ready_at is None:
            return _("It had one, and lost it.")
        words = {
            "place": name_of_place(meeting) or label_of(meeting.provider),
            "time": date_format(timezone.localtime(meeting.ready_at), "DATETIME_FORMAT"),
        }
        if meeting.ready_at > booking.starts_at:
            return _("%(place)s, since %(time)s: after the start") % words
        return _("%(place)s, ready at %(time)s") % words

    @admin.display(description=gettext_lazy("reported by"))
    def reporter(self, report: NoShowReport) -> str:
        return str(report.reported_by or _("the site itself"))

    @admin.display(description=gettext_lazy("who opened the door"))
    def came(self, report: NoShowReport) -> str:
        """Everybody who went through the door, with the first and the last time."""
        rows = Attendance.objects.filter(meeting__booking=report.booking).select_related("user").order_by("opened_at")
        told = [(str(one.user), _exact(one.opened_at), _exact(one.last_opened_at)) for one in rows]
        return format_html_join("; ", "{}: {} – {}", told) or _("nobody")

    @admin.display(description=gettext_lazy("state"))
    def state(self, report: NoShowReport) -> str:
        if report.decision:
            return str(report.get_decision_display())
        is_known = report.is_of_room and report.booking.ends_at <= timezone.now()  # of a missing room our own rows tell
        return _("to be decided") if is_known or _is_due(report) else _("can still be answered")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.mark_view)
        return [path("mark/<slug:reference>/", view, name=self.page_name("mark")), *super().get_urls()]

    def mark_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        """Let an admin record an absence that nobody reported: a page that says what it does to the money, then POST."""
        if not self.may_press(request):  # before anything is shown: it names people and their money
            raise PermissionDenied
        booking = get_object_or_404(Booking.objects.with_people().select_related("meeting"), reference=reference)
        report = NoShowReport.objects.filter(booking=booking).first()
        if report is not None:
            return redirect(f"admin:{self.page_name('change')}", report.pk)
        if request.method == "POST":
            absent, note = request.POST.get("absent", ""), request.POST.get("text", "")
            if absent in NoShowReport.Absent.values:
                self.press_and_tell(request, lambda: self._mark(booking, absent, note, request))
            return redirect("admin:bookings_booking_change", booking.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Record an absence"),
            "booking": booking,
            "shown_time": format_during(booking.time),
            "had_room": had_room(booking),
            "is_over": booking.ends_at <= timezone.now(),
        }
        return TemplateResponse(request, "admin/meetings/noshowreport/mark.html", context)

    @staticmethod
    def _mark(booking: Booking, absent: str, note: str, request: HttpRequest) -> str:
        report = decide_unreported(booking, absent=absent, who=_admin(request), note=note)
        return _("Decided: %(decision)s.") % {"decision": report.get_decision_display()}
