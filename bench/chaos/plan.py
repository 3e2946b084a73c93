"""Who buys what, and what they do about paying it: drawn once from the seed, before anything begins."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

GATEWAYS = ("midtrans", "stripe")
SESSIONS_PER_ORDER = {1: 70, 2: 20, 3: 10}


class Kind(StrEnum):
    """What a payer does, beside paying."""

    PAYS = "pays"
    FAILS_FIRST = "fails, then pays"
    PAYS_TWICE = "pays at both gateways"
    LATE = "pays after the deadline"
    SOLD_AGAIN = "pays after the deadline, some of it sold again"
    CANCELS = "cancels a session after paying"
    SENT_BACK_THERE = "is sent money back from the vendor's dashboard"
    DISPUTES = "has the bank dispute it"
    LEAVES = "never pays"


SHARES = {
    Kind.PAYS: 42,
    Kind.FAILS_FIRST: 8,
    Kind.PAYS_TWICE: 12,
    Kind.LATE: 9,
    Kind.SOLD_AGAIN: 8,
    Kind.CANCELS: 10,
    Kind.SENT_BACK_THERE: 4,
    Kind.DISPUTES: 3,
    Kind.LEAVES: 4,
}


@dataclass(frozen=True)
class Slot:
    """A whole hour of a tutor: the number of the tutor, and the hour counted from the first that is sold."""

    tutor: int
    hour: int


@dataclass(frozen=True)
class Case:
    """One payer and one order."""

    number: int
    kind: Kind
    gateway: str
    slots: tuple[Slot, ...]
    rival: Case | None = None  # buys some of the same once it is free again
    dice: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    @property
    def other_gateway(self) -> str:
        return GATEWAYS[1 - GATEWAYS.index(self.gateway)]


def draw_plan(*, orders: int, tutors: int, seed: int) -> list[Case]:
    """Draw so many orders. Every kind comes about in every 40; two of a pair for the same slots count as two."""
    dice = random.Random(seed)
    slots = _Slots(tutors, dice)
    cases: list[Case] = []
    made = 0
    for kind in _kinds(orders, dice):
        if made == orders:
            break
        is_last = made == orders - 1
        case = _draw(Kind.PAYS if is_last else kind, slots, number=made, dice=dice)
        if case.kind is Kind.SOLD_AGAIN:
            made += 1
            case = _with_rival(case, slots, number=made, dice=dice)
        made += 1
        cases.append(case)
    return cases


def everybody(cases: list[Case]) -> list[Case]:
    """Return all payers, those who come second included."""
    return [one for case in cases for one in (case, case.rival) if one is not None]


def hours_needed(cases: list[Case]) -> int:
    return 1 + max(slot.hour for case in everybody(cases) for slot in case.slots)


def _kinds(orders: int, dice: random.Random) -> Iterator[Kind]:
    """Deal the kinds in rounds, each with every kind in it, so that a short run meets them all."""
    first = [kind for kind in Kind for _ in range(1 if orders < 100 else 0)]
    rest = dice.choices(list(SHARES), list(SHARES.values()), k=orders)
    yield from dice.sample(first, len(first))
    yield from rest


def _draw(kind: Kind, slots: _Slots, *, number: int, dice: random.Random) -> Case:
    size = dice.choices(list(SESSIONS_PER_ORDER), list(SESSIONS_PER_ORDER.values()))[0]
    own = random.Random(dice.random())
    return Case(number, kind, dice.choice(GATEWAYS), slots.take(size), dice=own)


def _with_rival(case: Case, slots: _Slots, *, number: int, dice: random.Random) -> Case:
    """Let somebody else want the first slot of this order, and perhaps one of their own."""
    more = [slot for slot in slots.take(dice.choice([0, 1])) if slot.hour != case.slots[0].hour]
    rival = Case(number, Kind.PAYS, dice.choice(GATEWAYS), (case.slots[0], *more), dice=random.Random(dice.random()))
    return Case(case.number, case.kind, case.gateway, case.slots, rival, case.dice)


class _Slots:
    """Deals out the hours of all tutors, those of a few days at a time, in no order; never two at the same hour to one."""

    DEPTH = 48  # hours

    def __init__(self, tutors: int, dice: random.Random) -> None:
        self._tutors, self._dice = tutors, dice
        self._left: list[Slot] = []
        self._next_hour = 0

    def take(self, count: int) -> tuple[Slot, ...]:
        taken: list[Slot] = []
        while len(taken) < count:
            if len(self._left) < count + self._tutors * 4:
                self._open_more()
            place = next(place for place, slot in enumerate(self._left) if slot.hour not in {one.hour for one in taken})
            taken.append(self._left.pop(place))
        return tuple(taken)

    def _open_more(self) -> None:
        hours = range(self._next_hour, self._next_hour + self.DEPTH)
        fresh = [Slot(tutor, hour) for hour in hours for tutor in range(self._tutors)]
        self._dice.shuffle(fresh)
        self._left += fresh
        self._next_hour += self.DEPTH


def counted(cases: list[Case]) -> Counter[Kind]:
    return Counter(case.kind for case in cases)
