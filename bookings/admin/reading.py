"""Pages of the admin on which nothing can be changed: what happens there is the work of verbs."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bookings.history import describe_value
from bookings.models import Change

M = TypeVar("M", bound=Model)


class _NothingChanges:
    """Refuse to add, change and delete; who may view may still view."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_NothingChanges, admin.ModelAdmin[M]):
    list_per_page = 50
    view_on_site = False  # the site shows rows to their own people only
    show_full_result_count = False  # counting a large table costs more than it tells


class ReadOnlyInline(_NothingChanges, admin.TabularInline[Any, Any]):
    template = "admin/_rows.html"
    extra = 0
    can_delete = False
    view_on_site = False


class ChangeColumns:
    """A line of history in the words of the site instead of its codes."""

    @admin.display(description=_("who"))
    def by(self, change: Change) -> str:
        return str(change.who) if change.who else str(_("the site"))

    @admin.display(description=_("from"))
    def was_shown(self, change: Change) -> str:
        return describe_value(change, change.was)

    @admin.display(description=_("to"))
    def became_shown(self, change: Change) -> str:
        return describe_value(change, change.became)


class HistoryInline(ChangeColumns, ReadOnlyInline):
    """The history of an order or a booking, in the order in which it happened."""

    model = Change
    readonly_fields = ["at", "what", "was_shown", "became_shown", "by", "why"]
    fields = ("at", "what", "was_shown", "became_shown", "by", "why")
    ordering = ["id"]
    verbose_name_plural = _("history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        changes: QuerySet[Change] = super().get_queryset(request)
        return changes.select_related("who", "order", "booking")
