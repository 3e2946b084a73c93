"""Notices put into words: one function for each fact, in the language and zone that are active."""

from __future__ import annotations

from collections.abc import Callable

from bookings.letters import people, requests, rooms, sessions
from bookings.letters.letter import Letter
from bookings.letters.telling import Telling
from bookings.models import Notice

Fact = Notice.Fact

WRITERS: dict[str, Callable[[Telling], Letter]] = {
    Fact.PAID: sessions.paid,
    Fact.MOVED: sessions.moved,
    Fact.CANCELLED: sessions.cancelled,
    Fact.REQUESTED: requests.requested,
    Fact.PROPOSED: requests.proposed,
    Fact.ACCEPTED: requests.accepted,
    Fact.DECLINED: requests.declined,
    Fact.UNANSWERED: requests.unanswered,
    Fact.UNPAID: requests.unpaid,
    Fact.REMINDER_DAY: sessions.reminder_day,
    Fact.REMINDER_HOUR: sessions.reminder_hour,
    Fact.LINK_CHANGED: rooms.link_changed,
    Fact.ADDRESS_WANTED: rooms.address_wanted,
    Fact.ABSENCE_REPORTED: people.absence_reported,
    Fact.ABSENCE_DECIDED: people.absence_decided,
    Fact.INVITATION_ACCEPTED: people.invitation_accepted,
}


def write_letter(notice: Notice) -> Letter:
    """Put a notice into words. Wants it `with_rows`, and asks the database for nothing else."""
    return WRITERS[notice.fact](Telling(notice))
