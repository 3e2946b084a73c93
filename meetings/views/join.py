"""The door of a session, and what a booking's page says of its meeting."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from bookings.digests import digest
from bookings.models import Booking, User
from bookings.views.answers import SeeOther
from meetings.entering import enter
from meetings.joining import Door, find_door, hand_out_address, other_came_at, record_attendance
from meetings.models import NoShowReport
from meetings.no_shows import may_report
from meetings.places import name_of_place, remark_of
from meetings.roomless import ended_without_room
from meetings.standing import standing_of

WAITING = "waiting"


@require_safe
@never_cache
def join(request: HttpRequest, reference: str) -> HttpResponse:
    """Lead the student or the tutor through the open door; before and after, say how things stand.

    Who waits at the closed door is not led in by a page that was left open, for going in counts as having come:
    the waiting page (`?waiting`) offers a button once the door is open.
    """
    user = _user(request)
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=503)  # a browser that guesses: nobody has come yet
    mine = Booking.objects.of_parties(user).select_related("tutor__user", "student", "meeting__link", "no_show_report")
    booking = get_object_or_404(mine, reference=reference)
    now = timezone.now()
    door = find_door(booking, now=now)
    if door.is_open and WAITING not in request.GET:
        response = _through(booking, user, request)
    elif door.may_open and WAITING not in request.GET:
        response = _to_waiting(request)
    else:
        response = _before(door, booking, user, request)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_GET
@never_cache
def booking_status(request: HttpRequest, reference: str) -> HttpResponse:
    """Return the fragment that says whether the link is ready and when one can join. It asks again by itself.

    Answers 204 while it is as it was (`?seen=`): what is not replaced is neither read aloud again nor loses the focus.
    """
    user = _user(request)
    visible = Booking.objects.visible_to(user).select_related("tutor", "meeting__link", "no_show_report")
    booking = get_object_or_404(visible, reference=reference)
    now = timezone.now()
    door = find_door(booking, now=now)
    facts = {**_facts(door, booking, user, now=now), "look_again_in": door.look_again_in(now)}
    version = _version_of(facts)
    if request.GET.get("seen") == version:
        return HttpResponse(status=204)
    return render(request, "meetings/_booking_status.html", {**facts, "version": version})


def _version_of(facts: dict[str, Any]) -> str:
    """Return what changes with whatever the fragment shows, and with when it is to look again."""
    door = facts["door"]
    names = ("standing", "place", "remark", "other_came_at", "lacked_room", "decision", "can_report", "look_again_in")
    told = [facts[name] for name in names]
    return digest(door.state, door.opens_at, door.is_ready, *told)


def _facts(door: Door, booking: Booking, user: User, *, now: datetime) -> dict[str, Any]:
    """What pages show of a meeting; the tutor reads why it is not ready, the others that it is looked after."""
    is_tutor = user.pk == booking.tutor.user_id
    report: NoShowReport | None = getattr(booking, "no_show_report", None)
    return {
        "booking": booking,
        "door": door,
        "is_party": user.pk in (booking.student_id, booking.tutor.user_id),
        "is_tutor": is_tutor,
        "place": name_of_place(door.meeting) if door.meeting and door.is_ready else "",
        "standing": standing_of(door.meeting, now=now) if door.may_open and not door.is_ready else None,
        "other_came_at": other_came_at(door, booking, user),
        "remark": remark_of(door.meeting) if door.meeting and door.is_ready and is_tutor else "",
        "lacked_room": ended_without_room(booking, now),
        "report": report,
        "decision": report.decision if report else None,  # empty: it was reported, and is looked into
        "can_report": report is None and may_report(booking, user, now),
    }


def _through(booking: Booking, user: User, request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    is_coming = request.method == "GET"  # a HEAD only looks
    address = enter(booking, user) if is_coming else hand_out_address(booking, user, now=now)
    if not address:  # shut, or taken away, at this very moment
        return _to_waiting(request)
    if is_coming:
        record_attendance(booking.meeting, user, now=now)
    return HttpResponseRedirect(address)


def _to_waiting(request: HttpRequest) -> HttpResponse:
    return SeeOther(f"{request.path}?{WAITING}")


def _before(door: Door, booking: Booking, user: User, request: HttpRequest) -> HttpResponse:
    """Show the page to wait at. Answers 204 while it is as it was (`?seen=`)."""
    now = timezone.now()
    facts = {**_facts(door, booking, user, now=now), "look_again_in": door.look_again_in(now)}
    is_soon = (door.opens_at - now).days < 1
    version = digest(_version_of(facts), is_soon)
    if request.GET.get("seen") == version:
        return HttpResponse(status=204)
    return render(request, "meetings/join.html", {**facts, "is_soon": is_soon, "version": version})


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
