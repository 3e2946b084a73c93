"""What another place would mean for the sessions that are booked: which move, and which stay, each with the reason.

The pages that ask and the verbs that do (switching.py) read the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bookings.kept import Kept
from bookings.models import Booking, Tutor
from meetings.chain import MANUAL, POOL, chain_of
from meetings.models import Meeting
from meetings.ways import usable_without

UNDER_WAY = Kept("The door to it is open already, so it stays where it is.")
BY_HAND = Kept("A person gave its address, so it stays where it is.")
NEEDS_ADDRESS = Kept("It keeps its place until you give it an address.")


@dataclass(frozen=True)
class Plan:
    """Which sessions a switch moves, and which stay, each with the reason."""

    moving: list[Meeting]
    staying: list[tuple[Meeting, Kept]]


@dataclass(frozen=True)
class Leaving:
    """What letting an account go means. `place` holds new sessions from then on; it is empty where nothing else can."""

    place: str
    plan: Plan
    has_to_move: bool  # the tutor's wish, or a session


def plan_switch(tutor: Tutor, provider: str, *, now: datetime, leaving: str = "") -> Plan:
    """Look at the tutor's sessions to come that are held elsewhere; with `leaving`, only at those that are held there."""
    to_come = Meeting.objects.filter(
        booking__tutor=tutor,
        booking__status=Booking.Status.PAID,
        status__in=[Meeting.Status.WAITING, Meeting.Status.READY],
        during__endswith__gt=now,
    ).exclude(provider=provider)
    if leaving:
        to_come = to_come.filter(provider=leaving)
    plan = Plan([], [])
    for meeting in to_come.select_related("booking__student").order_by("during", "pk"):
        why = _why_it_stays(meeting, provider, now=now)
        if why is None:
            plan.moving.append(meeting)
        else:
            plan.staying.append((meeting, why))
    return plan


def plan_leaving(tutor: Tutor, provider: str, *, now: datetime) -> Leaving:
    """Look at what letting the tutor's own account there go does.

    Nothing moves where an account of the site holds sessions there as well, nor where no other place works. The pool is
    the last resort even if the tutor took it off the list: then it becomes their wish, or no new session would get there.
    """
    chain, usable = chain_of(tutor), usable_without(tutor, provider)
    place = next((name for name in chain if name in usable), "")
    if provider in usable or not (place or POOL in usable):
        return Leaving(place, Plan([], []), has_to_move=False)
    is_wished_for = tutor.meeting_provider == provider or not place
    place = place or POOL
    plan = plan_switch(tutor, place, now=now, leaving=provider)
    return Leaving(place, plan, has_to_move=is_wished_for or bool(plan.moving))


def _why_it_stays(meeting: Meeting, provider: str, *, now: datetime) -> Kept | None:
    if meeting.booking.join_opens_at <= now:
        return UNDER_WAY
    if not meeting.is_ready:
        return None
    if meeting.provider == MANUAL:
        return BY_HAND
    return NEEDS_ADDRESS if provider == MANUAL else None
