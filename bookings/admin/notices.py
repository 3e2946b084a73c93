"""Who was told what, and how the mail about it fared. Read here; a button mails a notice once more."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin
from bookings.letters import write_letter
from bookings.models import Notice
from bookings.notice_mails import LOST_AFTER, STAMP, send_again

STATES = {
    "sent": (gettext_lazy("sent"), Q(sent_at__isnull=False)),
    "dropped": (gettext_lazy("not sent: no longer true"), Q(dropped_at__isnull=False)),
    "late": (gettext_lazy("not sent yet, late"), Q(sent_at=None, dropped_at=None)),
}


def mail_state(notice: Notice) -> str:
    """Return how the mail fared, in words."""
    if notice.sent_at:
        return _("sent")
    if notice.dropped_at:
        return _("not sent: no longer true")
    if notice.mailed_at:
        return _("waits for the mail server")
    return _("waits for a worker")


def mail_jobs(notice: Notice) -> QuerySet[ProcrastinateJob]:
    """Return the jobs that have this notice's mail to do: those that wait, run, or have failed."""
    made = Q(task_name="bookings.mail_notice", args__notice_id=notice.pk)
    sending = Q(**{"task_name": "config.send_mail", f"args__mail__headers__{STAMP}__startswith": f"{notice.pk}:"})
    jobs: QuerySet[ProcrastinateJob] = ProcrastinateJob.objects.filter(made | sending)
    return jobs.exclude(status="succeeded").order_by("-id")


class MailFilter(admin.SimpleListFilter):
    title = gettext_lazy("mail")
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _found) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        if self.value() not in STATES:
            return queryset
        found = queryset.filter(STATES[str(self.value())][1])
        return found.filter(created_at__lt=timezone.now() - LOST_AFTER) if self.value() == "late" else found


def _send_again(notice: Notice, request: HttpRequest) -> str:
    send_again(notice)
    return _("The mail goes out again.")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin[Notice], ButtonsAdmin):
    list_display = ["created_at", "to", "fact", "about", "shown_mail"]
    list_filter = ["fact", MailFilter, ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["to", "booking", "order"]
    search_help_text = gettext_lazy("Search by the reference of a booking or order, or by a name or e-mail address.")
    search_fields = ["booking__reference", "order__reference", "to__email", "to__full_name"]
    ordering = ["-id"]
    fields = [
        *("to", "fact", "sentence", "booking", "order", "created_at", "read_at"),
        *("shown_mail", "mailed_at", "sent_at", "dropped_at", "shown_jobs"),
    ]
    buttons = (Button("send", gettext_lazy("Send again"), _send_again, lambda notice: True),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return Notice.objects.with_rows()

    @admin.display(description=gettext_lazy("about"))
    def about(self, notice: Notice) -> str:
        return str(notice.booking or notice.order or "–")

    @admin.display(description=gettext_lazy("what it says"))
    def sentence(self, notice: Notice) -> str:
        return write_letter(notice).sentence

    @admin.display(description=gettext_lazy("mail"))
    def shown_mail(self, notice: Notice) -> str:
        return mail_state(notice)

    @admin.display(description=gettext_lazy("jobs of the mail"))
    def shown_jobs(self, notice: Notice) -> Any:
        """What waits, runs or has failed, with the way to it."""
        page = "admin:procrastinate_procrastinatejob_change"
        rows = [(reverse(page, args=[job.pk]), job.pk, job.task_name, job.status, job.attempts) for job in mail_jobs(notice)]
        return format_html_join("\n", '<div><a href="{}">{}</a> {}: {} ({})</div>', rows) or "–"
