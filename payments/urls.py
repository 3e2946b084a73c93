"""Addresses of the payments pages and calls."""

from __future__ import annotations

from django.urls import re_path

from payments.views import webhooks

app_name = "payments"
urlpatterns = [
    # With and without the final slash: gateways do not follow redirects.
    re_path(r"^webhooks/(?P<gateway>[a-z0-9_]+)/?$", webhooks.take_webhook, name="webhook"),
]
