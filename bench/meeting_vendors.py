"""Vendors of meetings as doubles, each in a process of its own, driven over their control addresses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import requests
from django.db import connection

from bench.vendors import TIMEOUT, served
from bookings.doubles.server import CONTROL
from meetings.doubles.hundredms import HundredmsDouble
from meetings.doubles.zoom import ZoomDouble

ZOOM_APP: dict[str, Any] = {"client_id": "zoom-only-for-measuring", "client_secret": "zoom-secret-only-for-measuring"}
HMS_KEYS: dict[str, Any] = {
    "access_key": "hms-only-for-measuring",
    "secret": "hms-secret-only-for-measuring-0123456789",
    "template_id": "template-only-for-measuring",
}


def settings_for(port: int) -> dict[str, str]:
    """Return the environment of a site that is set up for Zoom on this port and 100ms on the next one."""
    zoom, hms = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    return {
        "ZOOM_CLIENT_ID": ZOOM_APP["client_id"],
        "ZOOM_CLIENT_SECRET": ZOOM_APP["client_secret"],
        "ZOOM_OAUTH_URL": f"{zoom}/oauth",
        "ZOOM_API_URL": f"{zoom}/v2",
        "HMS_APP_ACCESS_KEY": HMS_KEYS["access_key"],
        "HMS_APP_SECRET": HMS_KEYS["secret"],
        "HMS_TEMPLATE_ID": HMS_KEYS["template_id"],
        "HMS_SUBDOMAIN": "measuring",
        "HMS_API_URL": f"{hms}/v2",
    }


@contextmanager
def running_meeting_vendors(port: int, *, seconds: float = 0.0) -> Iterator[tuple[str, str]]:
    """Serve both, and yield the addresses of Zoom and of 100ms. Each of their answers takes so many seconds."""
    connection.close()  # a forked connection would be used by two
    addresses = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    with ExitStack() as running:
        running.enter_context(served(lambda: ZoomDouble(**ZOOM_APP, port=port)))
        running.enter_context(served(lambda: HundredmsDouble(**HMS_KEYS, port=port + 1)))
        for address in addresses:
            tell(address, "take_time", seconds=seconds)
        yield addresses


def tell(address: str, verb: str, **words: Any) -> Any:
    """Have a double do one of its verbs, such as `give_tokens(email=…)` of Zoom's, and return what it says."""
    for _try in range(50):
        try:
            answer = requests.post(f"{address}{CONTROL}{verb}", json=words, timeout=TIMEOUT)
        except requests.ConnectionError:
            time.sleep(0.1)  # it is starting
            continue
        answer.raise_for_status()
        return answer.json() if answer.content else None
    raise ConnectionError(f"{address} does not answer")
