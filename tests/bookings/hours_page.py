"""The page of a tutor's hours: what its form sends, and what it shows."""

from __future__ import annotations

import re
from typing import Any

from bookings.hours import version_of
from bookings.models import Tutor, WeeklyHours

PAGE, PREVIEW, DATES, REMOVE = (f"/teaching/hours/{part}" for part in ("", "preview/", "dates/", "dates/remove/"))
HTMX = {"HX-Request": "true"}


def typed(tutor: Tutor, week: dict[int, str] | None = None, **more: Any) -> dict[str, Any]:
    """What the form sends: `week` says the hours of each day, "09:00-12:00 13:00-17:00"."""
    names = ("time_zone", "notice_minutes", "horizon_days", "buffer_before_minutes", "buffer_after_minutes")
    sent: dict[str, Any] = {name: getattr(tutor, name) for name in names}
    sent |= {"slot_step_minutes": "", "daily_limit": "", "version": version_of(tutor), "act": "save"}
    for day, hours in (week or {}).items():
        pairs = [one.split("-") for one in hours.split()]
        sent[f"starts-{day}"], sent[f"ends-{day}"] = [one[0] for one in pairs], [one[1] for one in pairs]
    return sent | more


def saved(tutor: Tutor) -> list[str]:
    return [str(row) for row in WeeklyHours.objects.filter(tutor=tutor)]


def rows_of(answer: Any, key: str) -> list[tuple[str, str]]:
    html = answer.content.decode()
    values = [re.findall(rf'name="{which}-{key}" value="([^"]*)"', html) for which in ("starts", "ends")]
    return list(zip(*values, strict=True))


def fortnight(answer: Any) -> dict[str, list[str]]:
    """The days of the preview, each with its start times."""
    days = re.findall(r'<li class="fortnight-day">(.*?)(?=<li class="fortnight-day">|</ol>)', answer.content.decode(), re.S)
    return {re.findall(r'fortnight-date">([^<]+)<', day)[0]: re.findall(r"<li>(\d\d:\d\d)", day) for day in days}
