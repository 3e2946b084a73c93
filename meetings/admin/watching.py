"""The page of the admin that tells how the meetings go."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from meetings.how_it_goes import look


class WatchingPages(admin.ModelAdmin[Any]):
    """Adds the page to those of meetings."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.watching_view)
        return [path("how-it-goes/", view, name="meetings_meeting_watching"), *super().get_urls()]

    def watching_view(self, request: HttpRequest) -> HttpResponse:
        """Show how the meetings go, to whoever may look at meetings and bookings."""
        user: Any = request.user
        if not user.has_perms(["meetings.view_meeting", "bookings.view_booking"]):
            raise PermissionDenied
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Meetings: how it goes"),
            "page": look(timezone.now()),
        }
        return TemplateResponse(request, "admin/meetings/how_it_goes.html", context)
