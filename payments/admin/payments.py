"""Attempts to pay, with the money that went back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin, person_of
from bookings.admin.reading import ReadOnlyAdmin, ReadOnlyInline, kept_column
from bookings.money import Money
from payments.admin.order_story import OrderStoryPage
from payments.admin.refunding import RefundPage
from payments.closing import close_attempt
from payments.dashboard import payments_to_look_at
from payments.inquiries import ask_gateway
from payments.models import Payment, Refund
from payments.reviews import accept_payment, may_be_accepted, may_be_returned, return_payment

MOST_WAITING = 20  # of those that need a person, above the list


def _ask(payment: Payment, request: HttpRequest) -> str:
    report = ask_gateway(payment)
    return _("The gateway says: %(word)s.") % {"word": report.status or report.detail or report.outcome.value}


def _close(payment: Payment, request: HttpRequest) -> str:
    report = close_attempt(payment)
    payment.refresh_from_db()
    if payment.has_money:
        return _("It was paid before it could be closed: %(state)s.") % {"state": payment.get_status_display()}
    if payment.closed_at is None:
        return _("It is not closed yet. The gateway says: %(word)s.") % {"word": report.status or report.outcome.value}
    return _("Its page is closed: nobody can pay on it any more.")


def _accept(payment: Payment, request: HttpRequest) -> str:
    accepted = accept_payment(payment, who=person_of(request), why=request.POST.get("text", ""))
    return _("Accepted. The order is: %(state)s.") % {"state": accepted.order.get_status_display()}


def _return(payment: Payment, request: HttpRequest) -> str:
    refund = return_payment(payment, who=person_of(request), why=request.POST.get("text", ""))
    if refund is None:
        return _("Nothing is to be sent: all of it has gone back already.")
    return _("%(money)s is to be sent back (%(reference)s).") % {"money": refund.money, "reference": refund.reference}


def _has_open_page(payment: Payment) -> bool:
    return payment.status in Payment.UNPAID and payment.checkout_url != "" and payment.closed_at is None


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ("reference", "money", "reason", "status", "created_at", "finished_at", "note_shown")
    readonly_fields = ("reference", "money", "created_at", "note_shown")
    show_change_link = True
    note_shown = kept_column("note", gettext_lazy("note"))

    @admin.display(description=gettext_lazy("amount"))
    def money(self, refund: Refund) -> str:
        return str(refund.money)


@admin.register(Payment)
class PaymentAdmin(OrderStoryPage, RefundPage, ReadOnlyAdmin[Payment], ButtonsAdmin):
    change_form_template = "admin/payments/payment.html"
    change_list_template = "admin/payments/payment_list.html"
    list_display = ["reference", "order_story", "status", "money", "goes_back", "payer", "created_at", "gateway"]
    list_filter = ["status", "gateway", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["order__payer"]
    search_fields = ["reference", "external_id", "order__reference", "order__payer__email", "order__payer__full_name"]
    search_help_text = gettext_lazy("Our reference, the gateway's number, the order, or the payer.")
    inlines = [RefundInline]
    fieldsets = [
        (None, {"fields": ["reference", "order_link", "payer", "status", "note_shown"]}),
        (gettext_lazy("Money"), {"fields": ["money", "received", "goes_back", "gateway", "method", "external_id"]}),
        (gettext_lazy("When"), {"fields": ["created_at", "expires_at", "succeeded_at"]}),
        (
            gettext_lazy("Questions to the gateway"),
            {"fields": ["checked_at", "checks", "next_check_at", "superseded_at", "closed_at"]},
        ),
    ]
    readonly_fields = ["order_link", "payer", "money", "received", "goes_back", "note_shown"]
    buttons = (
        Button("ask", gettext_lazy("Ask the gateway now"), _ask, lambda payment: True),
        Button("close", gettext_lazy("Close its page at the gateway"), _close, _has_open_page),
        Button("accept", gettext_lazy("Accept as it is"), _accept, may_be_accepted, asks=gettext_lazy("Why is it right?")),
        Button("return", gettext_lazy("Send it back"), _return, may_be_returned, asks=gettext_lazy("Why does it go back?")),
    )

    note_shown = kept_column("note", gettext_lazy("what happened"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the payments that need a person above the list, whatever page of it is looked at."""
        waiting = list(payments_to_look_at()[:MOST_WAITING]) if self.has_view_permission(request) else []
        return super().changelist_view(request, {**(extra_context or {}), "waiting": waiting})

    @admin.display(description=gettext_lazy("order"), ordering="order__reference")
    def order_story(self, payment: Payment) -> str:
        """The way to everything about its order."""
        where = reverse("admin:payments_order_story", args=[payment.order.reference])
        return format_html('<a href="{}">{}</a>', where, payment.order.reference)

    @admin.display(description=gettext_lazy("order"))
    def order_link(self, payment: Payment) -> str:
        return self.order_story(payment)

    @admin.display(description=gettext_lazy("goes back"), ordering="refunded_amount")
    def goes_back(self, payment: Payment) -> str:
        """What has gone back of it, or is to."""
        back = Money(payment.refunded_amount, payment.money_held.currency)
        return "–" if back.is_zero else str(back)

    @admin.display(description=gettext_lazy("amount asked"), ordering="amount")
    def money(self, payment: Payment) -> str:
        return str(payment.money)

    @admin.display(description=gettext_lazy("amount received"))
    def received(self, payment: Payment) -> str:
        return str(payment.received or "–")

    @admin.display(description=gettext_lazy("payer"), ordering="order__payer__email")
    def payer(self, payment: Payment) -> str:
        return payment.order.payer.email
