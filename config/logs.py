"""Structured logs: one JSON object a line, with the references of the main path and never a secret."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import close_old_connections

if TYPE_CHECKING:  # the settings import this module: nothing of the site may be loaded yet
    from procrastinate.job_context import JobContext

request_id: ContextVar[str] = ContextVar("request_id", default="")
job_facts: ContextVar[dict[str, Any] | None] = ContextVar("job_facts", default=None)
log = logging.getLogger("linkpool.jobs")

# Only these extras are written: whatever else a caller passes stays out of the log.
FIELDS = (
    "booking",
    "tutor",
    "session_type",
    "spans",
    "zone",
    "first",
    "last",
    "order",
    "payment",
    "refund",
    "payout",
    "dispute",
    "meeting",
    "provider",
    "link",
    "leaked",
    "meetings",
    "room",
    "connection",
    "code",
    "detail",
    "event",
    "gateway",
    "kind",
    "state",
    "amount",
    "currency",
    "user",
    "reason",
    "count",
    "number",
    "receiver",
    "row",
    "method",
    "path",
    "status",
    "milliseconds",
    "task",
    "job",
    "attempt",
)


# What others write (an exception's words above all) may name a person, or an address that opens a room.
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"(\bhttps?://)(?:[^\s/@]*@)?([^\s/?#'\"<>)]+)[/?#][^\s'\"<>)]*")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        if request_id.get():
            line["request"] = request_id.get()
        line |= job_facts.get() or _facts_of_job(record)
        for name in FIELDS:
            value = getattr(record, name, None)
            if isinstance(value, int | float):
                line[name] = value
            elif value is not None and not isinstance(value, dict):
                line[name] = scrub(str(value))
        if record.exc_info:
            line["exception"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def scrub(text: str) -> str:
    """Return the text without mail addresses, and with the hosts alone of web addresses."""
    return _EMAIL.sub("…@…", _ADDRESS.sub(r"\1\2/…", text))


def note_job(run: Callable[[], Any], context: JobContext, worker: Any) -> Any:
    """Run a job of the worker: lines logged meanwhile name it, and one line tells how it went.

    A failure that ends the job is told by the worker itself, with its traceback.
    """
    job = context.job
    close_old_connections()  # a thread's connection may have died with the database since its last job
    token = job_facts.set({"task": job.task_name, "job": job.id, "attempt": job.attempts + 1})
    began = time.monotonic()
    try:
        result = run()
        log.info("job done", extra={"milliseconds": round((time.monotonic() - began) * 1000)})
        return result
    except Exception as error:
        if context.app.tasks[job.task_name].get_retry_exception(exception=error, job=job):
            log.warning("job failed and will be tried again", exc_info=error)
        raise
    finally:
        job_facts.reset(token)
        close_old_connections()


def _facts_of_job(record: logging.LogRecord) -> dict[str, Any]:
    """The worker's own lines carry the whole job: keep what names it, not its arguments, which may be a whole mail."""
    job = getattr(record, "job", None)
    if not isinstance(job, dict):
        return {}
    return {"message": str(getattr(record, "action", "job")), "task": job.get("task_name"), "job": job.get("id")}


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.dispatch": {"level": "CRITICAL"},  # bookings.signals tells of the same trouble
        "procrastinate": {"level": "WARNING"},
    },
}
