"""How django-allauth makes people of ours."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation

from bookings.languages import speaking_to
from bookings.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead whoever logs in without asking for a page: tutors to their teaching, everybody else home."""
        return reverse("bookings:teaching" if hasattr(request.user, "tutor") else settings.LOGIN_REDIRECT_URL)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Keep the name and the time zone that came with the sign-up form, and the language it was read in."""
        user = super().save_user(request, user, form, commit=False)
        user.email = user.email.strip().lower()
        user.full_name = form.cleaned_data.get("full_name", "")
        user.language = translation.get_language() or ""
        user.time_zone = form.cleaned_data.get("time_zone") or user.time_zone
        if commit:
            user.save()
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write to people in their own language, whoever asked for the mail; else in that of the page it was asked on."""
        person = context.get("user") or User.objects.filter(email=email.lower()).first()
        if person is None or not person.language:
            super().send_mail(template_prefix, email, context)
            return
        with speaking_to(person):
            super().send_mail(template_prefix, email, context)
