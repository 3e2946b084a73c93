"""Pages of the admin on which nothing can be changed: what happens there is the work of verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bookings.history import describe_subject, describe_value
from bookings.kept import read_kept
from bookings.models import Change

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

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


def kept_column(name: str, description: StrPromise) -> Callable[[Any, Model], str]:
    """Return a column for what a row keeps in English, such as why a payment needs a look, said to the reader."""

    @admin.display(description=description)
    def shown(self: Any, row: Model) -> str:
        return read_kept(getattr(row, name))

    return shown


class ChangeColumns:
    """A line of history in the words of the site instead of its codes."""

    @admin.display(description=_("who"))
    def by(self, change: Change) -> str:
        return str(change.who) if change.who else str(_("the site"))

    why_shown = kept_column("why", _("why"))

    @admin.display(description=_("what"), ordering="what")
    def what_shown(self, change: Change) -> str:
        return describe_subject(change)

    @admin.display(description=pgettext_lazy("a change", "from"))
    def was_shown(self, change: Change) -> str:
        return describe_value(change, change.was)

    @admin.display(description=pgettext_lazy("a change", "to"))
    def became_shown(self, change: Change) -> str:
        return describe_value(change, change.became)


class HistoryInline(ChangeColumns, ReadOnlyInline):
    """The history of an order or a booking, in the order in which it happened."""

    model = Change
    readonly_fields = ["at", "what_shown", "was_shown", "became_shown", "by", "why_shown"]
    fields = ("at", "what_shown", "was_shown", "became_shown", "by", "why_shown")
    ordering = ["id"]
    verbose_name_plural = _("history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        changes: QuerySet[Change] = super().get_queryset(request)
        return changes.select_related("who", "order", "booking")
