"""What a tutor's home says of links."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from bookings.models import Booking, Tutor, User
from bookings.times import parse_zone
from meetings.dashboard import sessions_without_link
from meetings.models import Meeting, VideoConnection
from meetings.standing import trouble_in_words

SHOWN = 10


@require_GET
@never_cache
def missing_links(request: HttpRequest) -> HttpResponse:
    """Return the fragment with what is wrong: accounts to connect again, paid sessions without a link; empty if nothing."""
    tutor = Tutor.objects.filter(user=request.user).first() if isinstance(request.user, User) else None
    if tutor is None:
        raise Http404
    found = list(sessions_without_link(timezone.now()).filter(tutor=tutor)[: SHOWN + 1])
    missing = [_shown(booking) for booking in found[:SHOWN]]
    broken = VideoConnection.objects.connected().filter(tutor=tutor, status=VideoConnection.Status.BROKEN)
    context = {"missing": missing, "has_more": len(found) > SHOWN, "broken": broken}
    with timezone.override(parse_zone(tutor.time_zone)):
        return render(request, "meetings/_teaching_links.html", context)


def _shown(booking: Booking) -> dict[str, Any]:
    meeting: Meeting | None = getattr(booking, "meeting", None)
    return {
        "booking": booking,
        "why": trouble_in_words(meeting),
        "needs_address": meeting is not None and meeting.trouble == Meeting.Trouble.BY_HAND,
    }
