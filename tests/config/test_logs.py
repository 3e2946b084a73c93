"""Logs: one JSON object a line, with references, and without whatever opens something or names a person."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from bookings.jobs import Backoff
from config.logs import JsonFormatter, request_id, scrub

log = logging.getLogger("linkpool.tests")


class Lines(logging.Handler):
    """What a site would write, as a list."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.written: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.written if line["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_a_line_carries_references_and_nothing_else_that_was_passed(lines):
    log.info("booking paid", extra={"booking": "BK-1", "amount": 150_000, "url": "https://secret", "email": "a@b.de"})

    [line] = lines.of("linkpool.tests")
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "linkpool.tests",
        "message": "booking paid",
        "booking": "BK-1",
        "amount": 150_000,
    }


def test_a_line_is_one_line_whatever_is_in_it():
    record = logging.LogRecord("x", logging.INFO, "", 1, "two\nlines “ü”", None, None)

    assert "\n" not in JsonFormatter().format(record)


def test_an_exception_is_told_without_persons_and_addresses(lines):
    try:
        raise ValueError("sam@example.com could not open https://user:pw@meet.google.com/abc-defg-hij?authuser=1 here")
    except ValueError:
        log.exception("no luck with kim@example.com", extra={"reason": "see https://zoom.us/j/123?pwd=4"})

    [line] = lines.of("linkpool.tests")
    assert line["message"] == "no luck with …@…"
    assert line["reason"] == "see https://zoom.us/…"
    assert "ValueError: …@… could not open https://meet.google.com/… here" in line["exception"]


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("asked api.example.com twice", "asked api.example.com twice"),
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/v1/x?y=z", "https://api.example.com/…"),
        ("http://localhost:8000/a, then b", "http://localhost:8000/… then b"),
        ("{'a.b+c@example.co.id': (550, b'no')}", "{'…@…': (550, b'no')}"),
    ],
)
def test_scrubbing_keeps_what_helps(text, scrubbed):
    assert scrub(text) == scrubbed


def test_a_request_is_logged_with_its_id_and_without_its_query(client, db, lines):
    client.get("/?secret=words", headers={"X-Request-ID": "0123456789"})

    [line] = lines.of("linkpool.http")
    assert (line["request"], line["method"], line["path"], line["status"]) == ("0123456789", "GET", "/", 200)
    assert "words" not in json.dumps(lines.written)
    assert request_id.get() == ""


@pytest.mark.parametrize(
    "path", ["/accounts/confirm-email/MTA:abc:secret-part/", "/accounts/password/reset/key/7-secret-part/"]
)
def test_keys_of_mails_are_not_logged(client, db, lines, path):
    client.get(path)

    [line] = lines.of("linkpool.http")
    assert line["path"].startswith("/accounts/")
    assert "secret-part" not in json.dumps(lines.written)


@app.task(name="tests.write_a_line")
def write_a_line(booking: str) -> None:
    log.info("from a job", extra={"booking": booking})


@app.task(name="tests.fail", retry=Backoff(runs=2, base=0))
def fail_always() -> None:
    raise ValueError("not for kim@example.com")


def run_worker(*queues: str) -> None:
    """Run the due jobs of these queues, or of all, as the site's worker does, with its settings."""
    connector: Any = app.connector
    connection.settings_dict["CONN_MAX_AGE"] = 0  # the worker's thread lives on, and its connection must not
    with app.replace_connector(connector.get_worker_connector()) as working:
        working.run_worker(wait=False, install_signal_handlers=False, listen_notify=False, queues=list(queues) or None)


@pytest.mark.django_db(transaction=True)
def test_the_worker_names_the_job_on_every_line(lines):
    number = app.configure_task("tests.write_a_line", queue="tests").defer(booking="BK-7")

    run_worker("tests")

    inside, done = lines.of("linkpool.tests")[0], lines.of("linkpool.jobs")[0]
    assert (inside["message"], inside["booking"]) == ("from a job", "BK-7")
    assert done["message"] == "job done"
    for line in (inside, done):
        assert (line["task"], line["job"], line["attempt"]) == ("tests.write_a_line", number, 1)
    assert done["milliseconds"] >= 0


@pytest.mark.django_db(transaction=True)
def test_the_worker_tells_of_a_failure_once_each_time(lines):
    number = app.configure_task("tests.fail", queue="tests").defer()

    run_worker("tests")
    with connection.cursor() as cursor:  # its second try is due at once
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [number])
    run_worker("tests")

    [first] = lines.of("linkpool.jobs")
    [last] = [line for line in lines.of("procrastinate.worker") if line["level"] == "error"]
    assert (first["level"], first["message"]) == ("warning", "job failed and will be tried again")
    assert (first["task"], first["job"], first["attempt"]) == ("tests.fail", number, 1)
    assert (last["task"], last["job"]) == ("tests.fail", number)
    assert "kim@example.com" not in json.dumps(lines.written)
    assert "ValueError: not for …@…" in first["exception"]
