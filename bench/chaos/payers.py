"""What a payer does, step by step; between the steps (`yield seconds`) others have their turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from bench.chaos import records
from bench.chaos.plan import GATEWAYS, Case, Kind
from bench.chaos.visitor import Visitor
from bench.chaos.world import World

Steps = Generator[float, None, None]
TRIES = 12
LONGEST_WAIT = 150  # looks for the session that was paid for, one every second or two


@dataclass
class Town:
    """What all payers share."""

    world: World
    addresses: Sequence[str]
    banks: dict[str, Any]
    seen: Counter[str] = field(default_factory=Counter)


def live(case: Case, town: Town) -> Steps:
    """Order, and do what a payer of this kind does."""
    visitor = Visitor(case, town.addresses)
    order = yield from _check_out(case, town, visitor)
    town.seen["http requests"] += visitor.tries
    if not order:
        town.seen["orders not placed"] += 1
        return
    town.seen["orders placed"] += 1
    yield from _DO[case.kind](case, town, visitor, order)


def _check_out(case: Case, town: Town, visitor: Visitor) -> Generator[float, None, str]:
    """Order through the API; whoever gets no answer looks among their own orders, then tries again."""
    body = {
        "student": f"payer{case.number}@example.com",
        "bookings": [town.world.wish(slot) for slot in case.slots],
        "gateway": case.gateway,
    }
    for _try in range(TRIES):
        try:
            answer = visitor.order(body)
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status_code == 200:
            return str(answer.json()["pending_booking_id"])
        if mine := records.newest_order(case):
            return mine
        if answer is not None and answer.status_code == 409:
            town.seen["slot was taken"] += 1
            return ""
        if answer is not None and 400 <= answer.status_code < 429:
            raise AssertionError(f"the API answered {answer.status_code}: {answer.text[:200]}")
        yield case.dice.uniform(0.3, 1.5)
    return ""


def _open_page(
    case: Case, town: Town, visitor: Visitor, order: str, gateway: str
) -> Generator[float, None, tuple[str, str]]:
    """Return where and what to pay: at this gateway if it opens a page, else at the other, else ("", "")."""
    for number in range(TRIES):
        asked = gateway if number < 3 else GATEWAYS[number % len(GATEWAYS)]
        if reference := records.open_page(order, asked):
            return asked, reference
        answer = visitor.post(f"/orders/{order}/pay/", gateway=asked)
        if answer.status_code != 303:
            town.seen["pages refused"] += 1
            yield case.dice.uniform(0.3, 2.0)
    return "", ""


def _pay(case: Case, town: Town, gateway: str, reference: str) -> bool:
    if not reference:
        return False
    taken = bool(town.banks[gateway].pay(reference, by_hand=case.dice.random() < 0.1))
    town.seen["payments made" if taken else "pages found closed"] += 1
    return taken


def _pays(case: Case, town: Town, visitor: Visitor, order: str) -> Generator[float, None, bool]:
    """Pay once, on whatever page is open; one that is closed is left for another."""
    for _try in range(3):
        gateway, reference = yield from _open_page(case, town, visitor, order, case.gateway)
        yield case.dice.uniform(0, 0.5)
        if not reference or _pay(case, town, gateway, reference):
            return bool(reference)
    return False


def _pays_and_goes(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield from _pays(case, town, visitor, order)


def _fails_first(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    gateway, reference = yield from _open_page(case, town, visitor, order, case.gateway)
    if reference and town.banks[gateway].fail(reference):
        town.seen["payments refused"] += 1
    yield case.dice.uniform(0.1, 2)
    if not _pay(case, town, gateway, reference):
        yield from _pays(case, town, visitor, order)


def _pays_twice(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    """Change the method of payment, and pay the old page as well, before or after."""
    gateway, first = yield from _open_page(case, town, visitor, order, case.gateway)
    pays_at_once = case.dice.random() < 0.5
    if pays_at_once:
        _pay(case, town, gateway, first)
    other = GATEWAYS[1 - GATEWAYS.index(gateway or case.gateway)]
    visitor.post(f"/orders/{order}/pay/", gateway=other)
    second = records.open_page(order, other)
    yield case.dice.uniform(0, 0.5)
    if not pays_at_once:
        _pay(case, town, gateway, first)
    if not _pay(case, town, other, second) and not pays_at_once:
        yield from _pays(case, town, visitor, order)


def _pays_late(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    """Pay when the deadline passes: just before or just after."""
    gateway, reference = yield from _open_page(case, town, visitor, order, case.gateway)
    in_time = case.dice.random() < 0.6
    if in_time:
        _pay(case, town, gateway, reference)
    records.let_deadline_pass(order)
    town.seen["deadlines passed"] += 1
    if not in_time:
        _pay(case, town, gateway, reference)
    yield 0


def _is_sold_again(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield from _pays_late(case, town, visitor, order)
    assert case.rival is not None
    yield from live(case.rival, town)


def _await_paid(case: Case, town: Town, order: str) -> Generator[float, None, tuple[str, str, int] | None]:
    for _look in range(LONGEST_WAIT):
        if (attempt := records.paying_attempt(order)) is not None:
            return attempt
        yield case.dice.uniform(0.5, 2)
    town.seen["waited in vain to be booked"] += 1
    return None


def _cancels(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield from _pays(case, town, visitor, order)
    yield from _await_paid(case, town, order)
    session = records.first_session(order)
    if not session:
        return
    path = f"/bookings/{session}/cancel/"
    seen = visitor.amount_seen(path)
    if seen and visitor.post(path, seen=seen).status_code == 303:
        town.seen["sessions cancelled"] += 1


def _is_sent_back_there(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield from _pays(case, town, visitor, order)
    attempt = yield from _await_paid(case, town, order)
    if attempt is not None:
        gateway, reference, amount = attempt
        part = amount if case.dice.random() < 0.5 else amount // 3
        if town.banks[gateway].send_back(reference, part):
            town.seen["sent back at the vendor"] += 1


def _disputes(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield from _pays(case, town, visitor, order)
    attempt = yield from _await_paid(case, town, order)
    if attempt is not None and town.banks[attempt[0]].dispute(attempt[1]):
        town.seen["disputes"] += 1


def _leaves(case: Case, town: Town, visitor: Visitor, order: str) -> Steps:
    yield 0


_DO = {
    Kind.PAYS: _pays_and_goes,
    Kind.FAILS_FIRST: _fails_first,
    Kind.PAYS_TWICE: _pays_twice,
    Kind.LATE: _pays_late,
    Kind.SOLD_AGAIN: _is_sold_again,
    Kind.CANCELS: _cancels,
    Kind.SENT_BACK_THERE: _is_sent_back_there,
    Kind.DISPUTES: _disputes,
    Kind.LEAVES: _leaves,
}
