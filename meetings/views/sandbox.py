"""Pages of the pretend provider: its rooms, and how it is to behave. They are there only while DEBUG is on."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from bookings.errors import InvalidInput
from bookings.views.answers import SeeOther
from meetings.providers.sandbox import SLOW_SECONDS, Mood, sandbox_mood, set_sandbox_mood

MOODS = {
    Mood.WORKS: gettext_lazy("Make rooms at once"),
    Mood.SLOW: gettext_lazy("Take some seconds for each room"),
    Mood.SILENT: gettext_lazy("Give no answer"),
    Mood.REFUSES: gettext_lazy("Refuse: not with this account"),
    Mood.MISCONFIGURED: gettext_lazy("Refuse: the set-up is wrong"),
}


@login_not_required
@require_GET
def sandbox_room(request: HttpRequest, code: str) -> HttpResponse:
    """Show a pretend room."""
    _require_debug()
    return render(request, "meetings/sandbox_room.html", {"code": code})


@require_http_methods(["GET", "HEAD", "POST"])
def sandbox_rooms(request: HttpRequest) -> HttpResponse:
    """Show how the pretend provider behaves; POST changes it for everybody."""
    _require_debug()
    if request.method == "POST":
        chosen = request.POST.get("mood", "")
        if chosen not in list(Mood):
            raise InvalidInput
        set_sandbox_mood(Mood(chosen))
        messages.success(request, _("From now on: %(mood)s.") % {"mood": MOODS[Mood(chosen)]})
        return SeeOther(request.path)
    context = {"moods": MOODS.items(), "mood": sandbox_mood(), "seconds": SLOW_SECONDS}
    return render(request, "meetings/sandbox_rooms.html", context)


def _require_debug() -> None:
    if not settings.DEBUG:
        raise Http404
