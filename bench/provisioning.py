"""Hundreds of meetings that wait for a vendor which takes its time: how fast the real workers make them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from bench import history, programs
from bench.figures import ratio, shown, table
from bench.meeting_vendors import running_meeting_vendors
from bookings.jobs import enqueue
from bookings.models import Tutor
from bookings.times import During
from meetings.models import Meeting, VendorRoom
from meetings.providers import get_provider
from meetings.providers.base import Person, RoomMaker, RoomRequest

VENDOR = "hundredms"
DELAY = 0.2  # seconds until the double answers
CALLS = 2  # a room, then its codes
PATIENCE = 600  # seconds until the last address must have come


@dataclass(frozen=True)
class Provisioning:
    """One run: so many meetings made by so many workers, and what as many bare callers get out of the double."""

    workers: int
    at_once: int  # jobs that these workers run at the same time
    count: int
    seconds: float
    bare_per_second: float
    rooms: int  # at the double's, asked for by these meetings
    without_address: int

    @property
    def per_second(self) -> float:
        return ratio(self.count, self.seconds)

    @property
    def share(self) -> float:
        """Of what the double gives to bare callers."""
        return ratio(self.per_second, self.bare_per_second)


def measure_provisioning(folder: Path, *, port: int, count: int, workers: Sequence[int]) -> list[Provisioning]:
    """Have `count` paid sessions without an address made at 100ms for each number of workers."""
    with running_meeting_vendors(port + 3, seconds=DELAY):
        return [_measure(folder, count=count, workers=some) for some in workers]


def _measure(folder: Path, *, count: int, workers: int) -> Provisioning:
    usual: dict[str, Any] = dict(settings.PROCRASTINATE_WORKER_DEFAULTS)
    at_once = workers * int(usual["concurrency"])
    keys = _load(count)
    with programs.running_workers(workers, log=folder / "workers.log"):
        began = datetime.now(UTC)
        with transaction.atomic():
            for key in keys:
                enqueue("meetings.provision_meeting", meeting_id=key)
        _await(lambda: Meeting.objects.filter(pk__in=keys, status=Meeting.Status.READY).count(), count)
    made = Meeting.objects.filter(pk__in=keys)
    last = max(at for at in made.values_list("ready_at", flat=True) if at is not None)
    rooms = VendorRoom.objects.filter(meeting__in=keys).exclude(external_id="").values("external_id").distinct().count()
    return Provisioning(
        workers=workers,
        at_once=at_once,
        count=count,
        seconds=(last - began).total_seconds(),
        bare_per_second=_call_barely(at_once, count=max(2 * at_once, count // 5)),
        rooms=rooms,
        without_address=made.filter(join_url_student="").count(),
    )


def _load(count: int) -> list[int]:
    """Make sessions of tutors who hold them at 100ms, paid and without an address."""
    past = history.History(1, 1, history.coming_midnight())
    history.load_history(past)
    keys = history.add_requests(past, count=count)
    Tutor.objects.update(meeting_provider=VENDOR)
    Meeting.objects.filter(pk__in=keys).update(provider=VENDOR, told_provider=VENDOR)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_periodic_defers CASCADE")
    history.settle()
    return keys


def _call_barely(callers: int, *, count: int) -> float:
    """Return how many rooms a second so many callers get who do nothing but call."""
    maker = get_provider(VENDOR)
    assert isinstance(maker, RoomMaker)
    start = history.coming_midnight()
    during = During(start, start + timedelta(minutes=50))
    nobody = Person("Nobody", "nobody@example.com")

    def make(number: int) -> None:
        key = f"BK-BARE{callers}X{number}-0"
        maker.create(RoomRequest(key, key, "Lesson", during, "UTC", nobody, nobody, "https://bench.example/"), None)

    began = time.monotonic()
    with ThreadPoolExecutor(callers) as people:
        list(people.map(make, range(count)))
    return count / (time.monotonic() - began)


def _await(done: Callable[[], int], count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (so_many := done()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Only {so_many} of {count} meetings had an address in {PATIENCE} seconds.")
        time.sleep(0.2)


def report(measured: Sequence[Provisioning]) -> str:
    """Return the table of runs."""
    heads = [
        "workers",
        "jobs at once",
        "sessions",
        "made /s",
        "bare callers /s",
        "made : bare",
        "limit /s",
        "rooms too many",
    ]
    rows = [
        [
            str(one.workers), str(one.at_once), str(one.count), shown(one.per_second), shown(one.bare_per_second),
            shown(one.share), shown(one.at_once / (CALLS * DELAY)), str(one.rooms - one.count + one.without_address),
        ]
        for one in measured
    ]  # fmt: skip
    return table(heads, rows)
