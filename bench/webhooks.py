"""From a gateway's message over HTTP to the paid order and its link, through the real web server and the real workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests
from django.db import connection

from bench import history, programs, truth, unpaid
from bench.figures import Sample, percentile, ratio, shown, table
from bench.vendors import Message, Vendor, running_vendors

SENDERS = 8
PATIENCE = 120  # seconds until the last link must have come


@dataclass(frozen=True)
class Flood:
    """Many messages at once with so many workers: when they were answered, in the books, and had their links."""

    gateway: str
    workers: int
    answers: Sample
    to_books: float  # seconds from the first request until every payment and order was seen to be paid
    to_links: float  # the same until the last link
    count: int
    doubles: int
    alone: list[float]  # seconds from a message to its link when nothing else is going on

    @property
    def booked_per_second(self) -> float:
        return ratio(self.count, self.to_books)

    @property
    def linked_per_second(self) -> float:
        return ratio(self.count, self.to_links)


@dataclass(frozen=True)
class Webhooks:
    """The floods, and a bare view that does nothing but store the body."""

    floods: Sequence[Flood]
    bare: Sample


def measure_webhooks(folder: Path, *, port: int, count: int, workers: Sequence[int]) -> Webhooks:
    """Send so many messages of each vendor for each number of workers, to a pool of 1,000 links."""
    past = history.History(1_000, 10_000, history.coming_midnight())
    history.load_history(past)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_message (id bigserial PRIMARY KEY, body bytea NOT NULL)")
    floods: list[Flood] = []
    alone, first = max(5, count // 20), past.lanes + 1
    with running_vendors(port + 1) as vendors:
        for some in workers:
            with programs.running_site(port=port, workers=some, log=folder / "site.log") as address:
                for vendor in vendors.values():
                    messages = _pay(vendor, first=first, count=count + alone, midnight=past.midnight)
                    floods.append(
                        _flood(f"{address}/webhooks/{vendor.name}", vendor, some, messages, first=first, alone=alone)
                    )
                    first += count + alone
    with programs.running_bare_view(port=port + 3, log=folder / "bare.log") as address:
        bare = _send(address, messages[:count])
    return Webhooks(floods, bare)


def _pay(vendor: Vendor, *, first: int, count: int, midnight: datetime) -> list[Message]:
    """Make so many orders, go to pay each at the vendor, and return what the vendor says of them."""
    unpaid.add_unpaid_orders(vendor.name, first=first, count=count, midnight=midnight)
    return vendor.take_payments(unpaid.open_pages(vendor.name, first=first, count=count))


def _flood(address: str, vendor: Vendor, workers: int, messages: Sequence[Message], *, first: int, alone: int) -> Flood:
    singly = [_until_linked(address, message, first + number) for number, message in enumerate(messages[:alone])]
    first, count = first + alone, len(messages) - alone
    began, at = datetime.now(UTC), time.monotonic()
    answers = _send(address, messages[alone:])
    _await(lambda: unpaid.paid_count(first=first, count=count), count)
    to_books = time.monotonic() - at
    links = _await_links(first=first, count=count)
    to_links = (max(links.values()) - began).total_seconds()
    return Flood(vendor.name, workers, answers, to_books, to_links, count, truth.double_assignments(), singly)


def _until_linked(address: str, message: Message, number: int) -> float:
    began = datetime.now(UTC)
    _post(requests.Session(), address, message)
    links = _await_links(first=number, count=1)
    return (links[message.reference] - began).total_seconds()


def _await_links(*, first: int, count: int) -> dict[str, datetime]:
    _await(lambda: len(unpaid.links_given(first=first, count=count)), count)
    return unpaid.links_given(first=first, count=count)


def _await(done: Callable[[], int], count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (so_many := done()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Only {so_many} of {count} messages were done with in {PATIENCE} seconds.")
        time.sleep(0.02)


def _send(address: str, messages: Sequence[Message]) -> Sample:
    """Send all messages, eight at a time over lasting connections."""
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as senders:
        parts = senders.map(lambda number: _send_some(address, messages[number::SENDERS]), range(SENDERS))
        latencies = [latency for part in parts for latency in part]
    return Sample(seconds=time.monotonic() - began, latencies=latencies)


def _send_some(address: str, messages: Sequence[Message]) -> list[float]:
    with requests.Session() as session:
        return [_post(session, address, message) for message in messages]


def _post(session: requests.Session, address: str, message: Message) -> float:
    began = time.monotonic()
    headers = {"Content-Type": "application/json", **message.headers}
    answer = session.post(address, data=message.body, headers=headers, timeout=30)
    if answer.status_code != 200:
        raise RuntimeError(f"A message was answered with HTTP {answer.status_code}.")
    return time.monotonic() - began


def report(measured: Webhooks) -> str:
    """Return the table of floods."""
    heads = ["gateway", "workers", "messages", "answered /s", "p95 ms", "answered : bare view", "booked /s",
             "booked : bare view", "linked /s", "one alone: median ms", "double"]  # fmt: skip
    bare = measured.bare.per_second
    rows = [
        [
            flood.gateway, str(flood.workers), str(flood.count), shown(flood.answers.per_second),
            shown(flood.answers.p95 * 1000), shown(ratio(flood.answers.per_second, bare)), shown(flood.booked_per_second),
            shown(ratio(flood.booked_per_second, bare)), shown(flood.linked_per_second),
            shown(percentile(flood.alone, 50) * 1000), str(flood.doubles),
        ]
        for flood in measured.floods
    ]  # fmt: skip
    return table(heads, rows) + f"\n\nThe bare view stores {shown(bare)} messages per second."
