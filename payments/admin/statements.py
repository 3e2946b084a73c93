"""The statements of any tutor, for the staff: the pages that the tutor reads."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, re_path

from bookings.models import Tutor
from payments.views.statements import Place, download_month, show_month, show_months

_MONTH = r"^tutor/(?P<key>[0-9]{1,15})/(?P<month>[0-9]{4}-[0-9]{2})"


class StatementPages(admin.ModelAdmin[Any]):
    """Adds them to the lines of the accounts. Whoever may see those may read them."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = [
            path("tutor/<int:key>/", view(self.months_view), name="payments_statement_list"),
            re_path(_MONTH + "/$", view(self.month_view), name="payments_statement_detail"),
            re_path(_MONTH + r"/table\.csv$", view(self.table_view), name="payments_statement_table"),
        ]
        return [*pages, *super().get_urls()]

    def months_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Show how a tutor's account stands, and every month."""
        return show_months(request, self._tutor(request, key), _place(key))

    def month_view(self, request: HttpRequest, key: str, month: str) -> HttpResponse:
        """Show a month of a tutor."""
        return show_month(request, self._tutor(request, int(key)), month, _place(int(key)))

    def table_view(self, request: HttpRequest, key: str, month: str) -> HttpResponse:
        """Answer a month of a tutor as CSV."""
        return download_month(self._tutor(request, int(key)), month)

    def _tutor(self, request: HttpRequest, key: int) -> Tutor:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Tutor.objects.select_related("user"), pk=key)


def _place(key: int) -> Place:
    return Place("admin:payments_statement", (key,), for_staff=True)
