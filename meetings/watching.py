"""How the meetings go: plain questions for those who run the site, each a fixed number of statements.

Behind each stands an index: meeting_waiting and booking_paid_by_start / _by_end for what is missing, meeting_by_request
for the days, provider_call_by_time and provider_call_trouble for the calls, meeting_link_predecessor for the pool.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, FloatField, Max, Min, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber, TruncDate

from bookings import times
from bookings.models.bookings import BookingQuerySet
from meetings.dashboard import sessions_without_link
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.models.connections import UNREADABLE

UNPLANNED = "unplanned"
PREPARING = "preparing"
GRACE = timedelta(minutes=5)  # a session that was just paid for is no trouble yet
LONGEST = timedelta(days=2)  # no session is longer
DAYS = 30
LATEST_CALLS = 20
FEWEST_CALLS = 5  # of less nobody can tell whether a provider fails
LATEST_WITHIN = timedelta(hours=24)


class Median(Aggregate):
    """The value in the middle, PostgreSQL's percentile_cont."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


class Slow(Median):
    """The value that 95 of 100 do not exceed."""

    template = "%(function)s(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True)
class Missing:
    """Paid sessions to come that have no address for this reason: a Meeting.Trouble, "preparing" or "unplanned"."""

    reason: str
    number: int
    first_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True)
class Day:
    """How it went with the meetings asked for on one day at one provider.

    `asked` are those that came to an end there, well or not, or that wait with trouble; `seconds` is the median from the
    payment to the address, and for one that was moved or switched since, from that wish.
    """

    day: date
    provider: str
    asked: int
    ready: int
    seconds: float | None

    @property
    def percent(self) -> int:
        """Of a hundred meetings asked for, how many got their address here; rounded down, so that 100 means all."""
        return 100 * self.ready // self.asked if self.asked else 100


@dataclass(frozen=True)
class Lengths:
    """How long the calls to one provider took in some time, in seconds."""

    provider: str
    median: float
    slow: float  # 95 of 100 took no longer
    slowest: float


@dataclass(frozen=True)
class Calls(Lengths):
    """The same, and what became of these calls."""

    outcomes: Counter[str]

    @property
    def number(self) -> int:
        return self.outcomes.total()

    @property
    def by_outcome(self) -> list[tuple[str, str, int]]:
        """Return (outcome, what people read, number) of those that there were, the most frequent first."""
        return [(value, str(ProviderCall.Outcome(value).label), count) for value, count in self.outcomes.most_common()]

    @property
    def trouble(self) -> int:
        return count_trouble(self.outcomes)

    @property
    def percent(self) -> int:
        """Of a hundred calls, how many went well; rounded down."""
        return 100 * (self.number - self.trouble) // self.number if self.number else 100


@dataclass(frozen=True)
class Broken:
    """Accounts that must be connected again. All but those `by_tutors` are the staff's: of the site, or unreadable."""

    number: int
    by_tutors: int


def missing_by_reason(now: datetime) -> list[Missing]:
    """Return why paid sessions to come have no address, the earliest session first. One statement."""
    rows = sessions_without_link(now).order_by().values_list("meeting__status", "meeting__trouble")
    told = rows.annotate(number=Count("pk"), first_at=Min("during__startswith"), asked_at=Min("meeting__requested_at"))
    found: dict[str, Missing] = {}
    for status, trouble, number, first_at, asked_at in told:
        one = Missing(_reason(status, trouble), number, first_at, asked_at)
        found[one.reason] = _joined(found[one.reason], one) if one.reason in found else one
    return sorted(found.values(), key=lambda one: one.first_at)


def _reason(status: str | None, trouble: str | None) -> str:
    if status in (None, Meeting.Status.CANCELLED):
        return UNPLANNED
    if status == Meeting.Status.WAITING:
        return trouble or PREPARING
    return trouble or Meeting.Trouble.OTHER.value


def _joined(one: Missing, other: Missing) -> Missing:
    asked = [at for at in (one.asked_at, other.asked_at) if at is not None]
    return Missing(one.reason, one.number + other.number, min(one.first_at, other.first_at), min(asked, default=None))


def overdue_sessions(now: datetime) -> BookingQuerySet:
    """Return paid sessions that start within ALERT_HOURS_AHEAD, were paid five minutes ago or more, and have no address."""
    ahead = now + timedelta(hours=settings.ALERT_HOURS_AHEAD)
    # Both ends of the time, so that booking_paid_by_start finds the few of them among years of sessions.
    soon = sessions_without_link(now).filter(during__startswith__gt=now - LONGEST, during__startswith__lt=ahead)
    asked_at = Coalesce("meeting__requested_at", "order__paid_at", "created_at")
    return soon.annotate(asked_at=asked_at).filter(asked_at__lte=now - GRACE)


def meetings_by_day(now: datetime, *, zone: ZoneInfo, days: int = DAYS) -> list[Day]:
    """Return each day (of that zone) and provider of the last days, today included, the oldest first. Two statements.

    A meeting counts where it is held, and as not made at every provider given up on the way there. One cancelled before
    it was ready counts nowhere, nor does one that is being made for the first time.
    """
    first = times.local(now, zone).date() - timedelta(days=days - 1)
    asked = Meeting.objects.filter(requested_at__gte=times.day_bounds(first, first, zone).start).order_by()
    dated = asked.annotate(day=TruncDate("requested_at", tzinfo=zone))
    took = ExpressionWrapper(F("ready_at") - Coalesce("paid_at", "requested_at"), output_field=DurationField())
    is_ready = Q(ready_at__isnull=False)
    is_troubled = Q(status=Meeting.Status.FAILED) | Q(status=Meeting.Status.WAITING) & ~Q(trouble="")
    held = dated.values_list("day", "provider").annotate(
        ready=Count("pk", filter=is_ready),
        troubled=Count("pk", filter=~is_ready & is_troubled),
        took=Median(took, filter=is_ready, output_field=DurationField()),
    )
    given_up: Counter[tuple[date, str]] = Counter()
    for day, providers, number in (
        dated.exclude(passed_over=[]).values_list("day", "passed_over").annotate(number=Count("pk"))
    ):
        given_up.update(dict.fromkeys(((day, provider) for provider in set(providers)), number))
    found = [
        Day(day, provider, ready + troubled + given_up.pop((day, provider), 0), ready, _seconds(took))
        for day, provider, ready, troubled, took in held
    ]
    found += [Day(day, provider, number, 0, None) for (day, provider), number in given_up.items()]
    return sorted((one for one in found if one.asked), key=lambda one: (one.provider, one.day))


def calls_since(since: datetime) -> list[Calls]:
    """Return what became of the calls that began since then, by provider. Two statements."""
    recent = ProviderCall.objects.filter(began_at__gte=since).order_by()
    outcomes: dict[str, Counter[str]] = {}
    for provider, outcome, number in recent.values_list("provider", "outcome").annotate(number=Count("pk")):
        outcomes.setdefault(provider, Counter())[outcome] = number
    return [
        Calls(one.provider, one.median, one.slow, one.slowest, outcomes.get(one.provider, Counter()))
        for one in call_lengths(since)
    ]


def call_lengths(since: datetime) -> list[Lengths]:
    """Return how long the calls took that began since then, by provider. One statement."""
    recent = ProviderCall.objects.filter(began_at__gte=since).order_by("provider")
    took = recent.values_list("provider").annotate(
        median=Median("seconds", output_field=FloatField()),
        slow=Slow("seconds", output_field=FloatField()),
        slowest=Max("seconds"),
    )
    return [Lengths(*one) for one in took]


def slowest_calls(since: datetime, *, most: int) -> Sequence[ProviderCall]:
    """Return the slowest calls that began since then."""
    recent = ProviderCall.objects.filter(began_at__gte=since).select_related("meeting__booking")
    return list(recent.order_by("-seconds", "-pk")[:most])


def newest_troubles(since: datetime, *, most: int) -> Sequence[ProviderCall]:
    """Return the latest calls since then that went wrong."""
    wrong = ProviderCall.objects.filter(outcome__in=ProviderCall.TROUBLE, began_at__gte=since)
    return list(wrong.select_related("meeting__booking").order_by("-began_at", "-pk")[:most])


def latest_outcomes(now: datetime) -> dict[str, Counter[str]]:
    """Return what became of each provider's last twenty calls within a day. One statement.

    A consent that is gone is the tutor's matter, not the provider's: such calls are left out.
    """
    recent = ProviderCall.objects.filter(began_at__gte=now - LATEST_WITHIN).exclude(outcome=ProviderCall.Outcome.BROKEN)
    newest = Window(RowNumber(), partition_by="provider", order_by=["-began_at", "-pk"])
    found: dict[str, Counter[str]] = {}
    latest = recent.order_by().annotate(place=newest).filter(place__lte=LATEST_CALLS)
    for provider, outcome in latest.values_list("provider", "outcome"):
        found.setdefault(provider, Counter())[outcome] += 1
    return found


def failing_providers(now: datetime) -> dict[str, int]:
    """Return the providers of whose last twenty calls less than half went well, and how many of a hundred did."""
    shares = {provider: share_done(outcomes) for provider, outcomes in latest_outcomes(now).items()}
    return {provider: share for provider, share in sorted(shares.items()) if share < 50}


def share_done(outcomes: Counter[str]) -> int:
    """Return how many of a hundred calls went well, rounded down; 100 while there are too few to tell."""
    number = outcomes.total()
    if number < FEWEST_CALLS:
        return 100
    return 100 * (number - count_trouble(outcomes)) // number


def count_trouble(outcomes: Counter[str]) -> int:
    """Return how many of these calls did not bring about what was asked for."""
    return sum(outcomes[outcome] for outcome in ProviderCall.TROUBLE)


def broken_connections() -> QuerySet[VideoConnection]:
    """Return the accounts that must be connected again, the longest broken first."""
    connected: QuerySet[VideoConnection] = VideoConnection.objects.connected()
    broken = connected.filter(status=VideoConnection.Status.BROKEN)
    return broken.select_related("tutor__user").order_by("broken_at", "pk")


def count_broken() -> Broken:
    """Count the accounts that must be connected again, and those of them whose tutors can do so. One statement."""
    by_tutors = Q(tutor__isnull=False) & ~Q(broken_why=UNREADABLE())
    counted = broken_connections().order_by().aggregate(number=Count("pk"), by_tutors=Count("pk", filter=by_tutors))
    return Broken(**counted)


def _seconds(took: timedelta | None) -> float | None:
    """Return the seconds; none at all is a length of time, too."""
    return None if took is None else took.total_seconds()
