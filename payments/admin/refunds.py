"""Money on its way back."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from bookings.models import User
from payments.models import Refund
from payments.refund_decisions import record_refund_sent_by_hand


def _record(refund: Refund, request: HttpRequest) -> str:
    assert isinstance(request.user, User)  # noqa: S101 - the admin has seen to it
    record_refund_sent_by_hand(refund, who=request.user, note=request.POST.get("text", ""))
    return _("Recorded: the money is back with the payer.")


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin[Refund], ButtonsAdmin):
    list_display = ["reference", "payment", "payer", "money", "reason", "status", "created_at", "finished_at"]
    list_filter = ["status", "reason", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["payment__order__payer"]
    search_fields = ["reference", "payment__reference", "payment__order__reference", "payment__order__payer__email"]
    fields = ["reference", "payment", "payer", "money", "reason", "status", "created_at", "finished_at", "note_shown"]
    readonly_fields = ["payer", "money", "note_shown"]
    note_shown = kept_column("note", gettext_lazy("note"))
    buttons = (
        Button(
            "record",
            gettext_lazy("Record as sent back by hand"),
            _record,
            lambda refund: refund.is_open,
            asks=gettext_lazy("How and when was it sent?"),
        ),
    )

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, refund: Refund) -> str:
        return str(refund.money)

    @admin.display(description=gettext_lazy("payer"), ordering="payment__order__payer__email")
    def payer(self, refund: Refund) -> str:
        return refund.payment.order.payer.email
