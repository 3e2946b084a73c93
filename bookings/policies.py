"""What a change of plans costs and until when it can be made (DESIGN section 5): values only, and the one place for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bookings.money import Money

ALL, NOTHING = 100, 0


class Side(Enum):
    """Who changes a session: the student or whoever pays for it, its tutor, or somebody of the staff."""

    STUDENT = "student"
    TUTOR = "tutor"
    STAFF = "staff"


class Rule(Enum):
    """Which rule says what comes back."""

    UNPAID = "unpaid"  # nothing has been paid for it
    IN_TIME = "in_time"
    LATE = "late"
    BEGUN = "begun"
    NOT_THE_STUDENT = "not_the_student"


class Hurdle(Enum):
    """Why a session cannot be moved."""

    BEGUN = "begun"
    TOO_LATE = "too_late"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True)
class Share:
    """How many hundredths of what was paid come back, and by which rule."""

    percent: int
    rule: Rule


def usual_free_until(starts_at: datetime, *, free_hours: int) -> datetime:
    """Return until when a student can cancel a session for free that was never moved."""
    return starts_at - timedelta(hours=free_hours)


def free_until_after_move(
    side: Side, *, free_until: datetime, starts_at: datetime, now: datetime, free_hours: int
) -> datetime:
    """Return until when a student can cancel for free after a move at `now` to `starts_at`; it was `free_until` before.

    A student who could no longer cancel for free cannot by moving. Whoever is moved by the tutor or the staff has
    `free_hours` from now to say no, at most until the start, however near the new time is.
    """
    usual = usual_free_until(starts_at, free_hours=free_hours)
    if side is not Side.STUDENT:
        return max(usual, min(starts_at, now + timedelta(hours=free_hours)))
    return usual if now <= free_until else min(usual, free_until)


def share_back(side: Side, *, starts_at: datetime, free_until: datetime, now: datetime, late_percent: int) -> Share:
    """Return what comes back of a paid session that is cancelled at `now`. Exactly at a boundary counts as before it.

    A tutor or the staff give everything back. A student gets everything until `free_until`, then
    `late_percent`, and nothing once the session has begun.
    """
    if side is not Side.STUDENT:
        return Share(ALL, Rule.NOT_THE_STUDENT)
    if now <= min(free_until, starts_at):
        return Share(ALL, Rule.IN_TIME)
    if now <= starts_at:
        return Share(late_percent, Rule.LATE)
    return Share(NOTHING, Rule.BEGUN)


def part_of(money: Money, percent: int) -> Money:
    """Return so many hundredths of the money, rounded down to the minor unit."""
    return Money(money.amount * percent // 100, money.currency)


def why_not_move(
    side: Side, *, starts_at: datetime, now: datetime, moves: int, until_hours: int, moves_allowed: int
) -> Hurdle | None:
    """Return what stops a paid session from being moved at `now`, or None.

    Nobody moves one that has begun. A student moves it `moves_allowed` times, until `until_hours` before its start.
    """
    if now >= starts_at:
        return Hurdle.BEGUN
    if side is not Side.STUDENT:
        return None
    if now > starts_at - timedelta(hours=until_hours):
        return Hurdle.TOO_LATE
    return Hurdle.TOO_OFTEN if moves >= moves_allowed else None
