"""Read pages as a person would."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def text_of(answer: Any) -> str:
    """Return the words on a page, in one line."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return " ".join(unescape(bare).split())


def slots_on(answer: Any) -> list[str]:
    """Return the instants of the slots that can be pressed."""
    return re.findall(r'<button[^>]* name="starts_at" value="([^"]+)"', answer.content.decode())


def days_on(answer: Any) -> list[str]:
    """Return the days under which slots stand, such as "Sunday 22 November"."""
    read_out = re.findall(r'<button class="slot"[^>]* aria-label="([^",]+), ', answer.content.decode())
    return list(dict.fromkeys(read_out))


def day_name(day: date) -> str:
    """Return how a page calls a day."""
    return f"{day:%A} {day.day} {day:%B}"


def queries_of(client: Client, path: str) -> int:
    """Return how many queries a page takes once everything is warm."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)
