"""An order's whole story on one page: what was sold, tried, received and sent back, with the verbs beside their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookings.admin.buttons import ButtonsAdmin
from bookings.models import Order
from payments.order_files import OrderFile, open_file

_HIDDEN = {"refunds": "refund", "disputes": "dispute", "events": "webhookevent", "earnings": "earning"}


class OrderStoryPage(admin.ModelAdmin[Any]):
    """Adds the page of an order's story, for whoever may see payments."""

    def get_urls(self) -> list[URLPattern]:
        story = path("order/<slug:reference>/", self.admin_site.admin_view(self.story_view), name="payments_order_story")
        return [story, *super().get_urls()]

    def story_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        """Show everything that is known of an order."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        orders = Order.objects.select_related("payer", "promo_code", "gifted_by")
        whole = open_file(get_object_or_404(orders, reference=reference))
        file = _as_seen_by(request.user, whole)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(file.order),
            "file": file,
            "sums": whole,  # which are right for whoever reads them, also without the rows that they do not see
            "order": file.order,
            "wants": [(text, self._row(request, row)) for text, row in file.wants if isinstance(row, Model)],
            "payments": [self._row(request, row) for row in file.payments],
            "refunds": [self._row(request, row) for row in file.refunds],
            "disputes": [self._row(request, row) for row in file.disputes],
            "events": [self._row(request, row) for row in file.events],
            "earnings": [self._row(request, row) for row in file.earnings],
            "back": request.path,
        }
        return TemplateResponse(request, "admin/payments/order_story.html", context)

    def _row(self, request: HttpRequest, row: Model) -> dict[str, Any]:
        """Return the row with the address of its own page, and what this person can do to it."""
        if not self.admin_site.is_registered(type(row)):
            return {"row": row, "url": "", "buttons": []}
        its_admin = self.admin_site.get_model_admin(type(row))
        name = f"{row._meta.app_label}_{row._meta.model_name}_change"
        buttons = its_admin.buttons_for(request, row) if isinstance(its_admin, ButtonsAdmin) else []
        return {"row": row, "url": reverse(f"admin:{name}", args=[row.pk]), "buttons": buttons}


def _as_seen_by(user: Any, file: OrderFile) -> OrderFile:
    """Leave out what this person has no right to see: from its section, from the history and from what waits."""

    def may_see(model: str) -> bool:
        return any(user.has_perm(f"payments.{verb}_{model}") for verb in ("view", "change"))

    hidden: dict[str, Any] = {name: [] for name, model in _HIDDEN.items() if not may_see(model)}
    return replace(file, **hidden)
