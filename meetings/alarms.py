"""Tell those who run the site what needs them: once, again only after a quiet period, and once when it is over.

Each kind of trouble is one row (Alert), locked before it is asked how things stand: of two workers the second finds
that the first has told everything. The mail is stored as a job in the same transaction, so it leaves if and only if the
row remembers it; a mail server that is away delays it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from bookings.rounds import for_each
from bookings.staff import Letter, mail_staff, staff_addresses
from meetings.alert_letters import write_over, write_trouble
from meetings.findings import AGAIN, FINDERS, Finding
from meetings.models import Alert

log = logging.getLogger("linkpool.meetings")

# News that cannot wait for the end of the quiet period (a session that begins before) waits so long at most.
URGENT_PAUSE = timedelta(minutes=5)
REMIND_AFTER = timedelta(days=1)  # of what goes on without anything new
ONCE = timedelta(days=36_500)
FORESEEN = frozenset({Alert.Kind.FORECAST.value})  # looked at by the hour, and told of once: it is not there yet


BY_NIGHT = frozenset({Alert.Kind.DIFFERENCES.value})  # found by the round that compares, and nowhere else


def watch(now: datetime) -> int:
    """Look at every kind of trouble of now and mail what is to be told. Returns how many kinds were mailed of."""
    return for_each(sorted({*Alert.Kind.values} - FORESEEN - BY_NIGHT), partial(follow, now=now))


def follow(kind: str, *, now: datetime) -> bool:
    """Note whether this kind of trouble begins, goes on or is over, and mail the staff if it is time. True if it was."""
    return _follow(kind, FINDERS[kind], now=now)


def follow_finding(kind: str, finding: Finding, *, now: datetime) -> bool:
    """As `follow`, where a round has found out how things stand."""
    return _follow(kind, lambda _now: finding, now=now)


@transaction.atomic
def _follow(kind: str, find: Callable[[datetime], Finding], *, now: datetime) -> bool:
    Alert.objects.get_or_create(kind=kind)
    alert = Alert.objects.select_for_update().get(kind=kind)
    finding = find(now)
    is_told = _tell_trouble(alert, finding, now=now)
    if alert.is_on and not finding.is_on:
        alert.end(at=now)
        if alert.was_mailed:
            _mail(partial(write_over, alert, finding))
            is_told = True
    alert.save()
    return is_told


def _tell_trouble(alert: Alert, finding: Finding, *, now: datetime) -> bool:
    if finding.is_on and not alert.is_on:
        alert.begin(at=now)
    news = finding.news(alert.told)
    is_time = alert.mailed_at is None or now >= alert.mailed_at + _pause(alert, finding)
    known = {key.removesuffix(AGAIN) for key in finding.members}
    alert.told = [key for key in alert.told if key.removesuffix(AGAIN) in known]
    if not is_time or not (news or finding.is_on):
        return False
    _mail(partial(write_trouble, alert, finding, news))
    alert.mailed_at = now
    alert.mails += 1
    alert.told = sorted(finding.members)
    log.warning("staff told", extra={"reason": alert.kind, "number": len(finding.members)})
    return True


def _pause(alert: Alert, finding: Finding) -> timedelta:
    """Return how long after the last mail the next one may go."""
    quiet = timedelta(minutes=settings.ALERT_QUIET_MINUTES)
    if alert.kind in FORESEEN and alert.was_mailed:
        return ONCE
    if finding.urgent_news(alert.told):
        return min(quiet, URGENT_PAUSE)
    if finding.news(alert.told) or not alert.was_mailed:
        return quiet
    return max(quiet, REMIND_AFTER)


def _mail(write: Callable[[], Letter]) -> None:
    if not staff_addresses():
        log.error("nobody can be told of trouble with meetings")
        return
    mail_staff(write)
