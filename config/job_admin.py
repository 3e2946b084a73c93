"""Background jobs to read: what runs, what waits, what failed and why not. Takes the place of the engine's own page.

That one carries inline styles, which the Content-Security-Policy refuses.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from bookings.admin.reading import ReadOnlyAdmin, ReadOnlyInline

STATUSES = {
    "todo": _("waiting"),
    "doing": _("running"),
    "succeeded": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "aborting": _("being stopped"),
    "aborted": _("stopped"),
}


class JobEventInline(ReadOnlyInline):
    model = ProcrastinateEvent
    readonly_fields = ["type", "at"]
    fields = ("type", "at")
    ordering = ["at", "id"]
    verbose_name_plural = _("what happened")


class StatusFilter(admin.SimpleListFilter):
    """Django's own filter would ask PostgreSQL for words that its type does not know."""

    title = _("status")
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, str(STATUSES.get(status, status))) for status in ProcrastinateJob.STATUSES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProcrastinateJob]) -> QuerySet[ProcrastinateJob]:
        return queryset.filter(status=self.value()) if self.value() in ProcrastinateJob.STATUSES else queryset


class JobAdmin(ReadOnlyAdmin[ProcrastinateJob]):
    list_display = ["id", "task", "arguments", "state", "attempts", "scheduled_at", "last_event_at"]
    list_filter = [StatusFilter, "task_name"]
    search_fields = ["task_name", "id"]
    ordering = ["-id"]
    inlines = [JobEventInline]
    readonly_fields = [
        *("id", "task", "arguments", "state", "attempts"),
        *("scheduled_at", "last_event_at", "queue_name", "priority", "lock", "queueing_lock"),
    ]
    fields = tuple(readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProcrastinateJob]:
        return super().get_queryset(request).annotate(last_event=Max("procrastinateevent__at"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ProcrastinateJob | None:
        """Return the job with what may be shown of it: a job's own name spells out its arguments."""
        job = super().get_object(request, object_id, from_field)
        if job is not None:
            job.args = _fit_to_show(job.args)
        return job

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Jobs"), **(extra_context or {})})

    @admin.display(description=_("task"), ordering="task_name")
    def task(self, job: ProcrastinateJob) -> str:
        return job.task_name

    @admin.display(description=_("status"), ordering="status")
    def state(self, job: ProcrastinateJob) -> str:
        return str(STATUSES.get(job.status, job.status))

    @admin.display(description=_("arguments"))
    def arguments(self, job: ProcrastinateJob) -> str:
        return json.dumps(_fit_to_show(job.args), ensure_ascii=False)[:300]

    @admin.display(description=_("last event at"), ordering="last_event")
    def last_event_at(self, job: ProcrastinateJob) -> object:
        return getattr(job, "last_event", None)


def _fit_to_show(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers, and the subject of a mail. A mail's text may open an account, a token a payment page."""
    return {name: _shown(value) for name, value in arguments.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, dict) and "subject" in value:
        return {"subject": value["subject"]}
    return value if isinstance(value, int) else "…"


admin.site.unregister(ProcrastinateJob)
admin.site.register(ProcrastinateJob, JobAdmin)
