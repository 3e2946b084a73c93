"""Money on its way back: what needs a person comes first, with everything that it takes to do it by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin, person_of
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from payments.dashboard import refunds_for_a_person
from payments.inquiries import ask_gateway
from payments.models import Refund
from payments.refund_decisions import drop_refund, record_refund_sent_by_hand, send_refund_now, try_refund_again

MOST_WAITING = 20  # of those that need a person, above the list


def _said(refund: Refund) -> str:
    refund.refresh_from_db()
    return _("This refund is now: %(state)s.") % {"state": refund.get_status_display()}


def _send(refund: Refund, request: HttpRequest) -> str:
    return _said(send_refund_now(refund))


def _look(refund: Refund, request: HttpRequest) -> str:
    ask_gateway(refund.payment)
    return _said(refund)


def _again(refund: Refund, request: HttpRequest) -> str:
    return _said(send_refund_now(try_refund_again(refund, who=person_of(request))))


def _record(refund: Refund, request: HttpRequest) -> str:
    record_refund_sent_by_hand(refund, who=person_of(request), note=request.POST.get("text", ""))
    return _("Recorded: the money is back with the payer.")


def _drop(refund: Refund, request: HttpRequest) -> str:
    drop_refund(refund, who=person_of(request), why=request.POST.get("text", ""))
    return _("Recorded: nothing more is sent back by this refund.")


class NeedFilter(admin.SimpleListFilter):
    """What has to be done, and by whom."""

    title = gettext_lazy("what is to be done")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("person", gettext_lazy("needs a person")),
            ("gateway", gettext_lazy("the gateway is asked")),
            ("nothing", gettext_lazy("nothing: it has arrived, or was given up")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        person = Refund.objects.needing_person().values("pk")
        under_way = [Refund.Status.PENDING, Refund.Status.SUBMITTED]
        if self.value() == "person":
            return queryset.filter(pk__in=person)
        if self.value() == "gateway":
            return queryset.filter(status__in=under_way)
        if self.value() == "nothing":
            return queryset.exclude(pk__in=person).exclude(status__in=under_way)
        return queryset


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin[Refund], ButtonsAdmin):
    change_list_template = "admin/payments/refund_list.html"
    list_display = ["reference", "status", "money", "payer", "reason", "order_story", "created_at"]
    list_filter = [NeedFilter, "status", "reason", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["payment__order__payer"]
    search_fields = [
        "reference",
        "external_id",
        "receipt_number",
        "payment__reference",
        "payment__order__reference",
        "payment__order__payer__email",
    ]
    search_help_text = gettext_lazy("Its reference, the gateway's number, the payment, the order, or the payer.")
    fieldsets = [
        (None, {"fields": ["reference", "status", "note_shown", "money", "payer_named", "order_story"]}),
        (gettext_lazy("Why"), {"fields": ["reason", "booking", "why", "asked_by"]}),
        (
            gettext_lazy("How it was paid"),
            {"fields": ["payment", "gateway", "method", "payment_number", "received", "paid_at"]},
        ),
        (
            gettext_lazy("Sending"),
            {"fields": ["external_id", "round", "attempts", "next_attempt_at", "submitted_at", "finished_at"]},
        ),
        (gettext_lazy("Books"), {"fields": ["receipt_number", "created_at"]}),
    ]
    readonly_fields = [
        "payer_named",
        "money",
        "note_shown",
        "order_story",
        "gateway",
        "method",
        "payment_number",
        "received",
        "paid_at",
    ]
    note_shown = kept_column("note", gettext_lazy("what is to be done, or was"))
    buttons = (
        Button("send", gettext_lazy("Send it now"), _send, lambda refund: refund.status == Refund.Status.PENDING),
        Button("again", gettext_lazy("Try it again at the gateway"), _again, lambda refund: refund.needs_person),
        Button("look", gettext_lazy("Look at the gateway"), _look, lambda refund: refund.is_open),
        Button(
            "record",
            gettext_lazy("Record as sent back by hand"),
            _record,
            lambda refund: refund.is_open,
            asks=gettext_lazy("How and when was it sent?"),
        ),
        Button(
            "drop",
            gettext_lazy("Do not send it"),
            _drop,
            lambda refund: refund.needs_person,
            asks=gettext_lazy("Why does nothing go back?"),
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the refunds that need a person above the list, whatever page of it is looked at."""
        waiting = list(refunds_for_a_person()[:MOST_WAITING]) if self.has_view_permission(request) else []
        return super().changelist_view(request, {**(extra_context or {}), "waiting": waiting})

    @admin.display(description=gettext_lazy("order"), ordering="payment__order__reference")
    def order_story(self, refund: Refund) -> str:
        """The way to everything about its order."""
        reference = refund.payment.order.reference
        return format_html('<a href="{}">{}</a>', reverse("admin:payments_order_story", args=[reference]), reference)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, refund: Refund) -> str:
        return str(refund.money)

    @admin.display(description=gettext_lazy("payer"), ordering="payment__order__payer__email")
    def payer(self, refund: Refund) -> str:
        return refund.payment.order.payer.email

    @admin.display(description=gettext_lazy("payer"))
    def payer_named(self, refund: Refund) -> str:
        payer = refund.payment.order.payer
        return f"{payer.get_full_name()} <{payer.email}>"

    @admin.display(description=gettext_lazy("gateway"))
    def gateway(self, refund: Refund) -> str:
        return refund.payment.gateway

    @admin.display(description=gettext_lazy("paid by"))
    def method(self, refund: Refund) -> str:
        return refund.payment.method or "–"

    @admin.display(description=gettext_lazy("the payment's number at the gateway"))
    def payment_number(self, refund: Refund) -> str:
        return refund.payment.external_id or "–"

    @admin.display(description=gettext_lazy("amount received"))
    def received(self, refund: Refund) -> str:
        return str(refund.payment.money_held)

    @admin.display(description=gettext_lazy("paid at"))
    def paid_at(self, refund: Refund) -> str:
        paid_at = refund.payment.succeeded_at
        return date_format(timezone.localtime(paid_at), "DATETIME_FORMAT") if paid_at else "–"
