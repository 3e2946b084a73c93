"""What the staff should be told of at this moment, by kind: read from the rows, changed by nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from bookings.job_queue import oldest_wait_seconds
from bookings.models import Booking
from bookings.times import During
from meetings.dashboard import sessions_without_link
from meetings.forecast import WARN_DAYS, foresee
from meetings.models import Alert, Meeting
from meetings.pool_use import AHEAD, pool_use
from meetings.refusals import refusals_of_set_up
from meetings.watching import broken_connections, failing_providers, overdue_sessions

GIVEN_UP_WITHIN = timedelta(days=1)
LAST_CALL = timedelta(hours=2)
AGAIN = "!"  # ends what a member is known by from its last call on: it is news once more


@dataclass(frozen=True)
class Finding:
    """Trouble of one kind. `members` are what is told of it, by what they are known again by.

    While `is_on` the trouble is there; members without it are told of once, such as a session that is over. Those that
    are `urgent` do not wait for the quiet period to end when they are told of for the first time.
    """

    members: Mapping[str, Any]
    is_on: bool
    urgent: frozenset[str] = frozenset()

    def news(self, told: Iterable[str]) -> set[str]:
        """Return the members that nobody was told of yet, and those whose last call has come."""
        known = set(told)
        stems = {key.removesuffix(AGAIN) for key in known}
        return {key for key in self.members.keys() - known if key.endswith(AGAIN) or key not in stems}

    def urgent_news(self, told: Iterable[str]) -> set[str]:
        """Return those of the news that cannot wait."""
        known = set(told) | {key.removesuffix(AGAIN) for key in told}
        return {key for key in self.news(told) & self.urgent if key.removesuffix(AGAIN) not in known}


def find_missing(now: datetime) -> Finding:
    """Find paid sessions without an address for which a person is needed: asked for by provisioning, or overdue.

    There is a last call two hours before the start.
    """
    asked_for = sessions_without_link(now).filter(meeting__alerted_at__isnull=False)
    found = sorted({*overdue_sessions(now), *asked_for}, key=lambda booking: (booking.starts_at, booking.pk))
    to_come = {_known_by(booking, now=now): booking for booking in found}
    quiet_ends = now + timedelta(minutes=settings.ALERT_QUIET_MINUTES)
    urgent = frozenset(key for key, booking in to_come.items() if booking.starts_at < quiet_ends)
    return Finding({**_given_up(now), **to_come}, is_on=bool(to_come), urgent=urgent)


def _known_by(booking: Booking, *, now: datetime) -> str:
    return booking.reference + (AGAIN if booking.starts_at <= now + LAST_CALL else "")


def _given_up(now: datetime) -> dict[str, Booking]:
    """Sessions that were over before they had an address."""
    is_over = Q(status=Meeting.Status.FAILED, during__endswith__lte=now)
    failed = Meeting.objects.filter(is_over, alerted_at__gte=now - GIVEN_UP_WITHIN).order_by("during", "pk")
    meetings = failed.select_related("booking__student", "booking__tutor__user")
    return {meeting.booking.reference: meeting.booking for meeting in meetings}


def find_providers(now: datetime) -> Finding:
    """Find providers of whose last twenty calls less than half went well."""
    failing = failing_providers(now)
    return Finding(failing, is_on=bool(failing))


def find_connections(now: datetime) -> Finding:
    """Find accounts that must be connected again; one that breaks once more is another."""
    broken = {f"{one.pk}@{one.broken_at:%Y%m%d%H%M%S}": one for one in broken_connections()}
    return Finding(broken, is_on=bool(broken))


def find_queue(now: datetime) -> Finding:
    """Find out whether background work is late. The member is for how many seconds."""
    seconds = oldest_wait_seconds(now)
    is_late = seconds >= 60 * settings.ALERT_QUEUE_MINUTES
    return Finding({"queue": seconds} if is_late else {}, is_on=is_late)


def find_pool(now: datetime) -> Finding:
    """Find out whether nearly all links will be in use at once within the 24 hours to come."""
    use = pool_use(now, today=During(now, now + AHEAD))
    return Finding({"pool": use} if use.is_nearly_full else {}, is_on=use.is_nearly_full)


def find_forecast(now: datetime) -> Finding:
    """Find out whether some hour of the coming two weeks needs nearly all of the links."""
    forecast = foresee(now=now, days=WARN_DAYS)
    is_near = bool(forecast.nearly_full)
    return Finding({"forecast": forecast} if is_near else {}, is_on=is_near)


def find_refusals(now: datetime) -> Finding:
    """Find calls that were refused because of the set-up, also those that have worked since: somebody has to look."""
    found = {one.key: one for one in refusals_of_set_up(now)}
    return Finding(found, is_on=any(one.goes_on for one in found.values()))


FINDERS: Mapping[str, Callable[[datetime], Finding]] = {
    Alert.Kind.MISSING: find_missing,
    Alert.Kind.PROVIDERS: find_providers,
    Alert.Kind.SET_UP: find_refusals,
    Alert.Kind.CONNECTIONS: find_connections,
    Alert.Kind.QUEUE: find_queue,
    Alert.Kind.POOL: find_pool,
    Alert.Kind.FORECAST: find_forecast,
}
