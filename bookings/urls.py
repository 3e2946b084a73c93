"""Addresses of the bookings pages and calls."""

from __future__ import annotations

app_name = "bookings"
urlpatterns: list[object] = []
