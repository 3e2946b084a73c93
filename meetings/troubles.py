"""What is written when a meeting cannot be made: why it waits, until when, which provider is given up, who is told."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from bookings.errors import DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept, in_english
from bookings.models import Booking
from meetings import by_hand
from meetings.chain import POOL, chain_of, next_place
from meetings.errors import (
    ConnectionBroken,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderLeftAlone,
    ProviderMisconfigured,
    ProviderTrouble,
    ProviderUnavailable,
)
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.rooms import release_rooms
from meetings.silence import silent_for

OUR_TROUBLE = Kept("Something went wrong on our side; see the log.")
POOL_AGAIN = timedelta(minutes=1)
AT_THE_END_AGAIN = timedelta(hours=1)
OURS_AGAIN, OURS_AGAIN_AT_MOST = timedelta(seconds=30), timedelta(hours=1)
TRIES_BEFORE_ALERT = 3

TRIES, TRIES_IF_URGENT = 6, 2  # of a vendor that does not answer, before the next one is taken
BACKOFF_AT_MOST = timedelta(seconds=64)
URGENT = timedelta(minutes=5)  # before the door opens
# Tries take about so long where each is a wait: a vendor that is silent to all for so long is given up by each of them.
SILENT_TOO_LONG, SILENT_TOO_LONG_IF_URGENT = timedelta(minutes=2), timedelta(seconds=30)

Trouble = Meeting.Trouble
_KIND: dict[type[DomainError], Meeting.Trouble] = {
    NoLinkLeft: Trouble.POOL_FULL,
    ConnectionBroken: Trouble.RECONNECT,
    ProviderCannot: Trouble.CANNOT,
    ProviderMisconfigured: Trouble.SET_UP,
    ProviderUnavailable: Trouble.UNREACHABLE,
}


def note_trouble(meeting: Meeting, error: Exception) -> None:
    """Write why the meeting waits and when to try again; tell once who is needed: the admins, the tutor for an address."""
    now = timezone.now()
    reason = in_english(error.message) if isinstance(error, DomainError) else OUR_TROUBLE()
    trouble = _trouble_at_the_end(meeting) if isinstance(error, NoLinkLeft | NoPlaceLeft) else _kind_of(error)
    pause = pause_after(meeting, error, now=now)
    again = now + pause
    with transaction.atomic():
        if trouble == Trouble.BY_HAND:
            Booking.objects.select_for_update(no_key=True).get(pk=meeting.booking_id)  # before its meeting: notices name it
        mine = Meeting.objects.waiting().filter(pk=meeting.pk, generation=meeting.generation)
        # If links came free meanwhile the turn was brought forward: that must not be undone here.
        unless_woken = Case(When(next_attempt_at=meeting.next_attempt_at, then=Value(again)), default=F("next_attempt_at"))
        facts: dict[str, Any] = {"attempts": F("attempts") + 1, "last_error": reason[:500], "trouble": trouble}
        if isinstance(error, NoLinkLeft):
            facts["provider"] = POOL  # whoever looks for those that wait for a link finds it
        if isinstance(error, ProviderLeftAlone):
            facts |= {"attempts": F("attempts"), "provider": meeting.provider}
        if mine.update(next_attempt_at=unless_woken, **facts):
            if pause < timedelta(minutes=1):  # the round of every minute would come too late
                enqueue("meetings.provision_meeting", wait=pause + timedelta(seconds=1), meeting_id=meeting.pk)
            if _needs_a_person(meeting, error):
                tell_admins(meeting, now=now)
            if trouble == Trouble.BY_HAND:
                by_hand.ask_tutor(mine.select_related("booking__tutor__user").get(), now=now)
    meeting.last_error, meeting.trouble = reason[:500], trouble


def tell_admins(meeting: Meeting, *, now: datetime) -> None:
    """Note that this meeting needs the admins: alarms.watch mails them within a minute, many meetings in one mail."""
    Meeting.objects.filter(pk=meeting.pk, alerted_at=None).update(alerted_at=now)


def pass_over(meeting: Meeting, provider: str, error: ProviderTrouble) -> None:
    """Give a provider up for this meeting; what it may have made is closed. `meeting` is as the row then.

    The next try has a key of its own, so a room that turns up late is never taken for the new one.
    """
    with transaction.atomic():
        mine = Meeting.objects.waiting().select_for_update(of=("self",)).filter(pk=meeting.pk)
        row = mine.filter(generation=meeting.generation).first()
        if row is None:
            return
        release_rooms(row)
        row.passed_over = [*row.passed_over, provider]
        row.generation += 1
        row.external_id = row.join_url_tutor = row.join_url_student = ""
        row.trouble, row.last_error = _kind_of(error), in_english(error.message)[:500]
        row.save()
    for field in ("passed_over", "generation", "external_id", "trouble", "last_error"):
        setattr(meeting, field, getattr(row, field))


def may_try_again(meeting: Meeting, provider: str, error: ProviderTrouble) -> bool:
    """Say whether the same provider is asked again before the next one is taken (meetings.md section 1, RETRY)."""
    if not isinstance(error, ProviderUnavailable) or error.pause is not None:
        return False
    tries, silence = (TRIES_IF_URGENT, SILENT_TOO_LONG_IF_URGENT) if _is_urgent(meeting) else (TRIES, SILENT_TOO_LONG)
    return tries_in_a_row(meeting, provider) < tries and silent_for(provider, since=meeting.requested_at) < silence


def _is_urgent(meeting: Meeting) -> bool:
    return meeting.booking.join_opens_at - timezone.now() < URGENT


def tries_in_a_row(meeting: Meeting, provider: str) -> int:
    """Count the calls for this meeting there since one was last answered."""
    calls = ProviderCall.objects.filter(meeting=meeting, provider=provider, what__in=["create", "move", "check"])
    answered = calls.exclude(outcome=ProviderCall.Outcome.UNAVAILABLE).order_by("-pk").values_list("pk", flat=True).first()
    return calls.filter(pk__gt=answered or 0).count()


def pause_after(meeting: Meeting, error: Exception, *, now: datetime) -> timedelta:
    """Return how long to wait before the meeting is tried again."""
    if isinstance(error, NoLinkLeft):
        return POOL_AGAIN
    if isinstance(error, NoPlaceLeft):
        return AT_THE_END_AGAIN
    if isinstance(error, ProviderLeftAlone):
        spread = 2 if _is_urgent(meeting) else 30  # seconds; they are many, and the first of them asks for all
        return (error.after or timedelta()) + random.random() * timedelta(seconds=spread)  # noqa: S311 - spreads load only
    if isinstance(error, ProviderUnavailable):
        jitter = timedelta(seconds=random.random())  # noqa: S311 - spreads load only
        backoff = timedelta(seconds=2 ** min(tries_in_a_row(meeting, meeting.provider) - 1, 10)) + jitter
        return max(min(backoff, BACKOFF_AT_MOST), error.after or timedelta())
    if isinstance(error, ProviderCannot) and error.after is not None:
        return error.after
    doubled: timedelta = OURS_AGAIN * 2 ** min(meeting.attempts, 10)
    return min(doubled, OURS_AGAIN_AT_MOST)


def _kind_of(error: Exception) -> Meeting.Trouble:
    return next((kind for known, kind in _KIND.items() if isinstance(error, known)), Trouble.OTHER)


def _trouble_at_the_end(meeting: Meeting) -> Meeting.Trouble:
    """Return what would help a meeting that no place can hold: an account, an operator, a link, or else a person.

    One that only the pool was asked for, because its link is gone or a program wants one, has the rest of its chain yet.
    """
    tutor = meeting.booking.tutor
    chain = chain_of(tutor)
    broken = VideoConnection.objects.connected().filter(tutor=tutor, status=VideoConnection.Status.BROKEN)
    if broken.filter(provider__in=chain).exists():
        return Trouble.RECONNECT
    if meeting.trouble == Trouble.SET_UP and meeting.passed_over:
        return Trouble.SET_UP
    return Trouble.POOL_FULL if chain == [POOL] or _can_be_asked_elsewhere(meeting) else Trouble.BY_HAND


def _can_be_asked_elsewhere(meeting: Meeting) -> bool:
    """True while a place besides the pool was not given up for this meeting, and need not be left alone for now."""
    tried, now = {POOL}, timezone.now()
    while (place := next_place(meeting, tried=tried, now=now)) is not None:
        if place.free_at is None:
            return True
        tried.add(place.name)
    return False


def _needs_a_person(meeting: Meeting, error: Exception) -> bool:
    if isinstance(error, NoLinkLeft | NoPlaceLeft):
        return True
    return not isinstance(error, ProviderTrouble) and meeting.attempts + 1 >= TRIES_BEFORE_ALERT
