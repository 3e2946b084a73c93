"""Who runs the site."""

from __future__ import annotations

from django.conf import settings

from bookings.models import User


def staff_addresses() -> list[str]:
    """Return who is told of trouble: settings.ADMINS, else everybody who may use the admin and may log in."""
    named = [address for _name, address in settings.ADMINS]
    return named or list(User.objects.filter(is_staff=True, is_active=True).order_by("pk").values_list("email", flat=True))
