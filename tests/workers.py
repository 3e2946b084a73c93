"""The worker of the site as it runs in production, in a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings as site
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job

from bench.place import database_url
from bookings.tasks import take_up_stalled_jobs
from config import serving

# The wait for another's row belongs to no database; who waits holds locks on tables of its own.
WAITING = """
    SELECT count(*) FROM pg_locks AS waiting
    WHERE NOT granted AND pid IN (
        SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database()
    )
"""


@contextmanager
def running_worker(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on the test's database, killed at the end at the latest. `environment` tells it of its vendors."""
    whole = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", ""),
        "ENV_FILE": os.devnull,
        "DEBUG": "1",
        "SECRET_KEY": site.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "EMAIL_URL": "dummymail://",
        **environment,
    }
    command = [sys.executable, *serving.worker().command]
    worker = subprocess.Popen(command, cwd=site.BASE_DIR, env=whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait(timeout=10)


def kill(worker: subprocess.Popen[bytes]) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(timeout=10)


def take_up_dead_workers_jobs() -> None:
    """Run the round that takes up the jobs of workers that died, as a worker does. Needs committed rows."""
    asyncio.run(_take_up())


async def _take_up() -> None:
    assert isinstance(app.connector, DjangoConnector)
    with app.replace_connector(app.connector.get_worker_connector()) as working:
        async with working.open_async():
            some = Job(id=0, queue="default", task_name="bookings.take_up_stalled_jobs", lock=None, queueing_lock=None)
            context = JobContext(app=working, job=some, start_timestamp=0, abort_reason=lambda: None)
            await take_up_stalled_jobs(context, timestamp=0)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90  # a worker takes its time to start on a busy machine
    while not is_true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def is_somebody_waiting_for_a_lock() -> bool:
    """True while a connection to this test's database waits; one to another database of the server does not count."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return int(cursor.fetchone()[0]) > 0
