"""The admin: its front page shows what needs a person."""

from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from bookings.errors import InvalidInput
from config.front_page import build_front_page

ORDER = ["bookings", "meetings", "payments", "procrastinate"]


class LinkpoolAdminSite(AdminSite):
    site_header = _("Admin")
    index_title = _("Today")

    # The site's own log-in counts wrong passwords; who is logged in without rights gets 403 instead of a form.
    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().login(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Refuse a NUL in the query first: Django's filters would hand it to PostgreSQL, whose texts hold none."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise InvalidInput
            return view(request, *args, **kwargs)

        return super().admin_view(guarded, cacheable)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the front page above Django's list of what there is."""
        front = build_front_page(request.user, now=timezone.now())
        return super().index(request, {"front": front, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return what there is, the daily work first, and the job engine by what it does."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "procrastinate":
                app["name"] = _("Background work")
                app["models"][0]["name"] = _("Jobs")
        return sorted(apps, key=lambda app: ORDER.index(app["app_label"]) if app["app_label"] in ORDER else len(ORDER))
