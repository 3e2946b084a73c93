"""A tutor chooses where sessions are held: what that means for those that are booked, and how their move goes on."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from bookings.access import PersonRequest, own_tutor
from bookings.times import parse_zone
from bookings.views.answers import SeeOther
from meetings.models import ProviderSwitch, SessionSwitch
from meetings.switch_plans import plan_switch
from meetings.switching import choose_provider, start_switch
from meetings.views.moves import approved_tutor, plan_shown, progress_of
from meetings.ways import ways_for


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: PersonRequest, provider: str) -> HttpResponse:
    """Show which sessions would move there and which stay; then move them, or leave those that are booked."""
    tutor = approved_tutor(request)
    way = next((one for one in ways_for(tutor) if one.name == provider), None)
    if way is None:
        raise Http404
    if request.method == "POST":
        if request.POST.get("booked") == "stay":
            choose_provider(tutor, provider)
            told = _("New sessions are held at %(place)s; those that are booked stay.")
        else:
            told = _told_of(start_switch(tutor, provider, asked_by=request.user))
        messages.success(request, told % {"place": way.label})
        return SeeOther(reverse("meetings:connection_list"))
    with timezone.override(parse_zone(tutor.time_zone)):
        plan = plan_shown(plan_switch(tutor, provider, now=timezone.now()), provider)
        return render(request, "meetings/teaching/choose.html", {"tutor": tutor, "way": way, **plan})


def _told_of(switch: ProviderSwitch) -> str:
    outcomes = set(switch.sessions.values_list("outcome", flat=True))
    if SessionSwitch.Outcome.STAYED not in outcomes:
        return _("Your sessions are held at %(place)s from now on.")
    if outcomes == {SessionSwitch.Outcome.STAYED}:
        return _("New sessions are held at %(place)s; those that are booked stay.")
    return _("New sessions are held at %(place)s; below you see which of those that are booked move there.")


@require_GET
@never_cache
def show_progress(request: PersonRequest) -> HttpResponse:
    """Answer the fragment with the newest switch: it asks for itself again while sessions are on their way.

    Answers 204 while it is as it was (`?seen=`).
    """
    tutor = own_tutor(request)
    progress = progress_of(tutor)
    if progress["switch"] and request.GET.get("seen") == progress["version"]:
        return HttpResponse(status=204)
    with timezone.override(parse_zone(tutor.time_zone)):
        return render(request, "meetings/teaching/_switch.html", {"tutor": tutor, **progress})
