"""Who may: every page but the public ones is for people who have logged in (LoginRequiredMiddleware)."""

from __future__ import annotations

from django.http import HttpRequest

from bookings.models import User


class PersonRequest(HttpRequest):
    """A request that has passed LoginRequiredMiddleware: its user is a person."""

    user: User
