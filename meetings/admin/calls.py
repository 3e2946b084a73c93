"""Calls to providers, to read: found by provider, outcome, day and the booking's reference."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bookings.admin.reading import ReadOnlyAdmin
from meetings.models import ProviderCall
from meetings.providers import provider_label

ASKED = ["create", "move", "cancel", "check", "end", "enter", "find", "list", "refresh"]


@admin.display(description=_("provider"), ordering="provider")
def provider_shown(row: Any) -> str:
    """The column of a list that names the row's provider as people know it."""
    return str(provider_label(row.provider))


class ProviderFilter(admin.SimpleListFilter):
    """The providers of this site: Django's own filter would read every row to know them."""

    title = _("provider")
    parameter_name = "provider__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, provider_label(name)) for name in settings.MEETING_PROVIDERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class WhatFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "what__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(what, what) for what in ASKED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderCall]) -> QuerySet[ProviderCall]:
        return queryset.filter(what=self.value()) if self.value() else queryset


@admin.register(ProviderCall)
class ProviderCallAdmin(ReadOnlyAdmin[ProviderCall]):
    list_display = ["began_at", provider_shown, "what", "outcome", "took", "attempt", "booking", "code", "detail"]
    list_filter = ["outcome", ProviderFilter, WhatFilter, "began_at"]
    list_select_related = ["meeting__booking"]
    search_fields = ["code"]  # shows the field; what is searched stands below
    search_help_text = _("Search by the reference of a booking, or by the vendor’s code.")
    ordering = ["-began_at", "-id"]
    readonly_fields = ["booking", "took"]
    fields = (
        *("began_at", "provider", "what", "outcome", "took", "attempt", "booking", "connection"),
        *("http_status", "code", "detail", "paused_until"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCall]:
        found: QuerySet[ProviderCall] = super().get_queryset(request)
        return found.select_related("meeting__booking", "connection")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ProviderCall], search_term: str
    ) -> tuple[QuerySet[ProviderCall], bool]:
        """Find the calls of one booking, by its whole reference in either case, else those with that code."""
        term = search_term.strip()
        if not term:
            return queryset, False
        of_booking = queryset.filter(meeting__booking__reference=term.upper())
        return (of_booking if of_booking.exists() else queryset.filter(code__iexact=term)), False

    @admin.display(description=_("took"), ordering="seconds")
    def took(self, call: ProviderCall) -> str:
        return f"{call.seconds:.2f}\u00a0s"

    @admin.display(description=_("booking"))
    def booking(self, call: ProviderCall) -> str:
        return format_html('<span class="reference">{}</span>', call.meeting.booking.reference) if call.meeting else "–"
