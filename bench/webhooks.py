"""From a gateway's message over HTTP to the link of the lesson, through the real web server and the real workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests
from django.db import connection

from bench import history, programs, truth, unpaid
from bench.figures import Sample, percentile, ratio, shown, table
from bench.place import SERVER_KEY
from bench.unpaid import Message

SENDERS = 8
PATIENCE = 120  # seconds until the last link must have come


@dataclass(frozen=True)
class Flood:
    """Many messages at once with so many workers: how they were answered, and when the links came."""

    workers: int
    answers: Sample
    seconds: float
    linked: int
    doubles: int
    alone: list[float]  # seconds from a message to its link when nothing else is going on

    @property
    def per_second(self) -> float:
        """Messages per second from the first request to the last link."""
        return self.linked / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Webhooks:
    """The floods, and a bare view that does nothing but store the body."""

    floods: Sequence[Flood]
    bare: Sample


def measure_webhooks(folder: Path, *, port: int, count: int, workers: Sequence[int]) -> Webhooks:
    """Send so many messages for each number of workers, to a pool of 1,000 links."""
    past = history.History(1_000, 10_000, history.coming_midnight())
    history.load_history(past)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_message (id bigserial PRIMARY KEY, body bytea NOT NULL)")
    floods, alone = [], max(5, count // 20)
    for number, some in enumerate(workers):
        first = past.lanes + 1 + number * (count + alone)
        unpaid.add_unpaid_orders(first=first, count=count + alone, midnight=past.midnight)
        with programs.running_site(port=port, workers=some, log=folder / "site.log") as address:
            floods.append(_flood(f"{address}/webhooks/midtrans", some, first=first, count=count, alone=alone))
    with programs.running_bare_view(port=port + 2, log=folder / "bare.log") as address:
        bare = _send(address, unpaid.messages(first=1, count=count, server_key=SERVER_KEY))
    return Webhooks(floods, bare)


def _flood(address: str, workers: int, *, first: int, count: int, alone: int) -> Flood:
    singly = [
        _until_linked(address, message, number)
        for number, message in enumerate(unpaid.messages(first=first, count=alone, server_key=SERVER_KEY), first)
    ]
    first += alone
    began = datetime.now(UTC)
    answers = _send(address, unpaid.messages(first=first, count=count, server_key=SERVER_KEY))
    links = _await_links(first=first, count=count)
    seconds = (max(links.values(), default=began) - began).total_seconds()
    return Flood(workers, answers, seconds, len(links), truth.double_assignments(), singly)


def _until_linked(address: str, message: Message, number: int) -> float:
    began = datetime.now(UTC)
    _post(requests.Session(), address, message)
    links = _await_links(first=number, count=1)
    return (links[message.reference] - began).total_seconds()


def _await_links(*, first: int, count: int) -> dict[str, datetime]:
    deadline = time.monotonic() + PATIENCE
    while len(links := unpaid.links_given(first=first, count=count)) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    if len(links) < count:
        raise RuntimeError(f"Only {len(links)} of {count} messages led to a link in {PATIENCE} seconds.")
    return links


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
    answer = session.post(address, data=message.body, headers={"Content-Type": "application/json"}, timeout=30)
    if answer.status_code != 200:
        raise RuntimeError(f"A message was answered with HTTP {answer.status_code}.")
    return time.monotonic() - began


def report(measured: Webhooks) -> str:
    """Return the table of floods."""
    heads = ["workers", "messages", "answered /s", "p95 ms", "answered : bare view", "linked /s", "linked : bare view",
             "one alone: median ms", "double"]  # fmt: skip
    rows = [
        [
            str(flood.workers), str(flood.linked), shown(flood.answers.per_second), shown(flood.answers.p95 * 1000),
            shown(ratio(flood.answers.per_second, measured.bare.per_second)), shown(flood.per_second),
            shown(ratio(flood.per_second, measured.bare.per_second)), shown(percentile(flood.alone, 50) * 1000),
            str(flood.doubles),
        ]
        for flood in measured.floods
    ]  # fmt: skip
    return table(heads, rows) + f"\n\nThe bare view stores {shown(measured.bare.per_second)} messages per second."
