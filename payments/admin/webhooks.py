"""Messages of the gateways: raw, with what became of them."""

from __future__ import annotations

import json
from contextlib import suppress

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from bookings.kept import read_kept
from payments.models import WebhookEvent
from payments.webhooks import apply_event


def _apply(event: WebhookEvent, request: HttpRequest) -> str:
    apply_event(event.pk)
    event.refresh_from_db()
    return _("Tried again: %(state)s.") % {"state": event.get_state_display()}


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin[WebhookEvent], ButtonsAdmin):
    list_display = ["received_at", "gateway", "kind", "reference", "state", "attempts", "copies", "short_error"]
    list_filter = ["state", "gateway", "kind", ("received_at", admin.DateFieldListFilter)]
    search_fields = ["reference", "kind", "payment__order__reference", "error"]
    fieldsets = [
        (None, {"fields": ["gateway", "kind", "reference", "payment", "state", "error_shown"]}),
        (gettext_lazy("When"), {"fields": ["received_at", "copies", "attempts", "next_attempt_at", "applied_at"]}),
        (gettext_lazy("Raw body"), {"fields": ["raw_body"]}),
    ]
    readonly_fields = ["raw_body", "error_shown"]
    error_shown = kept_column("error", gettext_lazy("last error"))
    buttons = (Button("apply", gettext_lazy("Apply again"), _apply, lambda event: not event.is_settled),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Lists do without the bodies, which may be large."""
        events: QuerySet[WebhookEvent] = super().get_queryset(request)
        is_list = request.resolver_match is not None and not request.resolver_match.kwargs
        return events.defer("body") if is_list else events

    @admin.display(description=gettext_lazy("as it came"))
    def raw_body(self, event: WebhookEvent) -> str:
        """The body as text; JSON is indented, and what is no UTF-8 is shown as escapes."""
        text = bytes(event.body).decode("utf-8", "backslashreplace")
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return text

    @admin.display(description=gettext_lazy("last error"))
    def short_error(self, event: WebhookEvent) -> str:
        return read_kept(event.error)[:80]
