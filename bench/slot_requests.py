"""What the slot list costs where people and programs meet it: whole requests, through every middleware, in this process."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from bench.busy_tutor import DAYS
from bench.figures import percentile, shown, table
from bookings.api_keys import create_api_key
from bookings.models import ApiKey, SessionType


@dataclass(frozen=True)
class Asked:
    """One kind of request: the seconds of each, and the queries of one."""

    name: str
    seconds: Sequence[float]
    queries: int


def measure_requests(lesson: SessionType, *, first: date, rounds: int) -> list[Asked]:
    """Ask for the tutor's page, as a visitor, and for the API's slots of 30 days, so many times each."""
    _row, key = create_api_key("Bench", scopes=[ApiKey.Scope.SLOTS], key="lp_only-for-measuring")
    client = Client(SERVER_NAME="127.0.0.1", HTTP_AUTHORIZATION=f"Bearer {key}")
    last = first + timedelta(days=DAYS - 1)
    asked = {"tutor": lesson.tutor.slug, "session_type": lesson.slug, "from": first, "to": last}
    addresses = {
        "the tutor's page, a fortnight": lesson.tutor.get_absolute_url(),
        "API, available slots of 30 days": f"{reverse('bookings:available_slots')}?{urlencode(asked)}",
        "the list of tutors": reverse("bookings:tutor_list"),
    }
    # Names of files without their digests: nobody has collected them here.
    plain = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    logging.disable(logging.INFO)  # a line for each request would bury the figures
    try:
        with override_settings(STORAGES=plain), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No directory at")
            return [_measure(client, name, address, rounds) for name, address in addresses.items()]
    finally:
        logging.disable(logging.NOTSET)


def report(measured: Sequence[Asked]) -> str:
    """Return the table."""
    rows = [
        [one.name, shown(percentile(one.seconds, 50) * 1000), shown(percentile(one.seconds, 95) * 1000), str(one.queries)]
        for one in measured
    ]
    return table(["a whole request", "median ms", "p95 ms", "queries"], rows)


def _measure(client: Client, name: str, address: str, rounds: int) -> Asked:
    with CaptureQueriesContext(connection) as captured:
        _get(client, address)
    queries = len(captured)  # before another request empties the log
    return Asked(name, [_get(client, address) for _ in range(rounds)], queries)


def _get(client: Client, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address, secure=True)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}.")
    return took
