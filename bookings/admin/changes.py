"""The history of everything, newest first. Nobody adds to it, alters or deletes it here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.admin.reading import ChangeColumns, ReadOnlyAdmin
from bookings.history import SUBJECTS
from bookings.models import Change


class SubjectFilter(admin.SimpleListFilter):
    """What lines are about, in the reader's language: rows keep it in English."""

    title, parameter_name = _("what"), "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(SUBJECTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        return queryset.filter(what=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ChangeColumns, ReadOnlyAdmin[Change]):
    list_display = ["at", "subject", "what_shown", "was_shown", "became_shown", "by", "why_shown"]
    list_filter = [("at", admin.DateFieldListFilter), SubjectFilter]
    list_select_related = ["who", "order", "booking"]
    search_fields = ["booking__reference", "order__reference", "who__email", "why"]
    fields = ["at", "subject", "what_shown", "was_shown", "became_shown", "by", "why_shown"]

    @admin.display(description=_("of"))
    def subject(self, change: Change) -> str:
        return str(change.booking or change.order)
