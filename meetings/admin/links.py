"""The pool: links with their state and use; added one by one, pasted, or from a file. Only admins see addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.buttons import Button
from bookings.models import User
from meetings import links, pool
from meetings.addresses import normalise_address
from meetings.admin.forecast import ForecastPages
from meetings.admin.forms import AddManyForm
from meetings.admin.link_health import HEALTH_BUTTONS, HealthFilter, LinkHealth
from meetings.errors import LinkAddressRefused
from meetings.models import Meeting, MeetingLink

Status = MeetingLink.Status


def _cordon(link: MeetingLink, request: HttpRequest) -> str:
    links.cordon_link(link)
    return _("%(link)s is cordoned: sessions that have it keep it, no other gets it.") % {"link": link}


def _uncordon(link: MeetingLink, request: HttpRequest) -> str:
    links.uncordon_link(link)
    return _("%(link)s is given away again.") % {"link": link}


def _retire(link: MeetingLink, request: HttpRequest) -> str:
    links.retire_link(link, who=request.user if isinstance(request.user, User) else None)
    return _("%(link)s is retired. Its later sessions have other links, or wait for one.") % {"link": link}


def _report_leaked(link: MeetingLink, request: HttpRequest) -> str:
    links.report_leaked(link, who=request.user if isinstance(request.user, User) else None)
    return _("%(link)s is retired, as strangers may know it. Its later sessions have other links, or wait for one.") % {
        "link": link
    }


class LinkForm(forms.ModelForm[MeetingLink]):
    def clean_url(self) -> str:
        try:
            return normalise_address(self.cleaned_data["url"])
        except LinkAddressRefused as error:
            raise forms.ValidationError(str(error)) from None


@admin.register(MeetingLink)
class MeetingLinkAdmin(LinkHealth, ForecastPages):
    form = LinkForm
    formfield_overrides = {models.URLField: {"form_class": forms.CharField, "widget": AdminTextInputWidget}}
    change_list_template = "admin/meetings/meetinglink/change_list.html"
    list_display = [
        *("__str__", "status", "use_now", "next_use", "times_used", "last_used_at", "forgotten", "seen_to_work", "url")
    ]
    list_filter = ["status", HealthFilter]
    list_per_page = 50
    search_fields = ["label", "url", "notes"]
    ordering = ["id"]
    actions = ["cordon_links", "uncordon_links", "retire_links"]
    buttons = (
        Button("cordon", gettext_lazy("Cordon"), _cordon, lambda link: link.status == Status.AVAILABLE),
        Button("uncordon", gettext_lazy("Use again"), _uncordon, lambda link: link.status == Status.CORDONED),
        Button("retire", gettext_lazy("Retire for good"), _retire, lambda link: link.status != Status.RETIRED, True),
        Button("leaked", gettext_lazy("Strangers may know it"), _report_leaked, lambda link: link.leaked_at is None, True),
        *HEALTH_BUTTONS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[MeetingLink]:
        now = timezone.now()
        uses = Meeting.objects.holding_links().filter(link=OuterRef("pk"))
        following = uses.filter(reserved__startswith__gt=now).order_by("reserved__startswith")
        counted = uses.order_by().values("link").annotate(number=Count("pk")).values("number")
        found: QuerySet[MeetingLink] = super().get_queryset(request)
        return found.annotate(
            busy_until=Subquery(pool.predecessor(before=now).values("reserved__endswith")),
            next_use_at=Subquery(following.values("reserved__startswith")[:1]),
            number_of_uses=Coalesce(Subquery(counted), 0),
        )

    @admin.display(description=gettext_lazy("in use now"))
    def use_now(self, link: Any) -> str:
        if link.busy_until is None or link.busy_until <= timezone.now():
            return "–"
        return _("until %(time)s") % {
            "time": date_format(timezone.localtime(link.busy_until), "SHORT_MONTH_DAY_TIME_FORMAT")
        }

    @admin.display(description=gettext_lazy("next use"), ordering="next_use_at")
    def next_use(self, link: Any) -> str:
        return date_format(timezone.localtime(link.next_use_at), "DATETIME_FORMAT") if link.next_use_at else "–"

    @admin.display(description=gettext_lazy("times used"), ordering="number_of_uses")
    def times_used(self, link: Any) -> int:
        return int(link.number_of_uses)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return ["url", "label", "notes"]
        use = ["use_now", "next_use", "times_used", "last_used_at", "forgotten", "seen_to_work"]
        return ["url", "label", "status", *use, "notes", "created_at", *(["leaked_at"] if obj.leaked_at else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """An address never changes: whoever has it would stand before another door."""
        return [] if obj is None else [name for name in self.get_fields(request, obj) if name not in ("label", "notes")]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["label", "notes"])
            return
        obj.pk = links.add_link(obj.url, label=obj.label, notes=obj.notes).pk
        obj.refresh_from_db()

    @admin.action(description=gettext_lazy("Cordon: give to no more sessions"), permissions=["change"])
    def cordon_links(self, request: HttpRequest, queryset: QuerySet[MeetingLink]) -> None:
        self._press_all(_cordon, request, queryset)

    @admin.action(description=gettext_lazy("Use again"), permissions=["change"])
    def uncordon_links(self, request: HttpRequest, queryset: QuerySet[MeetingLink]) -> None:
        self._press_all(_uncordon, request, queryset)

    @admin.action(description=gettext_lazy("Retire for good"), permissions=["change"])
    def retire_links(self, request: HttpRequest, queryset: QuerySet[MeetingLink]) -> None:
        self._press_all(_retire, request, queryset)

    def _press_all(
        self, verb: Callable[[MeetingLink, HttpRequest], str], request: HttpRequest, links: QuerySet[MeetingLink]
    ) -> None:
        for link in links:
            self.press_and_tell(request, partial(verb, link, request))

    def get_urls(self) -> list[URLPattern]:
        add_many = path("add-many/", self.admin_site.admin_view(self.add_many_view), name=self.page_name("add_many"))
        return [add_many, *super().get_urls()]

    def add_many_view(self, request: HttpRequest) -> HttpResponse:
        """Take a pasted or uploaded list of links, whole or not at all."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AddManyForm(request.POST, request.FILES) if request.method == "POST" else AddManyForm()
        if form.is_valid():
            number = len(form.added)
            told = ngettext("%(number)s link added.", "%(number)s links added.", number) % {"number": number}
            self.message_user(request, told, messages.SUCCESS)
            return redirect(f"admin:{self.page_name('changelist')}")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "form": form, "title": _("Add many links")}
        return render(request, "admin/meetings/meetinglink/add_many.html", context)
