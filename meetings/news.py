"""Tell the two who sit in a session that it is held elsewhere; the address they join by stays the same (DESIGN D12).

A notice keeps the name of the place, in English; what has changed once more by the time of its mail is not mailed.
"""

from __future__ import annotations

from typing import Any

from bookings.models import Booking, Notice
from bookings.notices import tell, version_of
from meetings.models import Meeting, VideoConnection
from meetings.places import place_in_english


def tell_of_place(meeting: Meeting) -> None:
    """Tell them if the meeting is held at another provider than they were told. Call it in the change's transaction."""
    if meeting.provider != place_told(meeting.booking):
        tell_of_new_room(meeting)


def tell_of_new_room(meeting: Meeting) -> None:
    """Tell them that the session has another room, once for each generation of it."""
    booking, again = meeting.booking, f"{version_of(meeting.booking)}:{meeting.generation}"
    people = [booking.student, booking.tutor.user]
    facts: dict[str, Any] = {"provider": meeting.provider, "place": place_in_english(meeting)}
    facts |= _why_not_as_wished(meeting)
    tell(Notice.Fact.LINK_CHANGED, to=people, booking=booking, key=again, **facts)


def _why_not_as_wished(meeting: Meeting) -> dict[str, str]:
    """Return what the tutor's account refused the session for, in English, where it did: the tutor reads it."""
    tutor = meeting.booking.tutor
    if tutor.meeting_provider not in meeting.passed_over:
        return {}
    own = VideoConnection.objects.connected().filter(tutor=tutor, provider=tutor.meeting_provider)
    refused = own.exclude(refused_why="").values_list("refused_why", flat=True).first()
    return {"refused_why": refused} if refused else {}


def place_told(booking: Booking) -> str:
    """Return the provider that people expect: the last one they were told of, else the tutor's."""
    told = Notice.objects.filter(booking=booking, fact=Notice.Fact.LINK_CHANGED, details__has_key="provider")
    last = told.order_by("-pk").values_list("details__provider", flat=True).first()
    return str(last) if last else booking.tutor.meeting_provider
