"""Where a tutor's sessions are held: their accounts at vendors, connected, looked at and let go; what they chose."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_list_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings.access import PersonRequest, own_tutor
from bookings.models import Tutor
from bookings.times import parse_zone
from bookings.views.answers import SeeOther
from meetings.chain import chain_of
from meetings.consents import Answer, begin_consent, receive_answer
from meetings.models import VideoConnection
from meetings.providers import provider_label
from meetings.switch_plans import plan_leaving
from meetings.switching import leave_account
from meetings.views.choices import OthersForm
from meetings.views.moves import approved_tutor, plan_shown, progress_of, tutor_of_account
from meetings.ways import choose_others, has_place, meanwhile_for, ways_for


@require_GET
@never_cache
def list_connections(request: PersonRequest) -> HttpResponse:
    """Show where sessions are held, what else there is, and how each account stands."""
    return show_ways(request, own_tutor(request))


def show_ways(request: HttpRequest, tutor: Tutor, others: OthersForm | None = None) -> HttpResponse:
    """Show the page, with this form if one was sent that cannot be taken."""
    ways = ways_for(tutor)
    wish = next((way for way in ways if way.name == tutor.meeting_provider), None)
    context = {
        "tutor": tutor,
        "ways": ways,
        "chain": chain_of(tutor),
        "has_account": any(way.connection for way in ways),
        "wish": wish,
        "broken": [(way, meanwhile_for(tutor, way.name, ways)) for way in ways if way.state == "broken"],
        "has_place": has_place(tutor, ways),
        "asleep": [way.label for way in ways if way.name in tutor.fallback_providers and not way.is_usable and way != wish],
        "others": others or OthersForm(ways=ways, tutor=tutor),
    }
    with timezone.override(parse_zone(tutor.time_zone)):
        context |= progress_of(tutor)
        return render(request, "meetings/teaching/connections.html", context, status=400 if others else 200)


@require_POST
def connect(request: PersonRequest, provider: str) -> HttpResponse:
    """Send the tutor to the vendor's page of consent."""
    return redirect(begin_consent(request.session, tutor_of_account(request, provider), provider))


@require_GET
@never_cache
def receive(request: PersonRequest, provider: str) -> HttpResponse:
    """Take the vendor's answer. A GET that writes: the protocol knows no other, and `state` keeps others from sending it."""
    asked = {name: request.GET.get(name, "") for name in ("state", "code", "error")}
    ending = receive_answer(request.session, tutor_of_account(request, provider), provider, Answer(**asked))
    tell = messages.success if ending.is_fine else messages.warning if ending.connection else messages.error
    tell(request, ending.sentence)
    return SeeOther(reverse("meetings:connection_list"))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def end_connection(request: PersonRequest, provider: str) -> HttpResponse:
    """Ask whether the account is to be let go, with what becomes of the sessions; then do it.

    Whoever comes back here afterwards is told so. Raises Http404 for those who never connected one there.
    """
    tutor = own_tutor(request)
    newest_first = VideoConnection.objects.visible_to(request.user).order_by(F("disconnected_at").desc(nulls_first=True))
    connection: VideoConnection = get_list_or_404(newest_first, provider=provider)[0]
    if connection.disconnected_at is not None:
        messages.info(request, _("This account is disconnected already."))
        return SeeOther(reverse("meetings:connection_list"))
    if request.method == "POST":
        leave_account(connection, asked_by=request.user)
        told = _("%(vendor)s is disconnected. What we keep of it is erased as soon as no session needs it.")
        messages.success(request, told % {"vendor": connection.get_provider_display()})
        return SeeOther(reverse("meetings:connection_list"))
    leaving = plan_leaving(tutor, provider, now=timezone.now())
    context = {
        "tutor": tutor,
        "connection": connection,
        "next_place": provider_label(leaving.place) if leaving.place else "",
        "is_held_by_site": leaving.place == provider,
        **plan_shown(leaving.plan, leaving.place),
    }
    with timezone.override(parse_zone(tutor.time_zone)):
        return render(request, "meetings/teaching/disconnect.html", context)


@require_POST
def set_others(request: PersonRequest) -> HttpResponse:
    """Set where else sessions are held, in this order."""
    tutor = approved_tutor(request)
    form = OthersForm(request.POST, ways=ways_for(tutor), tutor=tutor)
    if not form.is_valid():
        return show_ways(request, tutor, form)
    choose_others(tutor, form.chain)
    messages.success(request, _("Saved. New sessions follow it; those that have their place keep it."))
    return SeeOther(reverse("meetings:connection_list"))
