"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from bookings.models import Booking, Order


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name, the zone in which times are shown, and how much is in the reader's cart."""

    def count() -> int:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return 0
        return Booking.objects.filter(
            order__payer=user,
            order__status=Order.Status.CART,
            status=Booking.Status.HELD,
            held_until__gt=timezone.now(),
        ).count()

    return {
        "site_name": settings.SITE_NAME,
        "current_zone": timezone.get_current_timezone_name(),
        "cart_count": SimpleLazyObject(count),
        "is_demo": settings.DEBUG,
    }
