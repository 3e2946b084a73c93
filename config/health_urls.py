"""Addresses for operators."""

from __future__ import annotations

urlpatterns: list[object] = []
