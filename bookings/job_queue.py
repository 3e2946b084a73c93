"""How the background work stands: asked of its tables, so that the answer holds for every process alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob, ProcrastinateWorker

# A worker gives a sign of life every ten seconds; a busy machine may skip a few.
SILENT_SECONDS = 60


@dataclass(frozen=True)
class WorkerPulse:
    """How many workers there are, and how long ago the liveliest one gave a sign of life (None: never)."""

    workers: int
    heartbeat_seconds: float | None


def read_pulse(now: datetime) -> WorkerPulse:
    """Return the pulse of the workers. A worker gives a sign of life every ten seconds."""
    found = ProcrastinateWorker.objects.aggregate(number=Count("pk"), latest=Max("last_heartbeat"))
    latest = found["latest"]
    age = None if latest is None else round(max(0.0, (now - latest).total_seconds()), 1)
    return WorkerPulse(workers=found["number"], heartbeat_seconds=age)


def count_jobs_by_state() -> dict[str, int]:
    """Return how many jobs are in each state, those of no job included."""
    counted = ProcrastinateJob.objects.values_list("status").annotate(number=Count("pk")).order_by()
    return dict.fromkeys(ProcrastinateJob.STATUSES, 0) | dict(counted)


def jobs_to_run(now: datetime) -> QuerySet[Any]:
    """Return the jobs that could run now, with `since`: from when on they could."""
    added = ProcrastinateEvent.objects.filter(job=OuterRef("pk"), type="deferred").order_by("at").values("at")[:1]
    todo: QuerySet[ProcrastinateJob] = ProcrastinateJob.objects.filter(status="todo")
    return todo.exclude(scheduled_at__gt=now).annotate(since=Coalesce(F("scheduled_at"), Subquery(added)))


def oldest_wait_seconds(now: datetime) -> float:
    """Return how long the oldest job that could run has been waiting, 0 when none is."""
    since = jobs_to_run(now).aggregate(oldest=Min("since"))["oldest"]
    return 0.0 if since is None else round(max(0.0, (now - since).total_seconds()), 1)


def count_late_jobs(now: datetime, *, after: timedelta) -> int:
    """Return how many jobs could have run at least that long ago and still wait."""
    return jobs_to_run(now).filter(since__lte=now - after).count()
