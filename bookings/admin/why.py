"""“Why is this time not offered?”, asked by an admin about any tutor, for anybody or for one student."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from bookings.models import Tutor
from bookings.why_form import WhyForStudentForm, answers_to


class WhyAdmin(admin.ModelAdmin[Tutor]):
    """Tutors whose hidden times can be explained. Asked by POST, as the question may name a person; nothing changes."""

    change_form_template = "admin/bookings/tutor/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        asked = path("<int:key>/why/", self.admin_site.admin_view(self.explain_slot), name="bookings_tutor_why")
        return [asked, *super().get_urls()]

    def explain_slot(self, request: HttpRequest, key: int) -> HttpResponse:
        """Show the question, and the answer when one was asked."""
        tutor = get_object_or_404(self.get_queryset(request).select_related("user"), pk=key)
        if not self.has_view_permission(request, tutor):
            raise PermissionDenied
        form = WhyForStudentForm(request.POST or None, tutor=tutor)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Why is this time not offered?"),
            "tutor": tutor,
            "form": form,
            "zone": tutor.time_zone,
            "for_admin": True,
            **answers_to(form),
        }
        return render(request, "admin/bookings/tutor/why.html", context)
