"""The page that shows what the pool will need: by day, by hour, and what more or fewer links would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.buttons import ButtonsAdmin
from bookings.charts import Bar, Chart, Mark, draw_bars
from meetings.forecast import DAYS, NEARLY_FULL, Change, Forecast, Hour, foresee

BUSIEST = 12
ACROSS, DOWN = 11, 12  # how far the cells of the grid stand apart
LENGTHS = [
    (7, gettext_lazy("7 days")),
    (14, gettext_lazy("14 days")),
    (30, gettext_lazy("30 days")),
    (60, gettext_lazy("60 days")),
]


class LengthForm(forms.Form):
    days = forms.TypedChoiceField(label=gettext_lazy("How far ahead"), choices=LENGTHS, coerce=int)


@dataclass(frozen=True)
class Cell:
    """One hour of one day in the grid, in its units; `kind` is a class of charts.css."""

    x: int
    y: int
    kind: str
    told: str


class ForecastPages(ButtonsAdmin):
    """Adds the page to the list of links. It needs the permission to see links."""

    def get_urls(self) -> list[URLPattern]:
        page = path("forecast/", self.admin_site.admin_view(self.forecast_view), name=self.page_name("forecast"))
        return [page, *super().get_urls()]

    def forecast_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = LengthForm(request.GET or {"days": DAYS})
        forecast = foresee(now=timezone.now(), days=form.cleaned_data["days"] if form.is_valid() else DAYS)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("What the pool will need"),
            "form": form,
            "forecast": forecast,
            "chart": _chart_of_days(forecast),
            "cells": list(_cells(forecast)),
            "busiest": sorted(forecast.hours, key=lambda hour: -hour.needed)[:BUSIEST] if forecast.peak else [],
            "changes": [(change, _difference(change)) for change in forecast.changes()],
            "hour_marks": [(hour * DOWN + 9, f"{hour}:00") for hour in range(0, 24, 6)],
        }
        return TemplateResponse(request, "admin/meetings/meetinglink/forecast.html", context)


def _chart_of_days(forecast: Forecast) -> Chart:
    """The largest need of each day, against the links there are."""
    bars = []
    for day, hours in groupby(forecast.hours, key=lambda hour: _local(hour.starts_at).date()):
        most = max(hours, key=lambda hour: hour.needed)
        name = date_format(day, "SHORT_MONTH_DAY_FORMAT")
        bars.append(Bar(name, most.needed, _told(most), _kind(most.needed, forecast.links)))
    links = ngettext("%(count)d link", "%(count)d links", forecast.links) % {"count": forecast.links}
    return draw_bars(bars, summary=_("Links needed at once, by day"), limit=Mark(str(forecast.links), links))


def _cells(forecast: Forecast) -> Iterator[Cell]:
    """Every hour that needs a link, its day from left to right and its hour from top to bottom."""
    first: date | None = None
    for hour in forecast.hours:
        local = _local(hour.starts_at)
        first = first or local.date()
        if hour.needed:
            yield Cell(
                (local.date() - first).days * ACROSS, local.hour * DOWN, _kind(hour.needed, forecast.links), _told(hour)
            )


def _difference(change: Change) -> str:
    if not change.more:
        return _("as now")
    return f"+{change.more}" if change.more > 0 else f"−{-change.more}"


def _kind(needed: int, links: int) -> str:
    if needed > links:
        return "bad"
    return "wait" if needed > links * NEARLY_FULL else ""


def _told(hour: Hour) -> str:
    links = ngettext("%(count)d link", "%(count)d links", hour.needed) % {"count": hour.needed}
    return f"{date_format(_local(hour.starts_at), 'DATETIME_FORMAT')}: {links}"


def _local(instant: datetime) -> datetime:
    return timezone.localtime(instant)
