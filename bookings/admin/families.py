"""Who books for whom: to read, and to end when somebody asks for it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.buttons import Button, ButtonsAdmin
from bookings.admin.reading import ReadOnlyAdmin
from bookings.families import end_link
from bookings.models import StudentLink

_STATES = {
    StudentLink.State.WAITING: gettext_lazy("waiting for an answer"),
    StudentLink.State.STANDING: gettext_lazy("accepted"),
    StudentLink.State.DECLINED: gettext_lazy("declined"),
    StudentLink.State.WITHDRAWN: gettext_lazy("withdrawn"),
    StudentLink.State.RAN_OUT: gettext_lazy("not answered in time"),
    StudentLink.State.ENDED: gettext_lazy("ended"),
}


def _end(link: StudentLink, request: HttpRequest) -> str:
    end_link(link, who=request.user)  # type: ignore[arg-type]
    return _("Nothing more can be booked this way. Sessions that are booked stay booked.")


@admin.register(StudentLink)
class StudentLinkAdmin(ButtonsAdmin, ReadOnlyAdmin[StudentLink]):
    list_display = ("name", "email", "payer", "state_shown", "created_at", "accepted_at", "ended_at")
    list_filter = (("accepted_at", admin.EmptyFieldListFilter), ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("payer", "student")
    search_fields = ("name", "email", "payer__email", "payer__full_name", "student__email")
    ordering = ("-created_at",)
    fields = (
        "reference",
        "payer",
        "student",
        "name",
        "email",
        "state_shown",
        "created_at",
        "expires_at",
        "mails",
        "mailed_at",
        "accepted_at",
        "ended_at",
        "ended_by",
    )
    buttons = (
        Button(
            "end",
            gettext_lazy("End it"),
            _end,
            lambda link: link.state is StudentLink.State.STANDING,
            is_final=True,
        ),
    )

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, link: StudentLink) -> Any:
        return _STATES[link.state]
