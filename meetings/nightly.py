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
from meetings.reconciliation import Remedy, Tell, reconcile
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

    One that they were told of is mended only after a night in which all of it was compared: what a vendor shows before it
    falls silent may be a believable part of what is not. Returns how many accounts differ too much. Raises as `reconcile`.
    """
    held: dict[str, HeldBack] = {}
    silent: set[str] = set()
    told = _told_of()

    def may_mend(account: Account, remedies: Sequence[Remedy]) -> bool:
        key = _known_by(account)
        unbelievable = _too_much(account, remedies)
        if unbelievable is not None:
            held[key] = unbelievable
            log.error("too many rooms differ", extra={"provider": account.provider, "number": len(remedies)})
        if any(remedy.is_unanswered for remedy in remedies):
            silent.add(key)
        return unbelievable is None and key not in silent & told

    was_whole = False
    try:
        reconcile(now, may_mend=may_mend)
        was_whole = True
    finally:
        # Of one that did not answer this time nobody knows that it is well again.
        if held or (was_whole and not silent & told):
            _tell(held, now)
    return len(held)


def reconcile_by_hand(now: datetime, *, tell: Tell) -> int:
    """Mend all that differs, as a person wants it: what the staff were told of is over, if those accounts answered.

    Returns and raises as `reconcile`.
    """
    silent: set[str] = set()

    def may_mend(account: Account, remedies: Sequence[Remedy]) -> bool:
        if any(remedy.is_unanswered for remedy in remedies):
            silent.add(_known_by(account))
        return True

    number = reconcile(now, tell=tell, may_mend=may_mend)
    if not silent & _told_of():
        _tell({}, now)
    return number


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


def _told_of() -> set[str]:
    """Return by what the accounts are known that the staff were told of last."""
    told = Alert.objects.filter(kind=Alert.Kind.DIFFERENCES).values_list("told", flat=True).first() or []
    return {key.partition("@")[0] for key in told}


def _tell(held: dict[str, HeldBack], now: datetime) -> None:
    """Tell of each account anew every night; without any it is over."""
    members = {f"{key}@{now:%Y%m%d}": one for key, one in held.items()}
    alarms.follow_finding(Alert.Kind.DIFFERENCES, Finding(members, is_on=bool(members)), now=now)
