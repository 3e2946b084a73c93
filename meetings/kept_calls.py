"""What stays of the calls to providers: each of them for CALLS_KEPT_DAYS, their number by day for good."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncDate

from meetings.models import ProviderCall, ProviderDay

BATCH = 5_000
MOST_BATCHES = 200  # what a night leaves over, the next one deletes


@dataclass
class Total:
    """How many calls, and how many seconds they took in all."""

    calls: int = 0
    seconds: float = 0.0


def close_days(now: datetime) -> int:
    """Write down what each day (UTC) that is over came to. Returns how many rows are new; again: none.

    A call is stored when its answer comes, so a day is closed an hour after its end at the earliest.
    """
    last = ProviderDay.objects.aggregate(last=Max("day"))["last"]
    ends = _midnight(now - timedelta(hours=1))
    calls = ProviderCall.objects.filter(began_at__lt=ends)
    if last is not None:
        calls = calls.filter(began_at__gte=_after(last))
    told = calls.order_by().values_list(TruncDate("began_at", tzinfo=UTC), "provider", "outcome")
    rows = [
        ProviderDay(day=day, provider=provider, outcome=outcome, calls=number, seconds=seconds)
        for day, provider, outcome, number, seconds in told.annotate(number=Count("pk"), took=Sum("seconds"))
    ]
    with transaction.atomic():
        ProviderDay.objects.bulk_create(rows, ignore_conflicts=True)  # another worker may have been faster
    return len(rows)


def delete_old_calls(now: datetime) -> int:
    """Delete the calls that are older than CALLS_KEPT_DAYS and stand in the days. Returns how many; in short batches."""
    last = ProviderDay.objects.aggregate(last=Max("day"))["last"]
    if last is None:
        return 0
    before = min(now - timedelta(days=settings.CALLS_KEPT_DAYS), _after(last))
    old = ProviderCall.objects.filter(began_at__lt=before).order_by("began_at")
    number = 0
    for _batch in range(MOST_BATCHES):
        keys = list(old.values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        number += ProviderCall.objects.filter(pk__in=keys).delete()[0]
    return number


def totals() -> dict[tuple[str, str], Total]:
    """Return all calls there have ever been, by provider and outcome: figures that only grow. Three statements."""
    last = ProviderDay.objects.aggregate(last=Max("day"))["last"]
    since = {"began_at__gte": _after(last)} if last is not None else {}
    days = ProviderDay.objects.order_by().values_list("provider", "outcome")
    fresh = ProviderCall.objects.filter(**since).order_by().values_list("provider", "outcome")
    found: dict[tuple[str, str], Total] = defaultdict(Total)
    for provider, outcome, number, seconds in [
        *days.annotate(number=Sum("calls"), took=Sum("seconds")),
        *fresh.annotate(number=Count("pk"), took=Sum("seconds")),
    ]:
        found[provider, outcome].calls += number
        found[provider, outcome].seconds += seconds
    return dict(found)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), tzinfo=UTC)


def _after(day: date) -> datetime:
    """Return the moment (UTC) at which that day is over."""
    return datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=1)
