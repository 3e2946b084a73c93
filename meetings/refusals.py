"""Calls that a provider refused because of how the site is set up: told to those who run it, for nobody else can mend it.

Sessions take the next place of their tutor's list meanwhile, and a room that cannot be closed harms nobody today: without
this, such a fault would be seen in the lists of calls only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, CharField, Count, F, Max, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from meetings.models import ProviderCall, VendorRoom
from meetings.providers import is_offered, provider_label

WITHIN = timedelta(days=7)  # what nobody asked for again in so long is not told of any more
FINE = (ProviderCall.Outcome.DONE, ProviderCall.Outcome.PENDING, ProviderCall.Outcome.GONE)
OF_ROOM = ("cancel", "find")  # asked again and again for one room: that others could be closed mends nothing
OF_ACCOUNT = ("refresh", "look", "list")  # asked again and again for one account
# Asked for sessions, and for the pool: that it works for a tutor of the site's own domain mends nothing for one outside.
OF_TUTOR = ("create", "move", "check")
QUIET = timedelta(days=1)  # after that a refusal for a tutor counts as over: the same may never be asked for again

ASKED: Mapping[str, str | Promise] = {
    "create": _("making a room"),
    "move": _("moving a room"),
    "check": _("looking at a room"),
    "cancel": _("closing a room"),
    "find": _("looking for a room to close"),
    "end": _("ending a call"),
    "list": _("listing the rooms"),
    "refresh": _("renewing a token"),
    "look": _("looking at an account"),
    "connect": _("connecting an account"),
    "revoke": _("giving a consent back"),
}

_KEYS = _("The provider does not take the keys of this site: compare them with its console, and set them anew.")
_WAY_BACK = _("Register the address of this site that ends in /callback in the provider’s console, letter for letter.")
_SWITCHED_OFF = _("Enable the Google Calendar API and the Google Meet REST API in your project at Google.")
_RIGHTS = _("Give the app, or the account of the site, all the rights that docs/operating.md lists.")
_NOBODY = _("The person in whose name the site makes meetings is not there: look at GOOGLE_DELEGATED_USER or ZOOM_HOST.")
_FILE = _("Look at GOOGLE_SERVICE_ACCOUNT_FILE: the file cannot be used.")
_BY_HAND = _("We go on trying. If the room must not stay, close it at the provider.")
_OTHERWISE = _(
    "Compare the settings of this provider with docs/operating.md and with its console. If all is right there, the fault is "
    "in the program: please report this line."
)
ADVICE: Mapping[str, str | Promise] = {
    **dict.fromkeys(["invalid_client", "deleted_client", "401", "4702", "4704", "4706", "4709", "124", "authError"], _KEYS),
    **dict.fromkeys(["redirect_uri_mismatch"], _WAY_BACK),
    **dict.fromkeys(["accessNotConfigured", "SERVICE_DISABLED"], _SWITCHED_OFF),
    **dict.fromkeys(["unauthorized_client", "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"], _RIGHTS),
    **dict.fromkeys(["forbiddenForServiceAccounts", "PERMISSION_DENIED", "4711", "4700", "403"], _RIGHTS),
    **dict.fromkeys(["invalid_grant", "1001", "1010"], _NOBODY),
    "key_file": _FILE,
}

Asked = tuple[str, str, int | None, int | None]  # at which provider what, for which account and which tutor


@dataclass(frozen=True)
class Refusal:
    """What a provider refused with the same code. `goes_on` is false once the same was done there."""

    provider: str
    what: str
    reason: str  # the vendor's code, or where it gave none our words for it, in English
    detail: str
    calls: int
    last_at: datetime
    goes_on: bool

    @property
    def key(self) -> str:
        """By what it is known again."""
        return f"{self.provider}:{self.what}:{self.reason}"[:60]

    @property
    def label(self) -> str:
        return provider_label(self.provider)

    @property
    def asked(self) -> str:
        return str(ASKED.get(self.what, self.what))

    @property
    def advice(self) -> str:
        """Say what to do."""
        return str(ADVICE.get(self.reason) or (_BY_HAND if self.what in OF_ROOM else _OTHERWISE))


def refusals_of_set_up(now: datetime) -> list[Refusal]:
    """Return what was refused within a week, what goes on first. One statement if nothing was, three at most.

    It goes on until the same was done there: for a room, until that one is closed or given up; for an account, with that
    one; for a tutor, with the same account, or until nobody was refused for a day; else with any. At a provider whose keys
    were taken away nothing goes on.
    """
    refused = ProviderCall.objects.filter(outcome=ProviderCall.Outcome.MISCONFIGURED, began_at__gt=now - WITHIN).order_by()
    reason = Case(When(code="", then=F("detail")), default=F("code"), output_field=CharField())
    asked = refused.annotate(subject=_SUBJECT, tutor=_TUTOR, reason=reason)
    told = asked.values("provider", "what", "reason", "subject", "tutor")
    rows = list(told.annotate(calls=Count("pk"), last_at=Max("began_at"), words=Max("detail")))
    if not rows:
        return []
    fine, closing = _last_fine(rows, now), _rooms_to_close(rows)
    found: dict[tuple[str, str, str], Refusal] = {}
    for row in rows:
        one = _refusal(row, goes_on=_goes_on(row, fine, closing, now))
        before = found.get((one.provider, one.what, one.reason))
        found[one.provider, one.what, one.reason] = _joined(before, one) if before else one
    return sorted(found.values(), key=lambda one: (not one.goes_on, one.provider, one.what, one.reason))


# What a later call must be about to show that a refusal is over: for what is asked once, any call that asks the same.
_SUBJECT = Case(
    When(what__in=OF_ROOM, then=F("meeting_id")),
    When(what__in=OF_ACCOUNT + OF_TUTOR, then=F("connection_id")),
    default=Value(None),
    output_field=BigIntegerField(),
)
_TUTOR = Case(
    When(what__in=OF_TUTOR, then=F("meeting__booking__tutor_id")), default=Value(None), output_field=BigIntegerField()
)


def _last_fine(rows: Iterable[Mapping[str, Any]], now: datetime) -> dict[Asked, datetime]:
    """Return when the same that was refused last worked. Of the many calls for tutors only those of a day are read."""
    asked = [row for row in rows if row["what"] not in OF_ROOM and not _is_quiet(row, now)]
    if not asked:
        return {}
    calls = ProviderCall.objects.filter(outcome__in=FINE, began_at__gt=min(row["last_at"] for row in asked)).order_by()
    calls = calls.exclude(what__in=OF_TUTOR, began_at__lte=now - QUIET)
    same = calls.filter(provider__in={row["provider"] for row in asked}, what__in={row["what"] for row in asked})
    told = same.annotate(subject=_SUBJECT, tutor=_TUTOR).values("provider", "what", "subject", "tutor")
    return {_asked(row): row["last_at"] for row in told.annotate(last_at=Max("began_at"))}


def _asked(row: Mapping[str, Any]) -> Asked:
    return row["provider"], row["what"], row["subject"], row["tutor"]


def _is_quiet(row: Mapping[str, Any], now: datetime) -> bool:
    return row["what"] in OF_TUTOR and row["last_at"] <= now - QUIET


def _rooms_to_close(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """Return the provider and the meeting of each room that could not be closed and still is to be."""
    meetings = {row["subject"] for row in rows if row["what"] in OF_ROOM}
    if not meetings:
        return set()
    rooms = VendorRoom.objects.filter(state=VendorRoom.State.CLOSING, meeting__in=meetings)
    return set(rooms.values_list("provider", "meeting"))


def _goes_on(row: Mapping[str, Any], fine: Mapping[Asked, datetime], closing: set[tuple[str, int]], now: datetime) -> bool:
    if not is_offered(row["provider"]) or _is_quiet(row, now):
        return False
    if row["what"] in OF_ROOM:
        return (row["provider"], row["subject"]) in closing
    worked_at = fine.get(_asked(row))
    return worked_at is None or worked_at < row["last_at"]


def _refusal(row: Mapping[str, Any], *, goes_on: bool) -> Refusal:
    return Refusal(
        provider=row["provider"],
        what=row["what"],
        reason=row["reason"],
        detail=row["words"],
        calls=row["calls"],
        last_at=row["last_at"],
        goes_on=goes_on,
    )


def _joined(one: Refusal, other: Refusal) -> Refusal:
    later = max(one, other, key=lambda each: each.last_at)
    return replace(later, calls=one.calls + other.calls, goes_on=one.goes_on or other.goes_on)
