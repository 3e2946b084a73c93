"""What every page knows."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from bookings.models import Booking, Notice, Order, Tutor, User


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name and languages, the zone in which times are shown, and what the header says to the reader."""

    @cache
    def header() -> dict[str, Any]:
        user = getattr(request, "user", None)
        return _header_of(user) if isinstance(user, User) else {}

    return {
        "site_name": settings.SITE_NAME,
        "current_zone": timezone.get_current_timezone_name(),
        "languages": settings.LANGUAGES,
        "page_address": request.get_full_path() if request.method == "GET" else request.headers.get("Referer", ""),
        "unread_count": SimpleLazyObject(lambda: header().get("unread_count", 0)),
        "cart_count": SimpleLazyObject(lambda: header().get("cart_count", 0)),
        "reader_teaches": SimpleLazyObject(lambda: header().get("reader_teaches", False)),
        "is_demo": settings.DEBUG,
    }


def _header_of(user: User) -> dict[str, Any]:
    """Return what is in the person's cart, what is news to them and whether they teach: one query for every page."""
    people = (
        User.objects.filter(pk=user.pk)
        .annotate(
            cart_count=Coalesce(Subquery(_carts_sizes()), 0),
            unread_count=Coalesce(Subquery(_unread_counts()), 0),
            reader_teaches=Exists(Tutor.objects.filter(user=OuterRef("pk"))),
        )
        .values("cart_count", "unread_count", "reader_teaches")
    )
    return {**(people.first() or {})}


def _carts_sizes() -> QuerySet[Booking, Any]:
    kept = Booking.objects.filter(
        order__payer=OuterRef("pk"),
        order__status=Order.Status.CART,
        status=Booking.Status.HELD,
        held_until__gt=timezone.now(),
    )
    return kept.order_by().values("order__payer").annotate(count=Count("pk")).values("count")


def _unread_counts() -> QuerySet[Notice, Any]:
    unread = Notice.objects.unread().filter(to=OuterRef("pk"))
    return unread.order_by().values("to").annotate(count=Count("pk")).values("count")
