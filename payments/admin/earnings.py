"""The tutors' accounts, line by line."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.admin.bookings import TutorFilter
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from bookings.money import Money
from payments.admin.statements import StatementPages
from payments.earnings import held_back
from payments.models import Earning, Payout


class StateFilter(admin.SimpleListFilter):
    """Where the money of a line is."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("held", _("Held for some days")),
            ("looked_at", _("Held: the payment is looked into")),
            ("due", _("Due")),
            ("open", _("In a payout that is not paid")),
            ("paid", _("Paid out")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Earning]) -> QuerySet[Earning]:
        free, now = queryset.filter(payout=None), timezone.now()
        asked = str(self.value())
        if asked == "looked_at":
            return free.filter(held_back())
        if asked == "due":
            return free.filter(~held_back(), due_at__lte=now)
        if asked == "held":
            return free.exclude(due_at__lte=now)
        return queryset.filter(payout__status=asked) if asked in Payout.Status.values else queryset


@admin.register(Earning)
class EarningAdmin(ReadOnlyAdmin[Earning], StatementPages):
    list_display = ["created_at", "tutor", "booking", "kind", "gross_shown", "fee_shown", "net_shown", "due_at", "payout"]
    list_filter = [StateFilter, "kind", "currency", ("due_at", admin.DateFieldListFilter), TutorFilter]
    list_select_related = ["tutor__user", "booking", "payout"]
    search_fields = ["booking__reference", "booking__order__reference", "tutor__user__email", "payout__reference"]
    search_help_text = _("The session, its order, the tutor’s address, or the payout.")
    fields = ["tutor", "booking", "kind", "gross_shown", "fee_percent", "fee_shown", "net_shown", "why_shown"]
    fields += ["created_at", "due_at", "payout"]
    readonly_fields = ["gross_shown", "fee_shown", "net_shown", "why_shown"]
    why_shown = kept_column("why", _("why"))

    @admin.display(description=_("what stays of the price"), ordering="gross")
    def gross_shown(self, line: Earning) -> str:
        return str(Money(line.gross, line.currency))

    @admin.display(description=_("fee of the site"), ordering="fee")
    def fee_shown(self, line: Earning) -> str:
        return str(Money(line.fee, line.currency))

    @admin.display(description=_("for the tutor"), ordering="net")
    def net_shown(self, line: Earning) -> str:
        return str(line.money)
