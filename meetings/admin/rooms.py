"""Rooms at providers, to read: which stand, which are to be closed and why they are still there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from meetings.admin.calls import ProviderFilter, provider_shown
from meetings.closing import close_soon
from meetings.models import VendorRoom

State = VendorRoom.State


def _close(room: VendorRoom, request: HttpRequest) -> str:
    close_soon(room)
    return _("A worker asks the provider now. Look again in a moment.")


@admin.register(VendorRoom)
class VendorRoomAdmin(ReadOnlyAdmin[VendorRoom], ButtonsAdmin):
    list_display = ["key", "booking", provider_shown, "state", "asked_at", "closed_at", "attempts", "why", "next_attempt_at"]
    list_filter = ["state", ProviderFilter]
    search_fields = ["key"]  # shows the field; what is searched stands below
    search_help_text = gettext_lazy("Search by the reference of a booking, or by the room’s key or number.")
    readonly_fields = ["booking", "why"]
    fields = (
        *("key", "booking", "provider", "connection", "generation", "external_id", "state"),
        *("asked_at", "made_at", "closed_at", "attempts", "why", "next_attempt_at"),
    )
    buttons = (Button("close", gettext_lazy("Close now"), _close, lambda room: room.state == State.CLOSING),)
    why = kept_column("last_error", gettext_lazy("why not yet closed"))

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Those to be closed first, then the latest."""
        return [Case(When(state=State.CLOSING, then=Value(0)), default=Value(1)).asc(), "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[VendorRoom]:
        found: QuerySet[VendorRoom] = super().get_queryset(request)
        return found.select_related("meeting__booking", "connection")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VendorRoom], search_term: str
    ) -> tuple[QuerySet[VendorRoom], bool]:
        """Find the rooms of one booking by its whole reference, else the one with that key or number."""
        term = search_term.strip()
        if not term:
            return queryset, False
        of_booking = queryset.filter(meeting__booking__reference=term.upper())
        if of_booking.exists():
            return of_booking, False
        return queryset.filter(key__iexact=term) | queryset.filter(external_id=term), False

    @admin.display(description=gettext_lazy("booking"))
    def booking(self, room: VendorRoom) -> str:
        return format_html('<span class="reference">{}</span>', room.meeting.booking.reference)
