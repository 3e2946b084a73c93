"""The history of everything, newest first. Nobody adds to it, alters or deletes it here."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bookings.admin.reading import ChangeColumns, ReadOnlyAdmin
from bookings.models import Change


@admin.register(Change)
class ChangeAdmin(ChangeColumns, ReadOnlyAdmin[Change]):
    list_display = ["at", "subject", "what_shown", "was_shown", "became_shown", "by", "why_shown"]
    list_filter = [("at", admin.DateFieldListFilter), "what"]
    list_select_related = ["who", "order", "booking"]
    search_fields = ["booking__reference", "order__reference", "who__email", "why"]
    fields = ["at", "subject", "what_shown", "was_shown", "became_shown", "by", "why_shown"]

    @admin.display(description=_("of"))
    def subject(self, change: Change) -> str:
        return str(change.booking or change.order)
