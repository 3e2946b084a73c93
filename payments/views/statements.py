"""What tutors read of their earnings: how everything stands, month by month, and each month to print or download."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest, own_tutor
from bookings.kept import read_kept
from bookings.models import Tutor
from bookings.money import Money
from bookings.templatetags.booking_words import public_name
from payments.models import Earning, Payout
from payments.statements import Row, State, balances_of, make_statement, months_of, zone_of
from payments.views.tables import answer_table

_BADGES = {
    State.TO_COME: ("waiting", gettext_lazy("not over yet")),
    State.LOOKED_AT: ("needs_review", gettext_lazy("held: the payment is looked into")),
    State.DUE: ("accepted", gettext_lazy("due for the next payout")),
    State.IN_PAYOUT: ("pending", gettext_lazy("being paid out")),
    State.REVERSED: ("", gettext_lazy("went back to the payer")),
}
_HEADS = [
    gettext_lazy("Date"),
    gettext_lazy("Session"),
    gettext_lazy("Name"),
    gettext_lazy("Student"),
    gettext_lazy("Kind"),
    gettext_lazy("Why"),
    gettext_lazy("Gross"),
    gettext_lazy("Fee in percent"),
    gettext_lazy("Fee"),
    gettext_lazy("Net"),
    gettext_lazy("Currency"),
    gettext_lazy("State"),
    gettext_lazy("Payout"),
]


@dataclass(frozen=True)
class Place:
    """Where a tutor's statements are read: among their own pages, or in the admin."""

    names: str
    args: tuple[int, ...] = ()
    for_staff: bool = False

    @property
    def list_url(self) -> str:
        return reverse(f"{self.names}_list", args=self.args)

    def month_url(self, month: date) -> str:
        return reverse(f"{self.names}_detail", args=[*self.args, f"{month:%Y-%m}"])

    def table_url(self, month: date) -> str:
        return reverse(f"{self.names}_table", args=[*self.args, f"{month:%Y-%m}"])


OWN = Place("payments:statement")


@require_GET
def list_statements(request: PersonRequest) -> HttpResponse:
    """Show the tutor how everything stands, and every month."""
    return show_months(request, own_tutor(request), OWN)


@require_GET
def show_statement(request: PersonRequest, month: str) -> HttpResponse:
    """Show the tutor a month."""
    return show_month(request, own_tutor(request), month, OWN)


@require_GET
def download_statement(request: PersonRequest, month: str) -> HttpResponse:
    """Answer the tutor's month as CSV."""
    return download_month(own_tutor(request), month)


@require_GET
def show_earnings(request: PersonRequest) -> HttpResponse:
    """Answer the card on the tutor's home: this month, and what is due."""
    tutor = own_tutor(request)
    with timezone.override(zone_of(tutor)):
        now = timezone.now()
        this_month = timezone.localdate(now).replace(day=1)
        months = dict(months_of(tutor))
        context = {
            "month": this_month,
            "month_url": OWN.month_url(this_month),
            "sums": months.get(this_month, []),
            "balances": balances_of(tutor, now=now),
            "last_payout": Payout.objects.filter(tutor=tutor, paid_at__isnull=False).order_by("-paid_at").first(),
        }
        return render(request, "payments/teaching/_earnings.html", context)


def show_months(request: HttpRequest, tutor: Tutor, place: Place) -> HttpResponse:
    """Show how everything stands, and every month with its sums."""
    with timezone.override(zone_of(tutor)):
        context = {
            "tutor": tutor,
            "place": place,
            "balances": balances_of(tutor, now=timezone.now()),
            "months": [(month, place.month_url(month), sums) for month, sums in months_of(tutor)],
        }
        return render(request, "payments/teaching/statement_list.html", context)


def show_month(request: HttpRequest, tutor: Tutor, raw: str, place: Place) -> HttpResponse:
    """Show a month with its sessions, corrections and payouts. Raises Http404 for what is no month."""
    month, now = _read_month(raw), timezone.now()
    with timezone.override(zone_of(tutor)):
        statement = make_statement(tutor, month, now=now)
        present = timezone.localdate(now).replace(day=1)
        others = {other for other, _sums in months_of(tutor)} | {present}
        before = max((other for other in others if other < month), default=None)
        after = min((other for other in others if other > month), default=None)
        context = {
            "tutor": tutor,
            "place": place,
            "statement": statement,
            "sessions": [(row, *badge_of(row)) for row in statement.sessions],
            "corrections": [(row, *badge_of(row)) for row in statement.corrections],
            "table_url": place.table_url(month),
            "before": before,
            "before_url": before and place.month_url(before),
            "after": after,
            "after_url": after and place.month_url(after),
        }
        return render(request, "payments/teaching/statement.html", context)


def download_month(tutor: Tutor, raw: str) -> HttpResponse:
    """Answer a month line by line as CSV: amounts in major units, times in the tutor's zone."""
    month = _read_month(raw)
    with timezone.override(zone_of(tutor)):
        statement = make_statement(tutor, month, now=timezone.now())
        rows = [_cells(row, line) for row in (*statement.sessions, *statement.corrections) for line in row.lines]
        return answer_table(f"statement-{tutor.slug}-{month:%Y-%m}.csv", _HEADS, rows)


def badge_of(row: Row) -> tuple[str, str]:
    """Return the mark and the words of a row's state."""
    if row.state == State.HELD and row.due_at is not None:
        return "held", _("held until %(day)s") % {"day": _day(row.due_at)}
    if row.state == State.PAID_OUT and row.payout is not None and row.payout.paid_at is not None:
        return "paid", _("paid out on %(day)s") % {"day": _day(row.payout.paid_at)}
    mark, words = _BADGES[row.state]
    return mark, str(words)


def _cells(row: Row, line: Earning) -> list[Any]:
    booking = row.booking
    at = booking.starts_at if line.kind == Earning.Kind.SESSION else line.created_at
    gross, fee = (Money(amount, line.currency).decimal for amount in (line.gross, line.fee))
    return [
        at,
        booking.reference,
        booking.name,
        public_name(booking.student),
        line.get_kind_display(),
        read_kept(line.why),
        gross,
        line.fee_percent,
        fee,
        line.money.decimal,
        line.currency,
        badge_of(row)[1],
        line.payout.reference if line.payout else "",
    ]


def _day(at: Any) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATE_FORMAT")


def _read_month(raw: str) -> date:
    year, month = int(raw[:4]), int(raw[5:])
    if not (2000 <= year <= 2999 and 1 <= month <= 12):
        raise Http404
    return date(year, month, 1)
