"""The pages on which payouts are made and undone, and their table for the bookkeeper."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.buttons import ButtonsAdmin, person_of
from bookings.errors import DomainError
from bookings.money import Money
from payments.earnings import settle_all_earnings
from payments.models import Payout
from payments.payouts import day_begins_at, make_payouts, preview_payouts, start_of_month, undo_payout
from payments.views.tables import answer_table

_HEADS = [
    gettext_lazy("Payout"),
    gettext_lazy("Tutor"),
    gettext_lazy("E-mail"),
    gettext_lazy("Due before"),
    gettext_lazy("Sessions"),
    gettext_lazy("Gross"),
    gettext_lazy("Fee"),
    gettext_lazy("Net"),
    gettext_lazy("Currency"),
    gettext_lazy("Status"),
    gettext_lazy("Made at"),
    gettext_lazy("Paid at"),
    gettext_lazy("Note"),
]


class UntilForm(forms.Form):
    before = forms.DateField(
        label=gettext_lazy("Everything due before"),
        help_text=gettext_lazy("The day itself is left out. By default the first of this month: all of last month."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_before(self) -> Any:
        try:
            return day_begins_at(self.cleaned_data["before"])
        except DomainError as refusal:
            raise forms.ValidationError(str(refusal)) from None


class PayoutPages(ButtonsAdmin):
    """Adds them to the list of payouts. Each needs the permission to change payouts; the table, to see them."""

    change_form_template = "admin/payments/payout/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("make/", self.admin_site.admin_view(self.make_view), name="payments_payout_make"),
            path("table.csv", self.admin_site.admin_view(self.table_view), name="payments_payout_table"),
            path("<int:key>/undo/", self.admin_site.admin_view(self.undo_view), name="payments_payout_undo"),
        ]
        return [*pages, *super().get_urls()]

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """Show what payouts up to a day would come to; make them when asked to."""
        if not self.may_press(request):
            raise PermissionDenied
        asked = request.POST or request.GET
        form = UntilForm({"before": asked.get("before") or start_of_month(timezone.now()).isoformat()})
        until = form.cleaned_data["before"] if form.is_valid() else None
        if request.method == "POST" and until is not None:
            settle_all_earnings()  # what went back a moment ago is not paid out
            made = make_payouts(until=until, who=person_of(request))
            said = ngettext("%(count)d payout made.", "%(count)d payouts made.", len(made)) % {"count": len(made)}
            self.message_user(request, said, messages.SUCCESS if made else messages.WARNING)
            return redirect("admin:payments_payout_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Make payouts"),
            "form": form,
            "dues": preview_payouts(until) if until else [],
            "until": until,
        }
        return TemplateResponse(request, "admin/payments/payout/make.html", context)

    def undo_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask, then undo a payout that was not paid."""
        if not self.may_press(request):
            raise PermissionDenied
        payout = self.get_queryset(request).filter(pk=key).first()
        if payout is None:
            self.message_user(request, _("This payout was undone meanwhile."), messages.WARNING)
            return redirect("admin:payments_payout_changelist")
        if request.method == "POST":

            def press() -> str:
                with transaction.atomic():
                    self.log_deletions(request, Payout.objects.filter(pk=payout.pk))
                    undo_payout(payout, who=person_of(request))
                return _("Undone: what was in it is due again.")

            self.press_and_tell(request, press)
            return redirect("admin:payments_payout_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Undo a payout"), "payout": payout}
        return TemplateResponse(request, "admin/payments/payout/undo.html", context)

    def table_view(self, request: HttpRequest) -> HttpResponse:
        """Answer the list, narrowed as it is on the page, as CSV for the bookkeeper."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            listed = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:  # the list itself leads to all of it as well
            return redirect("admin:payments_payout_changelist")
        with timezone.override(timezone.get_default_timezone()):
            return answer_table("payouts.csv", _HEADS, [_row(payout) for payout in listed.order_by("pk")])


def _row(payout: Any) -> list[Any]:
    gross, fee = (Money(int(sum or 0), payout.currency).decimal for sum in (payout.gross, payout.fee))
    return [
        payout.reference,
        str(payout.tutor),
        payout.tutor.user.email,
        timezone.localtime(payout.until).date(),
        payout.sessions,
        gross,
        fee,
        payout.money.decimal,
        payout.currency,
        payout.get_status_display(),
        payout.made_at,
        payout.paid_at,
        payout.note,
    ]
