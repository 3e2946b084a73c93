"""Orders with their bookings, attempts to pay and history. Money moves only by a gateway's word."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from bookings.admin.bookings import BookingColumns
from bookings.admin.reading import HistoryInline, ReadOnlyAdmin, ReadOnlyInline
from bookings.models import Booking, Order


class BookingInline(BookingColumns, ReadOnlyInline):
    model = Booking
    readonly_fields = ["link", "shown_time", "student", "tutor", "status", "shown_meeting", "shown_price"]
    fields = ("link", "shown_time", "student", "tutor", "status", "shown_meeting", "shown_price")

    @admin.display(description=_("booking"))
    def link(self, booking: Booking) -> str:
        where = reverse("admin:bookings_booking_change", args=[booking.pk])
        return format_html('<a href="{}">{}</a>', where, booking.reference)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        bookings: QuerySet[Booking] = super().get_queryset(request)
        return bookings.select_related("student", "tutor__user", "meeting__link")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin[Order]):
    list_display = ["reference", "payer", "status", "shown_total", "placed_at", "expires_at", "paid_at"]
    list_filter = [
        "status",
        ("disputed_at", admin.EmptyFieldListFilter),
        "currency",
        ("placed_at", admin.DateFieldListFilter),
    ]
    list_select_related = ["payer"]
    search_help_text = _("Search by the reference of an order, a booking or a payment, by the payer, or by a promo code.")
    search_fields = [
        "reference",
        "payer__email",
        "payer__full_name",
        "bookings__reference",
        "payments__reference",
        "promo_code__code",
    ]
    inlines = [BookingInline, HistoryInline]
    fieldsets = [
        (None, {"fields": ["reference", "payer", "status", "shown_total", "shown_payments"]}),
        (_("Discount"), {"fields": ["shown_discount", "promo_code", "gifted_by"]}),
        (_("When"), {"fields": ["created_at", "placed_at", "expires_at", "paid_at", "disputed_at"]}),
    ]

    @admin.display(description=_("total"), ordering="total")
    def shown_total(self, order: Order) -> str:
        return str(order.money)

    @admin.display(description=_("taken off"))
    def shown_discount(self, order: Order) -> str:
        return str(order.money_off)

    @admin.display(description=_("attempts to pay"))
    def shown_payments(self, order: Order) -> Any:
        """Each attempt with what became of it, as the app above this one tells it."""
        attempts = getattr(order, "payments", None)
        rows = [] if attempts is None else [(a.reference, a.gateway, a.get_status_display()) for a in attempts.all()]
        return format_html_join("\n", "<div>{} ({}): {}</div>", rows) or "–"
