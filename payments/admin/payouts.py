"""Payouts to tutors: made for all that is due, downloaded for the bank, marked paid or undone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.buttons import Button, person_of
from bookings.admin.reading import ReadOnlyAdmin, ReadOnlyInline, kept_column
from bookings.money import Money
from payments.admin.payout_pages import PayoutPages
from payments.models import Earning, Payout
from payments.payouts import mark_payout_paid, mark_payouts_paid, with_sums


class HowPaidForm(ActionForm):
    note = forms.CharField(required=False, max_length=500, label=gettext_lazy("How and when it was paid"))


class LineInline(ReadOnlyInline):
    model = Earning
    fields = ("booking", "kind", "gross_shown", "fee_shown", "net_shown", "due_at", "why_shown")
    readonly_fields = ("gross_shown", "fee_shown", "net_shown", "why_shown")
    verbose_name_plural = gettext_lazy("what it is made of")
    why_shown = kept_column("why", gettext_lazy("why"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Earning]:
        lines: QuerySet[Earning] = super().get_queryset(request)
        return lines.select_related("booking").order_by("booking__during", "pk")

    @admin.display(description=gettext_lazy("what stays of the price"))
    def gross_shown(self, line: Earning) -> str:
        return str(Money(line.gross, line.currency))

    @admin.display(description=gettext_lazy("fee of the site"))
    def fee_shown(self, line: Earning) -> str:
        return str(Money(line.fee, line.currency))

    @admin.display(description=gettext_lazy("for the tutor"))
    def net_shown(self, line: Earning) -> str:
        return str(line.money)


def _pay(payout: Payout, request: HttpRequest) -> str:
    paid = mark_payout_paid(payout, who=person_of(request), note=request.POST.get("text", ""))
    return _("Marked as paid. %(tutor)s is told by mail.") % {"tutor": paid.tutor}


def _is_open(payout: Payout) -> bool:
    return payout.status == Payout.Status.OPEN


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin[Payout], PayoutPages):
    list_display = ["reference", "tutor", "money", "sessions_shown", "until_shown", "status", "paid_at", "note"]
    list_filter = ["status", ("until", admin.DateFieldListFilter), "currency", ("paid_at", admin.DateFieldListFilter)]
    search_fields = ["reference", "tutor__user__email", "tutor__user__full_name", "note"]
    search_help_text = gettext_lazy("The reference, the tutor, or how it was paid.")
    date_hierarchy = "until"
    action_form = HowPaidForm
    actions = ["mark_paid"]
    inlines = [LineInline]
    fieldsets = [
        (None, {"fields": ["reference", "tutor", "email", "money", "until_shown", "status", "statement"]}),
        (gettext_lazy("Sums"), {"fields": ["sessions_shown", "gross_shown", "fee_shown"]}),
        (gettext_lazy("When"), {"fields": ["made_at", "made_by", "paid_at", "paid_by", "note"]}),
    ]
    readonly_fields = ["email", "money", "until_shown", "sessions_shown", "gross_shown", "fee_shown", "statement"]
    buttons = (Button("pay", gettext_lazy("Mark as paid"), _pay, _is_open, asks=gettext_lazy("How and when was it paid?")),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payout]:
        return with_sums(super().get_queryset(request)).select_related("made_by", "paid_by")

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if self.may_press(request) else {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        facts = {"may_press": self.may_press(request), "query": request.GET.urlencode()}
        return super().changelist_view(request, {**facts, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        undo = {}
        if row is not None and _is_open(row) and self.may_press(request):
            undo = {"undo_url": reverse("admin:payments_payout_undo", args=[row.pk])}
        return super().change_view(request, object_id, form_url, {**undo, **(extra_context or {})})

    @admin.action(description=gettext_lazy("Mark as paid (say how and when)"))
    def mark_paid(self, request: HttpRequest, chosen: QuerySet[Payout]) -> None:
        """Mark those of them that are open as paid, with one note, and tell their tutors."""

        def press() -> str:
            payouts = Payout.objects.filter(pk__in=chosen.order_by().values("pk"))
            paid = mark_payouts_paid(payouts, who=person_of(request), note=request.POST.get("note", ""))
            said = ngettext("%(count)d payout marked as paid.", "%(count)d payouts marked as paid.", len(paid))
            return said % {"count": len(paid)}

        self.press_and_tell(request, press)

    @admin.display(description=gettext_lazy("e-mail address"))
    def email(self, payout: Payout) -> str:
        return payout.tutor.user.email

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, payout: Payout) -> str:
        return str(payout.money)

    @admin.display(description=gettext_lazy("sessions"))
    def sessions_shown(self, payout: Any) -> int:
        return int(payout.sessions)

    @admin.display(description=gettext_lazy("everything due before"), ordering="until")
    def until_shown(self, payout: Payout) -> str:
        return date_format(timezone.localtime(payout.until, timezone.get_default_timezone()), "DATE_FORMAT")

    @admin.display(description=gettext_lazy("what stays of the prices"))
    def gross_shown(self, payout: Any) -> str:
        return str(Money(int(payout.gross or 0), payout.currency))

    @admin.display(description=gettext_lazy("fee of the site"))
    def fee_shown(self, payout: Any) -> str:
        return str(Money(int(payout.fee or 0), payout.currency))

    @admin.display(description=gettext_lazy("statements"))
    def statement(self, payout: Payout) -> str:
        address = reverse("admin:payments_statement_list", args=[payout.tutor_id])
        return format_html('<a href="{}">{}</a>', address, _("Statements of %(tutor)s") % {"tutor": payout.tutor})
