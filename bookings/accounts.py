"""How django-allauth makes people of ours."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from bookings.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Keep the name and the time zone that came with the sign-up form."""
        user = super().save_user(request, user, form, commit=False)
        user.email = user.email.strip().lower()
        user.full_name = form.cleaned_data.get("full_name", "")
        user.time_zone = form.cleaned_data.get("time_zone") or user.time_zone
        if commit:
            user.save()
        return user
