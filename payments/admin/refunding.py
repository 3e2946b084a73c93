"""The page on which an admin sends a payment back, in part or in whole: what it means is told first, then it is owed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from bookings.errors import DomainError
from bookings.models import User
from bookings.money import Money
from payments.models import Payment
from payments.refund_forms import RefundForm


class RefundPage(admin.ModelAdmin[Any]):
    """Adds "Send money back" to the pages of a payment, for whoever may change payments."""

    def get_urls(self) -> list[URLPattern]:
        page = path("<int:key>/refund/", self.admin_site.admin_view(self.refund_view), name="payments_payment_refund")
        return [page, *super().get_urls()]

    def refund_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask how much and why, show what would be left, and owe it once that was seen."""
        who = request.user
        if not isinstance(who, User) or not who.has_perm("payments.change_payment"):
            raise PermissionDenied
        payment = get_object_or_404(Payment.objects.select_related("order__payer"), pk=key)
        form = RefundForm(request.POST if request.method == "POST" else None, payment=payment)
        back = _asked(form)
        seen = f"{form.left.amount}-{back.amount}" if back else ""
        if back and request.POST.get("seen") == seen and self._owe(request, form, who):
            return redirect("admin:payments_order_story", payment.order.reference)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Send money back"),
            "payment": payment,
            "order": payment.order,
            "form": form,
            "back": back,
            "seen": seen,
            "stays": form.left - back if back else None,
            "sessions": payment.order.bookings.select_related("student", "tutor__user").order_by("during", "pk"),
        }
        return TemplateResponse(request, "admin/payments/refund.html", context)

    def _owe(self, request: HttpRequest, form: RefundForm, who: User) -> bool:
        """Owe what was seen; what the verb refuses stands above the form."""
        try:
            refund = form.owe(who)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
            return False
        told = _("%(money)s goes back to %(payer)s (%(reference)s). It is sent by itself; the payer is told by mail.")
        facts = {"money": refund.money, "payer": refund.payment.order.payer, "reference": refund.reference}
        self.message_user(request, told % facts, messages.SUCCESS)
        return True


def _asked(form: RefundForm) -> Money | None:
    """Return what would go back by a form without mistakes; None where there is nothing to show."""
    if not form.is_bound or not form.is_valid() or form.left.is_zero:
        return None
    asked: Money = form.cleaned_data["amount"] or form.left
    return asked if 0 < asked.amount <= form.left.amount else None
