"""Addresses for operators, with or without a final slash: a probe follows no redirect."""

from __future__ import annotations

from django.urls import re_path

from config import health

urlpatterns = [
    re_path(r"^health/live/?$", health.show_alive, name="health_live"),
    re_path(r"^health/ready/?$", health.show_ready, name="health_ready"),
    re_path(r"^metrics/?$", health.show_metrics, name="metrics"),
]
