"""The addresses of the site."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bookings.views.style_guide import show_style_guide

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

handler400 = "config.answers.bad_request"
handler403 = "config.answers.permission_denied"
handler404 = "config.answers.not_found"
handler500 = "config.answers.server_error"
