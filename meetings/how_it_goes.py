"""What the admin's page of that name shows: figures with their charts, read in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bookings import times
from bookings.charts import Bar, Chart, Mark, draw_bars
from bookings.job_queue import WorkerPulse, count_late_jobs, oldest_wait_seconds, read_pulse
from bookings.lengths import seconds_in_words
from meetings import watching
from meetings.models import Alert, Meeting, ProviderCall, VideoConnection
from meetings.pool_use import PoolUse, pool_use
from meetings.providers import SetUp, provider_label, set_ups
from meetings.refusals import Refusal, refusals_of_set_up

CALLS_WITHIN = timedelta(days=7)
ROWS = 10
CONNECTIONS = 50
GOOD_PERCENT = 95  # a day below is drawn as one to look at, a day below half as a bad one
BAD_PERCENT = 50


@dataclass(frozen=True)
class Reason:
    """One line of the table of what is missing; `url` is the list of the admin that shows its rows."""

    label: str
    url: str
    missing: watching.Missing


@dataclass(frozen=True)
class History:
    """The last 30 days of one provider."""

    name: str
    label: str
    days: Sequence[watching.Day]
    shares: Chart
    seconds: Chart

    @property
    def asked(self) -> int:
        return sum(day.asked for day in self.days)

    @property
    def percent(self) -> int:
        return 100 * sum(day.ready for day in self.days) // self.asked if self.asked else 100


@dataclass(frozen=True)
class Queue:
    """How the background work stands."""

    oldest_seconds: float
    late: int
    pulse: WorkerPulse


@dataclass(frozen=True)
class HowItGoes:
    """The whole page."""

    reasons: Sequence[Reason]
    overdue: int
    histories: Sequence[History]
    calls: Sequence[tuple[str, watching.Calls]]
    calls_since: datetime
    slowest: Sequence[ProviderCall]
    troubles: Sequence[ProviderCall]
    refusals: Sequence[Refusal]
    connections: Sequence[VideoConnection]
    broken: watching.Broken
    pool: PoolUse
    queue: Queue
    alerts: Sequence[Alert]
    providers: Sequence[SetUp]

    @property
    def more_broken(self) -> int:
        return self.broken.number - len(self.connections)

    @property
    def missing(self) -> int:
        return sum(reason.missing.number for reason in self.reasons)


def look(now: datetime) -> HowItGoes:
    """Return how the meetings go. Days are those of the reader's zone."""
    zone = times.parse_zone(timezone.get_current_timezone_name())
    today = times.local(now, zone).date()
    since = now - CALLS_WITHIN
    return HowItGoes(
        reasons=[_reason(missing) for missing in watching.missing_by_reason(now)],
        overdue=watching.overdue_sessions(now).count(),
        histories=list(_histories(watching.meetings_by_day(now, zone=zone), today=today)),
        calls=[(provider_label(calls.provider), calls) for calls in watching.calls_since(since)],
        calls_since=since,
        slowest=watching.slowest_calls(since, most=ROWS),
        troubles=watching.newest_troubles(since, most=ROWS),
        refusals=refusals_of_set_up(now),
        connections=list(watching.broken_connections()[:CONNECTIONS]),
        broken=watching.count_broken(),
        pool=pool_use(now, today=times.day_bounds(today, today, zone)),
        queue=Queue(oldest_wait_seconds(now), count_late_jobs(now, after=timedelta(minutes=2)), read_pulse(now)),
        alerts=[alert for alert in Alert.objects.order_by("begun_at") if alert.is_on],
        providers=set_ups(),
    )


def _reason(missing: watching.Missing) -> Reason:
    meetings = reverse("admin:meetings_meeting_changelist") + "?status__exact=waiting&trouble__exact="
    if missing.reason == watching.UNPLANNED:
        label = _("not planned yet: the worker finds it within a minute")
        return Reason(label, reverse("admin:bookings_booking_changelist") + "?status__exact=paid", missing)
    if missing.reason == watching.PREPARING:
        return Reason(_("being prepared"), meetings, missing)
    return Reason(str(Meeting.Trouble(missing.reason).label), meetings + missing.reason, missing)


def _histories(days: Sequence[watching.Day], *, today: date) -> Iterator[History]:
    for name, found in groupby(days, key=lambda day: day.provider):
        of_provider = list(found)
        every = _every_day(of_provider, today=today)
        label = provider_label(name)
        yield History(name, label, of_provider[::-1], _shares(label, every), _seconds(label, every))


def _every_day(days: Sequence[watching.Day], *, today: date) -> list[watching.Day]:
    """Fill the days on which nothing was asked for: an axis of time has no gaps."""
    known, provider = {day.day: day for day in days}, days[0].provider
    first = today - timedelta(days=watching.DAYS - 1)
    dates = (first + timedelta(days=number) for number in range(watching.DAYS))
    return [known.get(one) or watching.Day(one, provider, 0, 0, None) for one in dates]


def _shares(label: str, days: Sequence[watching.Day]) -> Chart:
    bars = [Bar(_short(day), day.percent if day.asked else 0, _told_share(day), _kind(day.percent)) for day in days]
    worst = min(days, key=lambda day: day.percent)
    summary = _("%(provider)s: sessions that got their address, in percent by day. The worst: %(day)s, %(percent)d %%.")
    told = summary % {"provider": label, "day": _short(worst), "percent": worst.percent}
    return draw_bars(bars, summary=told, limit=Mark("100", ""), unit=" %")


def _seconds(label: str, days: Sequence[watching.Day]) -> Chart:
    bars = [Bar(_short(day), day.seconds or 0.0, _told_seconds(day)) for day in days]
    summary = _("%(provider)s: median time from the payment to the address by day. The longest: %(time)s.")
    longest = max(bar.value for bar in bars)
    return draw_bars(bars, summary=summary % {"provider": label, "time": seconds_in_words(longest)}, unit=" s")


def _told_seconds(day: watching.Day) -> str:
    return f"{_short(day)}: {'–' if day.seconds is None else seconds_in_words(day.seconds)}"


def _told_share(day: watching.Day) -> str:
    facts = {"day": _short(day), "ready": day.ready, "asked": day.asked, "percent": day.percent}
    return _("%(day)s: %(ready)d of %(asked)d, %(percent)d %%") % facts


def _kind(percent: int) -> str:
    if percent < BAD_PERCENT:
        return "bad"
    return "good" if percent >= GOOD_PERCENT else "wait"


def _short(day: watching.Day) -> str:
    return date_format(day.day, "SHORT_MONTH_DAY_FORMAT")
