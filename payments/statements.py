"""What a tutor reads of the account: a month's sessions, corrections and payouts, and how everything stands now.

A line belongs to the month, by the tutor's clock, in which its session starts; a correction that was made later, to
the month in which it was made: a month that is over stays as it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, Case, Count, DateTimeField, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest, TruncMonth

from bookings import times
from bookings.models import Booking, Tutor
from bookings.money import Money
from bookings.months import month_bounds
from payments.earnings import held_back
from payments.models import Earning, Payout


class State(StrEnum):
    """Where the money of a line is."""

    TO_COME = "to_come"
    HELD = "held"
    LOOKED_AT = "looked_at"
    DUE = "due"
    IN_PAYOUT = "in_payout"
    PAID_OUT = "paid_out"
    REVERSED = "reversed"


@dataclass(frozen=True)
class Row:
    """A session's lines of a month, or one correction of a session of an earlier month; amounts in minor units."""

    booking: Booking
    at: datetime
    lines: Sequence[Earning]
    state: State

    @property
    def gross(self) -> Money:
        return Money(sum(line.gross for line in self.lines), self.booking.currency)

    @property
    def fee(self) -> Money:
        return Money(sum(line.fee for line in self.lines), self.booking.currency)

    @property
    def net(self) -> Money:
        return Money(sum(line.net for line in self.lines), self.booking.currency)

    @property
    def due_at(self) -> datetime | None:
        return self.lines[-1].due_at

    @property
    def payout(self) -> Payout | None:
        return self.lines[-1].payout

    @property
    def corrections(self) -> list[Earning]:
        """What was added to the session's first line."""
        return [line for line in self.lines if line.kind == Earning.Kind.CORRECTION]


@dataclass(frozen=True)
class Sums:
    """A month in one currency."""

    gross: Money
    fee: Money
    net: Money
    sessions: int


@dataclass(frozen=True)
class Statement:
    tutor: Tutor
    month: date
    sessions: Sequence[Row]
    corrections: Sequence[Row]
    payouts: Sequence[Payout]
    sums: Sequence[Sums] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.sessions or self.corrections or self.payouts)


@dataclass(frozen=True)
class Balance:
    """How everything stands now in one currency."""

    to_come: Money
    held: Money
    looked_at: Money
    due: Money
    in_payout: Money
    paid_out: Money


def make_statement(tutor: Tutor, month: date, *, now: datetime) -> Statement:
    """Return what the tutor reads of a month, given by any day in it. Two queries."""
    zone = times.parse_zone(tutor.time_zone)
    during = month_bounds(month, zone)
    mine = _lines_of(tutor).filter(at__gte=during.start, at__lt=during.end)
    people = mine.select_related("booking__student", "booking__order", "payout").order_by("at", "pk")
    lines = list(people)
    in_month: dict[int, list[Earning]] = {}
    corrections = []
    for line in lines:
        if line.booking.starts_at < during.start:
            corrections.append(_row([line], at=line.created_at, now=now))
        else:
            in_month.setdefault(line.booking_id, []).append(line)
    sessions = [_row(found, at=found[0].booking.starts_at, now=now) for found in in_month.values()]
    sessions.sort(key=lambda row: (row.at, row.booking.pk))
    paid = Payout.objects.filter(tutor=tutor, paid_at__gte=during.start, paid_at__lt=during.end).order_by("paid_at", "pk")
    sums = _sums_of(lines, sessions)
    return Statement(tutor, month.replace(day=1), sessions, corrections, list(paid), sums)


def months_of(tutor: Tutor) -> list[tuple[date, list[Sums]]]:
    """Return every month in which there is something, the latest first, with its sums. One query."""
    zone = times.parse_zone(tutor.time_zone)
    months = _lines_of(tutor).annotate(month=TruncMonth("at", tzinfo=zone)).order_by("-month", "currency")
    rows = months.values("month", "currency").annotate(
        gross=Sum("gross"), fee=Sum("fee"), net=Sum("net"), sessions=Count("booking", distinct=True)
    )
    found: dict[date, list[Sums]] = {}
    for row in rows:
        gross, fee, net = (Money(int(row[name]), row["currency"]) for name in ("gross", "fee", "net"))
        found.setdefault(row["month"].date(), []).append(Sums(gross, fee, net, row["sessions"]))
    return list(found.items())


def balances_of(tutor: Tutor, *, now: datetime) -> list[Balance]:
    """Return how everything stands, by currency. One query."""
    free, looked_at = Q(payout=None), Q(is_looked_at=True)
    sums = {
        "to_come": free & ~looked_at & Q(due_at=None),
        "held": free & ~looked_at & Q(due_at__gt=now),
        "looked_at": free & looked_at,
        "due": free & ~looked_at & Q(due_at__lte=now),
        "in_payout": Q(payout__status=Payout.Status.OPEN),
        "paid_out": Q(payout__status=Payout.Status.PAID),
    }
    rows = _with_looks(Earning.objects.filter(tutor=tutor)).order_by("currency").values("currency")
    found = rows.annotate(**{name: Sum("net", filter=which, default=0) for name, which in sums.items()})
    return [Balance(**{name: Money(int(row[name]), row["currency"]) for name in sums}) for row in found]


def zone_of(tutor: Tutor) -> ZoneInfo:
    return times.parse_zone(tutor.time_zone)


def _lines_of(tutor: Tutor) -> QuerySet[Any]:
    """Return the tutor's lines, each with the moment `at` which it belongs to."""
    start = F("booking__during__startswith")
    at = Case(
        When(kind=Earning.Kind.SESSION, then=start), default=Greatest(start, "created_at"), output_field=DateTimeField()
    )
    lines: QuerySet[Any] = _with_looks(Earning.objects.filter(tutor=tutor)).annotate(at=at)
    return lines


def _with_looks(lines: QuerySet[Any]) -> QuerySet[Any]:
    looked_at = Case(When(held_back(), then=Value(True)), default=Value(False), output_field=BooleanField())
    marked: QuerySet[Any] = lines.annotate(is_looked_at=looked_at)
    return marked


def _row(lines: Sequence[Any], *, at: datetime, now: datetime) -> Row:
    """Make a row; its last line that is not paid out yet says how it stands."""
    waiting = [line for line in lines if line.payout is None] or list(lines)
    state = State.REVERSED if sum(line.net for line in lines) == 0 and len(lines) > 1 else _state_of(waiting[-1], now)
    ordered = [*(line for line in lines if line not in waiting), *waiting]
    return Row(lines[0].booking, at, ordered, state)


def _state_of(line: Any, now: datetime) -> State:
    if line.payout is not None:
        return State.PAID_OUT if line.payout.status == Payout.Status.PAID else State.IN_PAYOUT
    if line.is_looked_at:
        return State.LOOKED_AT
    if line.due_at is None:
        return State.TO_COME
    return State.DUE if line.due_at <= now else State.HELD


def _sums_of(lines: Iterable[Earning], sessions: Iterable[Row]) -> list[Sums]:
    found: dict[str, list[Earning]] = {}
    for line in lines:
        found.setdefault(line.currency, []).append(line)
    counted = [row.booking.currency for row in sessions]
    return [
        Sums(
            gross=Money(sum(line.gross for line in mine), currency),
            fee=Money(sum(line.fee for line in mine), currency),
            net=Money(sum(line.net for line in mine), currency),
            sessions=counted.count(currency),
        )
        for currency, mine in sorted(found.items())
    ]
