"""The mails to the staff about trouble with meetings, each written in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.staff import Letter
from meetings.findings import Finding
from meetings.models import Alert
from meetings.providers import provider_label

MOST_LINES = 50


def write_trouble(alert: Alert, finding: Finding, news: Set[str]) -> Letter:
    """Return the mail that tells of trouble: news first, fifty lines at most, and where to look."""
    members = dict(sorted(finding.members.items(), key=lambda item: item[0] not in news))
    facts = {
        "alert": alert,
        "members": list(members.values())[:MOST_LINES],
        "more": max(0, len(members) - MOST_LINES),
        "number": len(members),
        "page_url": _page(),
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }
    if alert.kind == Alert.Kind.PROVIDERS:
        facts["members"] = [(provider_label(name), percent) for name, percent in members.items()]
    if alert.kind == Alert.Kind.QUEUE:
        facts["minutes"] = _minutes(members)
    subject = SUBJECTS[alert.kind](members)
    return f"[{settings.SITE_NAME}] {subject}", render_to_string(f"mail/meetings/alert_{alert.kind}.txt", facts)


def write_over(alert: Alert, finding: Finding) -> Letter:
    """Return the mail that tells that the trouble is over, and of which sessions it came too late."""
    what = alert.get_kind_display()
    subject = _("All well again: %(what)s") % {"what": what}
    facts = {
        "what": what,
        "alert": alert,
        "given_up": list(finding.members) if alert.kind == Alert.Kind.MISSING else [],
        "page_url": _page(),
        "site_name": settings.SITE_NAME,
    }
    return f"[{settings.SITE_NAME}] {subject}", render_to_string("mail/meetings/alert_over.txt", facts)


def _page() -> str:
    return f"{settings.SITE_URL}{reverse('admin:meetings_meeting_watching')}"


def _minutes(members: Mapping[str, Any]) -> int:
    return int(members["queue"] // 60)


def _missing(members: Mapping[str, Any]) -> str:
    if len(members) == 1:
        return _("No meeting link for %(booking)s") % {"booking": next(iter(members.values())).reference}
    told = ngettext(
        "%(count)d paid session has no meeting link", "%(count)d paid sessions have no meeting link", len(members)
    )
    return told % {"count": len(members)}


def _providers(members: Mapping[str, Any]) -> str:
    return _("Calls fail at %(names)s") % {"names": ", ".join(provider_label(name) for name in members)}


def _refusals(members: Mapping[str, Any]) -> str:
    names = ", ".join(dict.fromkeys(one.label for one in members.values()))
    return _("Refused because of the set-up: %(names)s") % {"names": names}


def _connections(members: Mapping[str, Any]) -> str:
    told = ngettext("%(count)d account must be connected again", "%(count)d accounts must be connected again", len(members))
    return told % {"count": len(members)}


def _queue(members: Mapping[str, Any]) -> str:
    minutes = _minutes(members)
    told = ngettext("Background work is %(count)d minute late", "Background work is %(count)d minutes late", minutes)
    return told % {"count": minutes}


def _pool(members: Mapping[str, Any]) -> str:
    use = members["pool"]
    return _("The link pool is nearly full: %(used)d of %(all)d") % {"used": use.peak_ahead, "all": use.now.available}


def _forecast(members: Mapping[str, Any]) -> str:
    forecast = members["forecast"]
    told = _("The link pool will be nearly full: %(needed)d of %(all)d needed")
    return told % {"needed": forecast.peak.needed, "all": forecast.links}


def _differences(members: Mapping[str, Any]) -> str:
    names = ", ".join(dict.fromkeys(one.label for one in members.values()))
    return _("Too many rooms differ, so nothing was changed: %(names)s") % {"names": names}


SUBJECTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    Alert.Kind.MISSING: _missing,
    Alert.Kind.PROVIDERS: _providers,
    Alert.Kind.SET_UP: _refusals,
    Alert.Kind.CONNECTIONS: _connections,
    Alert.Kind.QUEUE: _queue,
    Alert.Kind.POOL: _pool,
    Alert.Kind.FORECAST: _forecast,
    Alert.Kind.DIFFERENCES: _differences,
}
