"""The addresses of the site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext as _

from bookings.views.style_guide import show_style_guide
from config.middleware import wants_json

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("", include("config.health_urls")),
    path("", include("payments.urls")),
    path("", include("meetings.urls")),
    path("", include("bookings.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("style/", show_style_guide, name="style_guide"))


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"success": False, "error": message}, status=status)
    return render(request, f"{status}.html", {"message": message}, status=status)


def bad_request(request: HttpRequest, exception: Any) -> HttpResponse:
    return _answer(request, 400, _("This request cannot be understood. Please go back and try again."))


def permission_denied(request: HttpRequest, exception: Any) -> HttpResponse:
    return _answer(request, 403, _("You may not do this. Please log in with the right account."))


def not_found(request: HttpRequest, exception: Any) -> HttpResponse:
    return _answer(request, 404, _("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500, _("Something went wrong on our side. Nothing was lost; please try again."))


handler400 = bad_request
handler403 = permission_denied
handler404 = not_found
handler500 = server_error
