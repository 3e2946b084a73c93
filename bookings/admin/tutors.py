"""Tutors with what they sell and when they teach."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.admin.hours import DateOverrideInline, WeeklyHoursInline
from bookings.admin.session_types import SessionTypeInline
from bookings.admin.why import WhyAdmin
from bookings.forms import TimeZoneField
from bookings.models import Tutor
from bookings.models.people import default_time_zone


def provider_choices() -> list[tuple[str, str]]:
    """Return the meeting providers of this site."""
    return [(name, name) for name in settings.MEETING_PROVIDERS]


class TutorForm(forms.ModelForm[Tutor]):
    time_zone = TimeZoneField(label=_("Time zone of the hours"), initial=default_time_zone)
    meeting_provider = forms.ChoiceField(label=_("Where sessions are held"), choices=provider_choices)

    class Meta:
        model = Tutor
        exclude: list[str] = []


@admin.register(Tutor)
class TutorAdmin(WhyAdmin):
    form = TutorForm
    list_display = ["user", "subjects", "time_zone", "is_approved", "is_paused", "meeting_provider"]
    list_filter = ["is_approved", "is_paused", "meeting_provider"]
    list_select_related = ["user"]
    list_per_page = 50
    search_fields = ["user__email", "user__full_name", "slug", "subjects"]
    autocomplete_fields = ["user"]
    inlines = [SessionTypeInline, WeeklyHoursInline, DateOverrideInline]
    actions = ["approve_tutors", "pause_tutors", "resume_tutors"]
    fieldsets = [
        (None, {"fields": ["user", "slug", "headline", "bio", "subjects"]}),
        (_("Can be booked"), {"fields": ["is_approved", "is_paused", "approves_first", "meeting_provider"]}),
        (_("Money"), {"fields": ["fee_percent"]}),
        (
            _("Rules of time"),
            {
                "fields": [
                    "time_zone",
                    ("notice_minutes", "horizon_days"),
                    ("buffer_before_minutes", "buffer_after_minutes"),
                    ("slot_step_minutes", "daily_limit"),
                ]
            },
        ),
    ]

    @admin.action(description=_("Approve: students can find and book them"), permissions=["change"])
    def approve_tutors(self, request: HttpRequest, queryset: QuerySet[Tutor]) -> None:
        self._set(request, queryset.filter(is_approved=False), is_approved=True)

    @admin.action(description=_("Pause: no new bookings"), permissions=["change"])
    def pause_tutors(self, request: HttpRequest, queryset: QuerySet[Tutor]) -> None:
        self._set(request, queryset.filter(is_paused=False), is_paused=True)

    @admin.action(description=_("Resume after a pause"), permissions=["change"])
    def resume_tutors(self, request: HttpRequest, queryset: QuerySet[Tutor]) -> None:
        self._set(request, queryset.filter(is_paused=True), is_paused=False)

    def _set(self, request: HttpRequest, tutors: QuerySet[Tutor], **became: bool) -> None:
        """Set the mark on those who lack it, and note each in the admin's own log."""
        changed = list(tutors.select_related("user"))
        for tutor in changed:
            for name, value in became.items():
                setattr(tutor, name, value)
            tutor.save(update_fields=list(became))
            self.log_change(request, tutor, [{"changed": {"fields": list(became)}}])
        said = ngettext("%(count)d tutor changed.", "%(count)d tutors changed.", len(changed))
        self.message_user(request, said % {"count": len(changed)}, messages.SUCCESS)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Leave out the pencil and plus beside the person: accounts are made where they can be verified."""
        form = super().get_form(request, obj, change, **kwargs)
        if "user" in form.base_fields:
            widget = form.base_fields["user"].widget
            for mark in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
                setattr(widget, mark, False)
        return form
