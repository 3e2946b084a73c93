"""What payers' banks take back, or ask for: open ones first, with the two ways in which they end."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin, person_of
from bookings.admin.reading import ReadOnlyAdmin
from payments.disputes import decide_dispute
from payments.inquiries import ask_gateway
from payments.models import Dispute


def _said(dispute: Dispute) -> str:
    dispute.refresh_from_db()
    return _("This dispute is now: %(state)s.") % {"state": dispute.get_status_display()}


def _look(dispute: Dispute, request: HttpRequest) -> str:
    ask_gateway(dispute.payment)
    return _said(dispute)


def _decide(status: Dispute.Status, dispute: Dispute, request: HttpRequest) -> str:
    return _said(decide_dispute(dispute, status=status, who=person_of(request), why=request.POST.get("text", "")))


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin[Dispute], ButtonsAdmin):
    list_display = ["payment", "status", "money", "reason", "payer", "order_story", "opened_at", "closed_at"]
    list_filter = ["status", "payment__gateway", ("opened_at", admin.DateFieldListFilter)]
    list_select_related = ["payment__order__payer"]
    search_fields = ["external_id", "payment__reference", "payment__order__reference", "payment__order__payer__email"]
    search_help_text = gettext_lazy("The gateway's number, the payment, the order, or the payer.")
    fieldsets = [
        (None, {"fields": ["payment", "status", "money", "reason", "payer", "order_story", "note"]}),
        (gettext_lazy("At the gateway"), {"fields": ["gateway", "external_id", "gateway_status"]}),
        (gettext_lazy("When"), {"fields": ["opened_at", "closed_at", "created_at"]}),
    ]
    readonly_fields = ["money", "payer", "order_story", "gateway"]
    buttons = (
        Button("look", gettext_lazy("Look at the gateway"), _look, lambda dispute: dispute.is_open),
        Button(
            "won",
            gettext_lazy("Won: the money stays"),
            partial(_decide, Dispute.Status.WON),
            lambda dispute: dispute.is_open,
            asks=gettext_lazy("How do you know?"),
        ),
        Button(
            "lost",
            gettext_lazy("Lost: the money is gone"),
            partial(_decide, Dispute.Status.LOST),
            lambda dispute: dispute.is_open,
            is_final=True,
            asks=gettext_lazy("How do you know?"),
        ),
    )

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """The open ones first, the newest of each on top."""
        return [F("closed_at").desc(nulls_first=True), "-id"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, dispute: Dispute) -> str:
        return str(dispute.money)

    @admin.display(description=gettext_lazy("payer"), ordering="payment__order__payer__email")
    def payer(self, dispute: Dispute) -> str:
        return dispute.payment.order.payer.email

    @admin.display(description=gettext_lazy("gateway"))
    def gateway(self, dispute: Dispute) -> str:
        return dispute.payment.gateway

    @admin.display(description=gettext_lazy("order"), ordering="payment__order__reference")
    def order_story(self, dispute: Dispute) -> str:
        """The way to everything about its order."""
        reference = dispute.payment.order.reference
        return format_html('<a href="{}">{}</a>', reverse("admin:payments_order_story", args=[reference]), reference)
