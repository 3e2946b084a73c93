"""Tell the two who sit in a session that it is held elsewhere; the address they join by stays the same (DESIGN D12).

A notice keeps the name of the place, in English; what has changed once more by the time of its mail is not mailed.
"""

from __future__ import annotations

from typing import Any

from bookings.calendars import hand_over_entry, invites_by_itself
from bookings.models import Notice, User
from bookings.notices import tell, version_of
from meetings.models import Meeting, SessionSwitch, VideoConnection
from meetings.places import place_in_english


def tell_of_place(meeting: Meeting, *, but: User | None = None) -> None:
    """Tell people where a session is held if they believe it elsewhere. Call it in the transaction that makes it ready.

    What they believe stands in `Meeting.told_provider`, and whoever tells them writes it. It begins with the tutor's
    choice at the moment that the session is paid: the confirmation names no place. The meeting is locked by the caller,
    and before it its booking.

    | what made it ready                     | who is told          | how                                          |
    | -------------------------------------- | -------------------- | -------------------------------------------- |
    | the place that they believe in         | nobody               |                                              |
    | and an address they saw holds no more  | both                 | a notice at once (`tell_of_new_room`)        |
    | a fallback, the way back, another wish | both                 | a notice at once                             |
    | a person who gave an address (`but`)   | both but that person | a notice at once                             |
    | a switch                               | both but who asked   | one mail for all, at its end (switch_mails)  |
    | any, if another party invites from now | both, whoever did it | a notice at once: it brings a calendar entry |
    """
    if meeting.provider == meeting.told_provider:
        return
    if _changes_inviter(meeting) or not _is_told_by_switch(meeting):
        tell_of_new_room(meeting, but=but)


def tell_of_new_room(meeting: Meeting, *, but: User | None = None) -> None:
    """Tell them that the session has another room, once for each generation of it; locks as in `tell_of_place`.

    A mail carries one session's entry of a calendar: RFC 5546 has one UID in a message, and mail programs show the first
    alone. So where another party invites from now on each session is told by itself, and nobody is left out.
    """
    booking, again = meeting.booking, f"{version_of(meeting.booking)}:{meeting.generation}"
    people = [booking.student, booking.tutor.user]
    if _changes_inviter(meeting):
        hand_over_entry(booking)
    else:
        people = [person for person in people if person != but]
    facts: dict[str, Any] = {"provider": meeting.provider, "place": place_in_english(meeting)}
    facts |= _why_not_as_wished(meeting)
    tell(Notice.Fact.LINK_CHANGED, to=people, booking=booking, key=again, **facts)
    meeting.told_provider = meeting.provider
    meeting.save(update_fields=["told_provider"])


def _why_not_as_wished(meeting: Meeting) -> dict[str, str]:
    """Return what the tutor's account refused the session for, in English, where it did: the tutor reads it."""
    tutor = meeting.booking.tutor
    if tutor.meeting_provider not in meeting.passed_over:
        return {}
    own = VideoConnection.objects.connected().filter(tutor=tutor, provider=tutor.meeting_provider)
    refused = own.exclude(refused_why="").values_list("refused_why", flat=True).first()
    return {"refused_why": refused} if refused else {}


def _changes_inviter(meeting: Meeting) -> bool:
    return invites_by_itself(meeting.provider) != invites_by_itself(meeting.told_provider)


def _is_told_by_switch(meeting: Meeting) -> bool:
    """True if a switch to this place has the session on its list and has not told students yet."""
    outcomes = [SessionSwitch.Outcome.WAITING, SessionSwitch.Outcome.MOVED]
    listed = SessionSwitch.objects.filter(meeting=meeting, switch__provider=meeting.provider, outcome__in=outcomes)
    return listed.filter(switch__told_at=None).exists()
