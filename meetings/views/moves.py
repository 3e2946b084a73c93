"""What pages show of sessions that move to another place: before, and on their way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Value, When
from django.http import Http404
from django.utils import timezone

from bookings.access import PersonRequest, own_tutor
from bookings.digests import digest
from bookings.models import Tutor
from meetings.chain import MANUAL
from meetings.models import SessionSwitch, VideoConnection
from meetings.providers import provider_label
from meetings.switch_plans import Plan
from meetings.switching import LEFT, SUPERSEDED, newest_switch

SHOWN = 20
SHOWN_FOR = timedelta(days=1)  # after the last session was settled
Outcome = SessionSwitch.Outcome
FIRST_TO_SEE = (Outcome.FAILED, Outcome.WAITING, Outcome.STAYED, Outcome.MOVED)


def approved_tutor(request: PersonRequest) -> Tutor:
    """Return the reader as a tutor whom students can book. Raises Http404 for everybody else."""
    tutor = own_tutor(request)
    if not tutor.is_approved:
        raise Http404
    return tutor


def tutor_of_account(request: PersonRequest, provider: str) -> Tutor:
    """Return the reader as a tutor who may connect an account there. Raises Http404 for everybody else.

    Whoever has one connected stays its owner, approved or not: sessions to come may be held with it.
    """
    tutor = own_tutor(request)
    mine = VideoConnection.objects.connected().filter(tutor=tutor, provider=provider)
    if not tutor.is_approved and not mine.exists():
        raise Http404
    return tutor


def plan_shown(plan: Plan, provider: str) -> dict[str, Any]:
    """Return what a preview shows: the sessions that move there and those that stay, the first ones by name."""
    return {
        "is_by_hand": provider == MANUAL,
        "moving": plan.moving[:SHOWN],
        "more_moving": len(plan.moving[SHOWN:]),
        "moving_count": len(plan.moving),
        "staying": [(meeting, why()) for meeting, why in plan.staying[:SHOWN]],
        "more_staying": len(plan.staying[SHOWN:]),
        "staying_count": len(plan.staying),
    }


def progress_of(tutor: Tutor) -> dict[str, Any]:
    """Return how the newest switch goes; nothing for a tutor who never switched, or whose move is long over."""
    switch = newest_switch(tutor)
    if switch is None or (switch.finished_at is not None and timezone.now() - switch.finished_at > SHOWN_FOR):
        return {"switch": None}
    stopped = switch.sessions.filter(outcome=Outcome.STAYED, why__in=[SUPERSEDED(), LEFT()])
    told = dict(switch.sessions.order_by().values_list("outcome").annotate(number=Count("pk")))
    ranks = [When(outcome=outcome, then=Value(rank)) for rank, outcome in enumerate(FIRST_TO_SEE)]
    rows = switch.sessions.select_related("meeting__booking__student")
    rows = rows.order_by(Case(*ranks, output_field=IntegerField()), "meeting__during", "pk")
    shown = list(rows[:SHOWN])
    said = [(one.pk, one.outcome, one.why) for one in shown]
    return {
        "switch": switch,
        "is_stopped": stopped.exists(),
        "version": digest(switch.pk, switch.finished_at, sorted(told.items()), said),
        "sessions": shown,
        "more": max(0, sum(told.values()) - SHOWN),
        "place": provider_label(switch.provider),
        "counts": {str(outcome): told.get(outcome, 0) for outcome in Outcome},
    }
