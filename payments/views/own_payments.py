"""A person's own payments: a list by year, and the same as a table for spreadsheets."""

from __future__ import annotations

import csv
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest
from bookings.views.days import reader_zone
from payments.badges import badge_of
from payments.own_payments import OwnOrder, in_year, load_rows, orders_with_money, totals_of, years_of

ORDERS_ON_A_PAGE = 20
MOST_LINES = 5000  # of a table: more than anybody pays in a lifetime of lessons
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet reckon instead of read


@require_GET
def list_payments(request: PersonRequest) -> HttpResponse:
    """Show what the reader paid or tried to pay: all of it, or one year (`?year=`) of their calendar."""
    zone, every = reader_zone(), orders_with_money(request.user)
    year = _year(request)
    orders = every if year is None else in_year(every, year, zone)
    page = Paginator(orders, ORDERS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "rows": [(row, *badge_of(row.story)) for row in load_rows(page, now=timezone.now())],
        "years": years_of(every, zone),
        "year": year,
        "totals": totals_of(request.user, year, zone),
    }
    return render(request, "payments/payment_list.html", context)


@require_GET
def download_payments(request: PersonRequest) -> HttpResponse:
    """Answer the list as CSV, amounts in major units with a point, times in the reader's zone."""
    year, orders = _year(request), orders_with_money(request.user)
    chosen = orders if year is None else in_year(orders, year, reader_zone())
    name = f"payments-{year}.csv" if year else "payments.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8", headers=headers)  # the mark tells Excel: UTF-8
    table = csv.writer(answer)
    table.writerow([_("Date"), _("Order"), _("What for"), _("Amount"), _("Currency"), _("Paid with"), _("State"), _("Back")])
    for row in load_rows(chosen[:MOST_LINES], now=timezone.now()):
        table.writerow([_harmless(cell) for cell in _cells(row)])
    return answer


def _cells(row: OwnOrder) -> list[Any]:
    order, (_mark, state) = row.order, badge_of(row.story)
    what = "; ".join(booking.name for booking in row.story.bookings)
    at = timezone.localtime(row.at).strftime("%Y-%m-%d %H:%M")
    back = row.story.money_back.decimal
    return [at, order.reference, what, order.money.decimal, order.currency, row.way, state, back]


def _harmless(cell: Any) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _year(request: PersonRequest) -> int | None:
    """Return the year asked for; None for all. Raises Http404 for what is no year."""
    asked = request.GET.get("year", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and 2000 <= int(asked[:5]) <= 2999):
        raise Http404
    return int(asked)
