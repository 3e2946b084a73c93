"""The night's comparison of our rooms with the vendors': little is mended by itself, much waits for a person.

A night in which a great part of an account differs is none of the vendor's: a backup was restored, another site shares
the account, an answer was not whole. Closing what people are to meet in would be worse than leaving it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from meetings import alarms
from meetings.findings import Finding
from meetings.models import Alert, VendorRoom
from meetings.providers import provider_label
from meetings.reconciliation import Finding as Kind
from meetings.reconciliation import Remedy, reconcile
from meetings.vendor_accounts import Account

log = logging.getLogger("linkpool.meetings")

BELIEVABLE = 20  # differences of one account in one night, whatever it has…
BELIEVABLE_PERCENT = 10  # …or so many of a hundred of its rooms


@dataclass(frozen=True)
class HeldBack:
    """An account of which nothing was mended, and what would have been."""

    label: str
    to_close: int
    to_make: int
    standing: int


def reconcile_by_night(now: datetime) -> int:
    """Mend what differs, but for accounts where more does than is believable: of those the staff are told.

    Returns how many accounts were left as they are. Raises as `reconcile`.
    """
    held: dict[str, HeldBack] = {}
    silent: set[str] = set()

    def may_mend(account: Account, remedies: Sequence[Remedy]) -> bool:
        if any(remedy.difference.finding is Kind.NO_ANSWER for remedy in remedies):
            silent.add(_known_by(account))
        unbelievable = _too_much(account, remedies)
        if unbelievable is not None:
            held[_known_by(account)] = unbelievable
            log.error("too many rooms differ", extra={"provider": account.provider, "number": len(remedies)})
        return unbelievable is None

    was_whole = False
    try:
        reconcile(now, may_mend=may_mend)
        was_whole = True
    finally:
        if held or was_whole:
            _tell(held, silent, now)
    return len(held)


def note_mended(now: datetime) -> None:
    """Note that a person had everything mended: what the staff were told of is over."""
    alarms.follow_finding(Alert.Kind.DIFFERENCES, Finding({}, is_on=False), now=now)


def _too_much(account: Account, remedies: Sequence[Remedy]) -> HeldBack | None:
    """Return what would be changed if that is more than is believable, else None."""
    counted = Counter(remedy.difference.finding for remedy in remedies if remedy.changes)
    if counted.total() <= BELIEVABLE:
        return None
    rooms = VendorRoom.objects.standing().filter(provider=account.provider, connection=account.connection)
    standing = rooms.count()
    if 100 * counted.total() <= BELIEVABLE_PERCENT * standing:
        return None
    label = str(account.connection) if account.connection else provider_label(account.provider)
    return HeldBack(label, counted.total() - counted[Kind.GONE], counted[Kind.GONE], standing)


def _known_by(account: Account) -> str:
    return f"{account.provider}:{account.connection.pk if account.connection else ''}"


def _tell(held: dict[str, HeldBack], silent: set[str], now: datetime) -> None:
    """Tell of each account anew every night; of one that did not answer this time nobody knows that it is well again."""
    told = Alert.objects.filter(kind=Alert.Kind.DIFFERENCES).values_list("told", flat=True).first() or []
    if not held and silent & {key.partition("@")[0] for key in told}:
        return
    members = {f"{key}@{now:%Y%m%d}": one for key, one in held.items()}
    alarms.follow_finding(Alert.Kind.DIFFERENCES, Finding(members, is_on=bool(members)), now=now)
