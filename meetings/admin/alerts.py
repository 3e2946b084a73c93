"""Alerts to read: what is wrong at this moment, since when, and when the staff were mailed last."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bookings.admin.reading import ReadOnlyAdmin
from meetings.models import Alert


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin[Alert]):
    list_display = ["kind", "is_there", "begun_at", "ended_at", "mailed_at", "mails"]
    ordering = ["kind"]
    readonly_fields = ["is_there"]
    fields = ("kind", "is_there", "begun_at", "ended_at", "mailed_at", "mails", "told")

    @admin.display(description=_("there now"), boolean=True)
    def is_there(self, alert: Alert) -> bool:
        return alert.is_on
