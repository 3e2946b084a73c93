"""Paying tutors: what is due is put into payouts, which are paid outside of this site and marked so, or undone.

Lock order: Payout → its Earnings by key. A line is in one payout at most, however many make payouts at once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.jobs import enqueue
from bookings.models import Tutor, User
from bookings.money import Money
from bookings.times import EARLIEST, LATEST
from payments.earnings import held_back
from payments.models import Earning, Payout

log = logging.getLogger("linkpool.books")


@dataclass(frozen=True)
class Due:
    """What a tutor would get in a currency; a sum of zero or below is carried over to the next time."""

    tutor: Tutor
    money: Money
    sessions: int

    @property
    def is_paid_out(self) -> bool:
        return self.money.amount > 0


def start_of_month(now: datetime) -> date:
    """Return the first day of the present month by the site's clock: what was due before it is what last month brought."""
    return timezone.localtime(now, timezone.get_default_timezone()).date().replace(day=1)


def day_begins_at(day: date) -> datetime:
    """Return when that day begins by the site's clock (UTC). Raises InvalidInput for a day to come, or out of reason."""
    if not EARLIEST.date() < day < LATEST.date():
        raise InvalidInput(_("Please choose a day that has come."))
    begins_at = datetime.combine(day, time(0), tzinfo=timezone.get_default_timezone())
    if begins_at > timezone.now():
        raise InvalidInput(_("Please choose a day that has come."))
    return begins_at


def payable(until: datetime) -> QuerySet[Earning]:
    """Return the lines that fell due before `until` (UTC), are in no payout, and wait for no answer about their money."""
    return Earning.objects.filter(~held_back(), payout=None, due_at__lt=until)


def preview_payouts(until: datetime) -> list[Due]:
    """Return what payouts made now would come to, by tutor and currency. Two queries."""
    sums = payable(until).order_by("tutor", "currency").values("tutor", "currency")
    rows = list(sums.annotate(net=Sum("net"), sessions=Count("booking", distinct=True)))
    tutors = Tutor.objects.select_related("user").in_bulk([row["tutor"] for row in rows])
    found = [Due(tutors[row["tutor"]], Money(int(row["net"]), row["currency"]), row["sessions"]) for row in rows]
    return sorted(found, key=lambda due: (str(due.tutor).casefold(), due.money.currency))


@transaction.atomic
def make_payouts(*, until: datetime, who: User) -> list[Payout]:
    """Put everything due before `until` (UTC) into one payout for each tutor and currency whose sum is above zero.

    The others are carried over. Raises InvalidInput for a moment that has not come.
    """
    if until > timezone.now():
        raise InvalidInput(_("Please choose a day that has come."))
    lines: dict[tuple[int, str], list[Earning]] = defaultdict(list)
    for line in payable(until).select_for_update(of=("self",)).order_by("pk"):
        lines[line.tutor_id, line.currency].append(line)
    made = []
    for (tutor, currency), mine in sorted(lines.items()):
        amount = sum(line.net for line in mine)
        if amount > 0:
            payout = Payout.objects.create(tutor_id=tutor, currency=currency, amount=amount, until=until, made_by=who)
            Earning.objects.filter(pk__in=[line.pk for line in mine]).update(payout=payout)
            made.append(payout)
    log.info("payouts made", extra={"count": len(made), "user": who.pk})
    return made


@transaction.atomic
def mark_payout_paid(payout: Payout, *, who: User, note: str) -> Payout:
    """Record that the money was sent to the tutor, and tell the tutor. A second call changes nothing.

    Raises InvalidInput without a word of how, DomainError for a payout that was undone.
    """
    if not note.strip():
        raise InvalidInput(_("Please say how and when it was paid."))
    payout = _lock(payout)
    if payout.status == Payout.Status.PAID:
        return payout
    payout.status, payout.paid_at, payout.paid_by = Payout.Status.PAID, timezone.now(), who
    payout.note = note.strip()[:500]
    payout.save(update_fields=["status", "paid_at", "paid_by", "note"])
    enqueue("payments.mail_tutor_of_payout", payout_id=payout.pk)
    log.info("payout paid", extra={"payout": payout.reference, "amount": payout.amount, "user": who.pk})
    return payout


@transaction.atomic
def mark_payouts_paid(payouts: Iterable[Payout], *, who: User, note: str) -> list[Payout]:
    """Record that the money of all these was sent, all or none."""
    in_order = sorted(payouts, key=lambda payout: payout.pk)
    return [mark_payout_paid(payout, who=who, note=note) for payout in in_order if payout.status == Payout.Status.OPEN]


@transaction.atomic
def undo_payout(payout: Payout, *, who: User) -> None:
    """Take a payout back that was not paid: its lines are due again. Raises DomainError once it was paid, or undone."""
    payout = _lock(payout)
    if payout.status == Payout.Status.PAID:
        raise DomainError(_("This payout was paid, so it stays. What was wrong in it is put right by the next one."))
    payout.earnings.update(payout=None)
    log.info("payout undone", extra={"payout": payout.reference, "amount": payout.amount, "user": who.pk})
    payout.delete()


def with_sums(payouts: QuerySet[Payout]) -> QuerySet[Payout]:
    """Add what a list or a table of payouts shows: `sessions`, `gross` and `fee`."""
    return payouts.select_related("tutor__user").annotate(
        sessions=Count("earnings__booking", distinct=True, filter=~Q(earnings__net=0)),
        gross=Sum("earnings__gross"),
        fee=Sum("earnings__fee"),
    )


def _lock(payout: Payout) -> Payout:
    found = Payout.objects.select_for_update(of=("self",)).filter(pk=payout.pk).first()
    if found is None:
        raise DomainError(_("This payout was undone meanwhile."))
    return found
