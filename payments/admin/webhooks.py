"""Messages of the gateways: raw, with what became of them, to be applied again: one, those chosen, or all that failed."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin, kept_column
from bookings.errors import DomainError
from bookings.kept import read_kept
from payments.inbox import count_unapplied, put_in_line
from payments.models import WebhookEvent
from payments.webhooks import apply_event_again, describe

SEVERAL = gettext_lazy("Apply the chosen messages again")


def _apply(event: WebhookEvent, request: HttpRequest) -> str:
    try:
        apply_event_again(event.pk)
    except DomainError:
        raise
    except Exception as error:  # of whatever kind: it stands in the log, and the message stays in line
        raise DomainError(_("It cannot be applied (%(error)s). It stays in line.") % {"error": describe(error)}) from error
    event.refresh_from_db(fields=["state"])
    return _("Tried again: %(state)s.") % {"state": event.get_state_display()}


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin[WebhookEvent], ButtonsAdmin):
    change_list_template = "admin/payments/webhookevent/change_list.html"
    list_display = ["received_at", "state", "reference", "kind", "short_error", "gateway", "attempts", "copies"]
    list_filter = ["state", "gateway", "kind", ("received_at", admin.DateFieldListFilter)]
    search_fields = ["reference", "kind", "payment__order__reference", "error"]
    search_help_text = gettext_lazy("The payment's or the order's reference, the kind, or words of the error.")
    fieldsets = [
        (None, {"fields": ["gateway", "kind", "reference", "payment", "state", "error_shown"]}),
        (gettext_lazy("When"), {"fields": ["received_at", "copies", "attempts", "next_try_at", "applied_at"]}),
        (gettext_lazy("Raw body"), {"fields": ["raw_body"]}),
    ]
    readonly_fields = ["raw_body", "error_shown", "next_try_at"]
    error_shown = kept_column("error", gettext_lazy("last error"))
    buttons = (Button("apply", gettext_lazy("Apply again"), _apply, lambda event: not event.is_emptied),)
    actions = ["apply_chosen"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.apply_failed_view)
        return [path("apply-failed/", view, name="payments_webhookevent_apply_failed"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Lists do without the bodies, which may be large."""
        events: QuerySet[WebhookEvent] = super().get_queryset(request)
        is_list = request.resolver_match is not None and not request.resolver_match.kwargs
        return events.defer("body") if is_list else events

    def get_fieldsets(self, request: HttpRequest, obj: WebhookEvent | None = None) -> Any:
        """The body names people and how they pay: only who may work on messages reads it."""
        return self.fieldsets if self.may_press(request) else self.fieldsets[:-1]

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if self.may_press(request) else {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        facts = {"unapplied": count_unapplied(), "in_line": _jobs_in_line(), "may_press": self.may_press(request)}
        return super().changelist_view(request, {**facts, **(extra_context or {})})

    @admin.action(description=SEVERAL)
    def apply_chosen(self, request: HttpRequest, chosen: QuerySet[WebhookEvent]) -> None:
        """Put those of them that are not applied yet in line."""
        if not self.may_press(request):
            raise PermissionDenied
        count = put_in_line(WebhookEvent.objects.filter(pk__in=chosen.order_by().values("pk")))
        self._tell(request, count)

    def apply_failed_view(self, request: HttpRequest) -> HttpResponse:
        """Ask, with the number of them, then put all messages that failed in line."""
        if not self.may_press(request):
            raise PermissionDenied
        failed = WebhookEvent.objects.filter(state=WebhookEvent.State.FAILED)
        if request.method == "POST":
            self._tell(request, put_in_line(failed))
            return redirect("admin:payments_webhookevent_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Apply all that failed"),
            "count": failed.count(),
        }
        return TemplateResponse(request, "admin/payments/webhookevent/apply_failed.html", context)

    def _tell(self, request: HttpRequest, count: int) -> None:
        if not count:
            self.message_user(request, _("None of these messages waits to be applied."), messages.WARNING)
            return
        said = ngettext("%(count)s message is applied again now.", "%(count)s messages are applied again now.", count)
        self.message_user(request, said % {"count": count}, messages.SUCCESS)

    @admin.display(description=gettext_lazy("next try at"))
    def next_try_at(self, event: WebhookEvent) -> datetime | None:
        return None if event.is_settled else event.next_attempt_at

    @admin.display(description=gettext_lazy("as it came"))
    def raw_body(self, event: WebhookEvent) -> str:
        """The body as text; JSON is indented, and what is no UTF-8 is shown as escapes."""
        if event.is_emptied:
            return _("Deleted for its age. The rest of the message is kept, so that a copy of it is still known as one.")
        text = bytes(event.body).decode("utf-8", "backslashreplace")
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        # Half a letter may hide in JSON as an escape, and cannot be sent to a browser.
        return text.encode("utf-8", "backslashreplace").decode()

    @admin.display(description=gettext_lazy("last error"))
    def short_error(self, event: WebhookEvent) -> str:
        return read_kept(event.error)[:80]


def _jobs_in_line() -> int:
    """Return how many messages the workers have before them."""
    jobs = ProcrastinateJob.objects.filter(task_name="payments.apply_webhook_event", status__in=["todo", "doing"])
    return jobs.count()
