"""What the admin sees of money: everything, read-only. Buttons call the verbs that jobs and pages call."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bookings.errors import DomainError
from bookings.models import User
from payments.inquiries import ask_gateway
from payments.models import Payment, Refund, WebhookEvent
from payments.refunds import record_refund_sent_by_hand
from payments.webhooks import apply_event, describe


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that only verbs may change. `button` is the one thing that a person can do to a row."""

    change_form_template = "payments/admin/change_form.html"
    list_per_page = 50
    actions = None
    button_label: Any = ""
    button_field: Any = ""  # a text that the person must give

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_press(self, request: HttpRequest, row: Any) -> bool:
        """Say whether this person may use the button: it needs the permission to change such rows."""
        return bool(self.button_label) and super().has_change_permission(request, row) and self.has_use(row)

    def has_use(self, row: Any) -> bool:
        """Say whether the button would do anything to this row."""
        return True

    def press(self, row: Any, *, who: User, text: str) -> str:
        """Do it; return the sentence that tells of it. Raises DomainError."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self._press_view))
        return [path("<path:object_id>/press/", view, name=self._name("press")), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        button = {}
        if row is not None and self.may_press(request, row):
            url = reverse(f"admin:{self._name('press')}", args=[row.pk])
            button = {"button_url": url, "button_label": self.button_label, "button_field": self.button_field}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **button})

    def _press_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = get_object_or_404(self.get_queryset(request), pk=unquote(object_id))
        if not self.may_press(request, row) or not isinstance(request.user, User):
            raise PermissionDenied
        try:
            told = self.press(row, who=request.user, text=request.POST.get("text", ""))
            self.message_user(request, told, messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, describe(error), messages.ERROR)
        return HttpResponseRedirect(reverse(f"admin:{self._name('change')}", args=[row.pk]))

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"


class RefundLines(admin.TabularInline[Refund, Payment]):
    model = Refund
    fields = ("reference", "money", "reason", "status", "created_at", "finished_at", "note")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ["reference", "order", "payer", "gateway", "money", "status", "created_at", "note"]
    list_filter = ["status", "gateway", "currency", "created_at"]
    search_fields = ["reference", "external_id", "order__reference", "order__payer__email", "order__payer__full_name"]
    search_help_text = gettext_lazy("Search by our reference, the gateway's number, the order, or the payer.")
    list_select_related = ["order__payer"]
    date_hierarchy = "created_at"
    exclude = ["amount", "currency", "received_amount", "received_currency", "checkout_token", "checkout_url"]
    readonly_fields = ["reference", "payer", "money", "received"]
    inlines = [RefundLines]
    button_label = gettext_lazy("Ask the gateway now")

    @admin.display(description=gettext_lazy("payer"), ordering="order__payer__email")
    def payer(self, payment: Payment) -> str:
        return payment.order.payer.email

    def press(self, row: Payment, *, who: User, text: str) -> str:
        report = ask_gateway(row)
        return _("The gateway says: %(word)s.") % {"word": report.status or report.detail or report.outcome.value}


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["reference", "payment", "payer", "money", "reason", "status", "created_at", "finished_at"]
    list_filter = ["status", "reason", "created_at"]
    search_fields = ["reference", "payment__reference", "payment__order__reference", "payment__order__payer__email"]
    list_select_related = ["payment__order__payer"]
    exclude = ["amount"]
    readonly_fields = ["reference", "payer", "money"]
    button_label = gettext_lazy("Record as sent back by hand")
    button_field = gettext_lazy("How and when was it sent?")

    @admin.display(description=gettext_lazy("payer"), ordering="payment__order__payer__email")
    def payer(self, refund: Refund) -> str:
        return refund.payment.order.payer.email

    def has_use(self, row: Refund) -> bool:
        return row.is_open

    def press(self, row: Refund, *, who: User, text: str) -> str:
        record_refund_sent_by_hand(row, who=who, note=text)
        return _("Recorded: the money is back with the payer.")


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "gateway", "kind", "reference", "state", "attempts", "copies", "short_error"]
    list_filter = ["state", "gateway", "kind", "received_at"]
    search_fields = ["reference", "kind", "payment__order__reference", "error"]
    exclude = ["body"]
    readonly_fields = ["raw_body"]
    button_label = gettext_lazy("Apply again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows = super().get_queryset(request)
        return rows if request.resolver_match and "object_id" in request.resolver_match.kwargs else rows.defer("body")

    @admin.display(description=gettext_lazy("raw body"))
    def raw_body(self, event: WebhookEvent) -> str:
        """The body as text; JSON is indented, and what is no UTF-8 is shown as escapes."""
        text = bytes(event.body).decode("utf-8", "backslashreplace")
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return text

    @admin.display(description=gettext_lazy("last error"))
    def short_error(self, event: WebhookEvent) -> str:
        return event.error[:80]

    def has_use(self, row: WebhookEvent) -> bool:
        return not row.is_settled

    def press(self, row: WebhookEvent, *, who: User, text: str) -> str:
        apply_event(row.pk)
        row.refresh_from_db()
        return _("Tried again: %(state)s.") % {"state": row.get_state_display()}
