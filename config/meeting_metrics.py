"""Figures of the meetings for Prometheus: the same as on the admin's page that tells how they go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bookings import times
from bookings.times import During
from config.figures import Figure, labelled, single
from meetings import kept_calls, watching
from meetings.models import Alert, Meeting
from meetings.pool_use import pool_use

UTC = times.parse_zone("UTC")
CALLS_WITHIN = timedelta(days=1)
REASONS = [watching.PREPARING, watching.UNPLANNED, *Meeting.Trouble.values]


def read_meeting_figures(now: datetime) -> Iterator[Figure]:
    """Yield the figures as they are now, in a fixed number of queries. "Today" is that of UTC."""
    missing = {one.reason: one.number for one in watching.missing_by_reason(now)}
    yield single("linkpool_paid_without_link", "Paid sessions to come without a ready meeting.", sum(missing.values()))
    yield labelled(
        "linkpool_meetings_without_address",
        "Paid sessions to come without an address by reason.",
        "reason",
        dict.fromkeys(REASONS, 0) | missing,
    )
    overdue = watching.overdue_sessions(now).count()
    yield single("linkpool_meetings_overdue", "Paid sessions that start soon and have no address.", overdue)
    yield from _today(now)
    yield from _calls(now)
    broken = watching.broken_connections().count()
    yield single("linkpool_connections_broken", "Accounts at providers that must be connected again.", broken)
    use = pool_use(now, today=_day(now))
    yield single("linkpool_links_in_use", "Pool links taken now, rest included.", use.now.in_use)
    yield single("linkpool_links_peak_today", "Most available pool links taken at one moment of today.", use.peak_today)
    yield single("linkpool_links_peak_ahead", "The same within the next 24 hours.", use.peak_ahead)
    on = {alert.kind: float(alert.is_on) for alert in Alert.objects.all()}
    yield labelled(
        "linkpool_alert", "1 while this kind of trouble is there.", "kind", dict.fromkeys(Alert.Kind.values, 0.0) | on
    )


def _today(now: datetime) -> Iterator[Figure]:
    days = watching.meetings_by_day(now, zone=UTC, days=1)
    yield labelled(
        "linkpool_meetings_asked_today",
        "Meetings asked for today that came to an end at a provider, well or not.",
        "provider",
        {day.provider: day.asked for day in days},
    )
    yield labelled(
        "linkpool_meetings_ready_today",
        "Meetings asked for today that got their address there.",
        "provider",
        {day.provider: day.ready for day in days},
    )
    yield labelled(
        "linkpool_meeting_ready_seconds_median_today",
        "Median time from the payment to the address of meetings asked for today; after a move, from the move.",
        "provider",
        {day.provider: day.seconds for day in days if day.seconds is not None},
    )


def _calls(now: datetime) -> Iterator[Figure]:
    totals, labels = kept_calls.totals(), ("provider", "outcome")
    yield Figure(
        "linkpool_provider_calls_total",
        "Calls to meeting providers by outcome.",
        {key: total.calls for key, total in totals.items()},
        labels,
        "counter",
    )
    yield Figure(
        "linkpool_provider_call_seconds_total",
        "Time that calls to meeting providers took.",
        {key: total.seconds for key, total in totals.items()},
        labels,
        "counter",
    )
    yield Figure(
        "linkpool_provider_call_seconds",
        "Time that calls of the last day took: the median, what 95 of 100 did not exceed, and the slowest.",
        {
            (lengths.provider, quantile): seconds
            for lengths in watching.call_lengths(now - CALLS_WITHIN)
            for quantile, seconds in (("0.5", lengths.median), ("0.95", lengths.slow), ("1", lengths.slowest))
        },
        ("provider", "quantile"),
    )
    yield labelled(
        "linkpool_provider_success_ratio",
        "Share of the last twenty calls within a day that went well.",
        "provider",
        {name: watching.share_done(outcomes) / 100 for name, outcomes in watching.latest_outcomes(now).items()},
    )


def _day(now: datetime) -> During:
    today = times.local(now, UTC).date()
    return times.day_bounds(today, today, UTC)
