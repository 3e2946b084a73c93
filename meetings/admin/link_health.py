"""How well pool links are: shown and asked for in their list, and mended with a press."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.buttons import Button
from bookings.kept import read_kept
from meetings import hygiene, links
from meetings.models import MeetingLink

Status = MeetingLink.Status


class HealthFilter(admin.SimpleListFilter):
    title = gettext_lazy("health")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("look", _("needs a look")), ("unused", _("never used")), ("unchecked", _("never seen to work"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MeetingLink]) -> QuerySet[MeetingLink]:
        usable = queryset.exclude(status=Status.RETIRED)
        if self.value() == "look":
            old = hygiene.old_links(timezone.now()).values("pk")
            return usable.filter(~Q(fault="") | Q(pk__in=old))
        if self.value() == "unused":
            return usable.filter(last_used_at=None)
        if self.value() == "unchecked":
            return usable.filter(checked_at=None)
        return queryset


def _check(link: MeetingLink, request: HttpRequest) -> str:
    checked = hygiene.check_link(link)
    if checked.fault:
        return _("%(link)s: %(fault)s It is retired; its later sessions have other links, or wait for one.") % {
            "link": link,
            "fault": read_kept(checked.fault),
        }
    return _("%(link)s is there, at this address.") % {"link": link}


def _confirm(link: MeetingLink, request: HttpRequest) -> str:
    confirmed = hygiene.confirm_link(link)
    if confirmed.status == Status.CORDONED:
        links.uncordon_link(confirmed)
    return _("Written down: %(link)s works, and may be given to sessions.") % {"link": link}


HEALTH_BUTTONS = (
    Button("check", gettext_lazy("Check at Google now"), _check, lambda link: link.status != Status.RETIRED),
    Button("confirm", gettext_lazy("I have opened it: it works"), _confirm, lambda link: link.status != Status.RETIRED),
)


class LinkHealth:
    """Columns for the list of links."""

    @admin.display(description=gettext_lazy("forgotten by Google"), ordering="last_used_at")
    def forgotten(self, link: Any) -> str:
        at = hygiene.forgotten_at(link) if link.status != Status.RETIRED else None
        if at is None:
            return "–"
        days = (at - timezone.now()).days
        return ngettext("in %(count)d day", "in %(count)d days", days) % {"count": days} if days >= 0 else _("by now")

    @admin.display(description=gettext_lazy("seen to work"), ordering="checked_at")
    def seen_to_work(self, link: Any) -> str:
        if link.fault:
            return read_kept(link.fault)
        return _day(link.checked_at) if link.checked_at else _("never")


def _day(instant: datetime) -> str:
    return date_format(timezone.localtime(instant), "DATE_FORMAT")
