"""The living style page: every component with made-up content. Wired only while DEBUG is on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET


class ExampleForm(forms.Form):
    """One field of each kind."""

    full_name = forms.CharField(label=_("Your name"), help_text=_("As the tutor should say it."))
    email = forms.EmailField(label=_("E-mail address"))
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=[("Asia/Jakarta", "Asia/Jakarta"), ("Europe/London", "Europe/London")]
    )
    wishes = forms.CharField(label=_("What should the tutor know?"), required=False, widget=forms.Textarea({"rows": 3}))
    level = forms.ChoiceField(
        label=_("Level"),
        choices=[("new", _("Beginner")), ("some", _("Some experience"))],
        widget=forms.RadioSelect,
    )
    reminders = forms.BooleanField(label=_("Remind me by mail the day before"), required=False)


@dataclass(frozen=True)
class ExampleSlot:
    starts_at: datetime


@dataclass(frozen=True)
class ExampleDay:
    date: date
    slots: list[ExampleSlot]


def _example_days() -> list[ExampleDay]:
    zone = timezone.get_current_timezone()
    first = timezone.localdate() + timedelta(days=1)
    hours: list[list[int]] = [[9, 10, 13, 14, 15], [9, 16], [], [8, 9, 10, 11, 13, 14, 15, 16], [10]]
    return [
        ExampleDay(day, [ExampleSlot(datetime.combine(day, time(hour), zone)) for hour in open_hours])
        for day, open_hours in zip((first + timedelta(days=n) for n in range(5)), hours, strict=True)
    ]


@require_GET
@login_not_required
def show_style_guide(request: HttpRequest) -> HttpResponse:
    """Show every component on one page."""
    starts_at = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    context = {
        "form": ExampleForm(),
        "wrong_form": ExampleForm({"email": "not-an-address"}, prefix="wrong"),
        "days": _example_days(),
        "action": request.path,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=60),
        "held_until": timezone.now() + timedelta(minutes=14, seconds=40),
        "page_obj": Paginator(range(30), 10).page(2),
        "steps": ["hold", "pay", "link", "done"],
        "statuses": [
            ("held", _("Held for you")),
            ("accepted", _("Accepted")),
            ("awaiting_payment", _("Awaiting payment")),
            ("paid", _("Paid")),
            ("completed", _("Completed")),
            ("failed", _("Failed")),
            ("cancelled", _("Cancelled")),
        ],
    }
    return render(request, "bookings/style_guide.html", context)
