"""A tutor changes where sessions are held: those to come are moved one by one, and students are told once.

The wish and the list of sessions are written in one transaction; jobs then move them. A session is claimed by a lease, so a
worker that dies gives it back; what is moved stays moved, whoever looks again. Until its new room is ready a session keeps
the address that it has (relocation.switch_provider), so what fails halfway leaves nobody before a closed door.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from bookings.errors import BookingNotPaid, DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept
from bookings.models import Tutor, User
from meetings.accounts import disconnect, lock_tutor
from meetings.chain import MANUAL
from meetings.errors import (
    AddressWanted,
    ConnectionBroken,
    LinkSearchFailed,
    MeetingInTheMaking,
    MeetingNotWaiting,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderLeftAlone,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
)
from meetings.models import ProviderSwitch, SessionSwitch, VideoConnection
from meetings.models.switches import SessionSwitchQuerySet
from meetings.relocation import switch_provider
from meetings.switch_plans import BY_HAND, NEEDS_ADDRESS, UNDER_WAY, Plan, plan_leaving, plan_switch
from meetings.ways import require_usable

log = logging.getLogger("linkpool.meetings")

CALLED_OFF = Kept("It was called off meanwhile.")
SUPERSEDED = Kept("Another place was chosen meanwhile.")
LEFT = Kept("It was chosen meanwhile to leave it where it is.")
ASKED_FOR = Kept("You are asked for its address.")
NO_LINK = Kept("No link of the pool is free at that time.")
BROKEN = Kept("The account must be connected again first.")
CANNOT = Kept("It cannot be held there with this account.")
LATER = Kept("The account has reached its limit for today; it is moved as soon as that allows.")
REFUSED = Kept("It was refused there for a fault of our set-up.")
SILENT = Kept("No answer came from there.")
NOWHERE = Kept("It cannot be held there at the moment.")
FELL_BACK = Kept("It could not be held there, so the next place of your list was taken.")
OUR_TROUBLE = Kept("Something went wrong on our side; see the log.")

LEASE = timedelta(minutes=3)
AGAIN, AGAIN_AT_MOST = timedelta(seconds=5), timedelta(minutes=5)
TRIES = 6
Outcome = SessionSwitch.Outcome


@dataclass(frozen=True)
class Tally:
    """How far a switch is; `errors` are (booking reference, sentence)."""

    moved: int
    left: int
    errors: list[tuple[str, str]]


@transaction.atomic
def start_switch(tutor: Tutor, provider: str, *, asked_by: User | None, leaving: str = "") -> ProviderSwitch:
    """Have the tutor's sessions held there from now on, those that are booked as well. Jobs move them.

    A switch that was under way ends where it is. Raises ProviderNotForYou.
    """
    now = timezone.now()
    _write_wish(tutor, provider, now=now, why=SUPERSEDED)
    switch = ProviderSwitch.objects.create(tutor=tutor, provider=provider, asked_by=asked_by, asked_at=now)
    _list_sessions(switch, plan_switch(tutor, provider, now=now, leaving=leaving), now)
    enqueue("meetings.carry_on_switch", switch_id=switch.pk)
    log.info("switch of provider begun", extra={"tutor": tutor.slug, "provider": provider})
    return switch


@transaction.atomic
def choose_provider(tutor: Tutor, provider: str) -> None:
    """Have the tutor's new sessions held there; those that are booked stay where they are.

    A switch that was under way ends where it is. Raises ProviderNotForYou.
    """
    _write_wish(tutor, provider, now=timezone.now(), why=LEFT)
    log.info("provider chosen", extra={"tutor": tutor.slug, "provider": provider})


@transaction.atomic
def leave_account(connection: VideoConnection, *, asked_by: User | None) -> ProviderSwitch | None:
    """Disconnect a tutor's account, and have the sessions that are held with it moved as `plan_leaving` says.

    Returns that move; None where nothing has to move. A second call changes nothing.
    """
    tutor = Tutor.objects.get(video_connections=connection)
    lock_tutor(tutor)
    if not VideoConnection.objects.connected().filter(pk=connection.pk).exists():
        return None
    tutor.refresh_from_db()
    leaving = plan_leaving(tutor, connection.provider, now=timezone.now())
    disconnect(connection)
    if not leaving.has_to_move:
        return None
    return start_switch(tutor, leaving.place, asked_by=asked_by, leaving=connection.provider)


@transaction.atomic
def take_up_switch(tutor: Tutor, provider: str) -> ProviderSwitch:
    """Return the switch to this provider that is under way, else begin one. Raises ProviderNotForYou.

    Two that ask at once get the same one: whoever comes second waits for the first, and then looks.
    """
    lock_tutor(tutor)
    under_way = ProviderSwitch.objects.filter(tutor=tutor, provider=provider, finished_at=None).first()
    return under_way or start_switch(tutor, provider, asked_by=None)


def tally_of(switch: ProviderSwitch) -> Tally:
    """Count what became of the sessions of a switch.

    One that keeps its place until it is given an address, or for which another choice was made meanwhile, is named; one
    that stays because its door is open, or because a person gave its address, is no trouble.
    """
    sessions = switch.sessions.select_related("meeting__booking").order_by("meeting__during", "pk")
    told = {NEEDS_ADDRESS(), SUPERSEDED(), LEFT()}
    failed = [one for one in sessions if one.outcome == Outcome.FAILED or one.why in told]
    return Tally(
        moved=sum(1 for one in sessions if one.outcome == Outcome.MOVED),
        left=sum(1 for one in sessions if one.outcome == Outcome.WAITING),
        errors=[(one.meeting.booking.reference, one.why) for one in failed],
    )


def carry_on(switch: ProviderSwitch, *, seconds: float) -> bool:
    """Move sessions of a switch that are due, for about so long. True when all of them are settled."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (session := _claim(switch)) is not None:
        _move(session, switch)
    return settle(switch)


@transaction.atomic
def settle(switch: ProviderSwitch) -> bool:
    """Finish a switch whose sessions are all settled, and have the students told. False while some are to be moved."""
    row = ProviderSwitch.objects.select_for_update().get(pk=switch.pk)
    if row.finished_at is None and not row.sessions.filter(outcome=Outcome.WAITING).exists():
        _finish(row, timezone.now())
    return row.finished_at is not None


def newest_switch(tutor: Tutor) -> ProviderSwitch | None:
    return ProviderSwitch.objects.filter(tutor=tutor).order_by("-pk").first()


def unfinished(now: datetime) -> list[ProviderSwitch]:
    """Return the switches with a session whose turn has come, or that are done and not yet finished."""
    waiting = SessionSwitch.objects.waiting().filter(next_attempt_at__gt=now).values("switch")
    due = SessionSwitch.objects.due(now).values("switch")
    open_ones = ProviderSwitch.objects.filter(finished_at=None)
    return list((open_ones.filter(pk__in=due) | open_ones.exclude(pk__in=waiting)).order_by("pk"))


def _write_wish(tutor: Tutor, provider: str, *, now: datetime, why: Kept) -> None:
    """Keep others out, end what is under way (its sessions stay, `why`) and write the wish. Raises ProviderNotForYou."""
    lock_tutor(tutor)
    require_usable(tutor, provider)
    for earlier in ProviderSwitch.objects.filter(tutor=tutor, finished_at=None):
        SessionSwitch.objects.filter(switch=earlier).settle(Outcome.STAYED, why())
        _finish(earlier, now)
    tutor.meeting_provider = provider
    tutor.save(update_fields=["meeting_provider"])


def _list_sessions(switch: ProviderSwitch, plan: Plan, now: datetime) -> None:
    rows = [
        SessionSwitch(switch=switch, meeting=meeting, was_provider=meeting.provider, next_attempt_at=now)
        for meeting in plan.moving
    ]
    rows += [
        SessionSwitch(
            switch=switch, meeting=meeting, was_provider=meeting.provider, outcome=Outcome.STAYED, why=why(), done_at=now
        )
        for meeting, why in plan.staying
    ]
    SessionSwitch.objects.bulk_create(rows)


def _finish(switch: ProviderSwitch, now: datetime) -> None:
    switch.finished_at = now
    switch.save(update_fields=["finished_at"])
    enqueue("meetings.tell_of_switch", switch_id=switch.pk)


def _claim(switch: ProviderSwitch) -> SessionSwitch | None:
    """Take the first session that is due and that nobody else is moving."""
    now = timezone.now()
    with transaction.atomic():
        due: SessionSwitchQuerySet = SessionSwitch.objects.due(now).filter(switch=switch)
        session = due.select_for_update(skip_locked=True, of=("self",)).select_related("meeting__booking").first()
        if session is not None:
            session.next_attempt_at, session.attempts = now + LEASE, session.attempts + 1
            session.save(update_fields=["next_attempt_at", "attempts"])
        return session


def _move(session: SessionSwitch, switch: ProviderSwitch) -> None:
    """Move one session and write what became of it; one's trouble stops no other."""
    if _is_under_way(session):
        _write(session, Outcome.STAYED, UNDER_WAY)
        return
    try:
        moved = switch_provider(session.meeting, switch.provider, listed=session)
    except (DatabaseError, LinkSearchFailed):
        raise
    except (BookingNotPaid, MeetingNotWaiting):
        _write(session, Outcome.STAYED, _why_it_stayed(session))
    except AddressWanted:
        _write_wanted(session, switch)
    except DomainError as error:
        _write_trouble(session, error)
    except Exception:
        log.exception("moving a session failed", extra={"booking": session.meeting.booking.reference})
        _write(session, Outcome.FAILED, OUR_TROUBLE)
    else:
        if moved.provider == switch.provider:
            _write(session, Outcome.MOVED, None)
        else:
            _write(session, Outcome.FAILED, FELL_BACK)


def _is_under_way(session: SessionSwitch) -> bool:
    return session.meeting.is_ready and session.meeting.booking.join_opens_at <= timezone.now()


def _why_it_stayed(session: SessionSwitch) -> Kept:
    session.meeting.refresh_from_db(fields=["status", "provider"])
    if _is_under_way(session):
        return UNDER_WAY
    return BY_HAND if session.meeting.is_ready and session.meeting.provider == MANUAL else CALLED_OFF


def _write_wanted(session: SessionSwitch, switch: ProviderSwitch) -> None:
    """A person gives the address: one that waits is theirs from now on, one that has its place keeps it until then."""
    session.meeting.refresh_from_db(fields=["status"])
    if switch.provider != MANUAL:
        _write(session, Outcome.FAILED, FELL_BACK)
    elif session.meeting.is_ready:
        _write(session, Outcome.STAYED, NEEDS_ADDRESS)
    else:
        _write(session, Outcome.MOVED, ASKED_FOR)


def _write_trouble(session: SessionSwitch, error: DomainError) -> None:
    after = error.after if isinstance(error, ProviderTrouble) else None
    is_in_time = after is not None and session.meeting.booking.join_opens_at > timezone.now() + after
    if isinstance(error, ProviderCannot | ProviderLeftAlone) and after is not None and is_in_time:
        _wait(session, after, LATER if isinstance(error, ProviderCannot) else None)
    elif isinstance(error, MeetingInTheMaking | ProviderUnavailable) and session.attempts < TRIES:
        doubled = min(AGAIN * 2 ** (session.attempts - 1), AGAIN_AT_MOST)
        _try_later(session, max(doubled, after or timedelta()))
    else:
        _write(session, Outcome.FAILED, _REASONS.get(type(error), OUR_TROUBLE))


_REASONS: dict[type[DomainError], Kept] = {
    NoLinkLeft: NO_LINK,
    NoPlaceLeft: NOWHERE,
    ConnectionBroken: BROKEN,
    ProviderCannot: CANNOT,
    ProviderMisconfigured: REFUSED,
    ProviderUnavailable: SILENT,
    ProviderLeftAlone: SILENT,
    MeetingInTheMaking: SILENT,
}


def _try_later(session: SessionSwitch, pause: timedelta) -> None:
    SessionSwitch.objects.waiting().filter(pk=session.pk).update(next_attempt_at=timezone.now() + pause, why="")


def _wait(session: SessionSwitch, pause: timedelta, why: Kept | None) -> None:
    """Take the try back: nobody was asked, or nobody will be before then."""
    mine = SessionSwitch.objects.waiting().filter(pk=session.pk)
    mine.update(next_attempt_at=timezone.now() + pause, why=why() if why else "", attempts=F("attempts") - 1)


def _write(session: SessionSwitch, outcome: SessionSwitch.Outcome, why: Kept | None) -> None:
    SessionSwitch.objects.filter(pk=session.pk).settle(outcome, why() if why else "")
