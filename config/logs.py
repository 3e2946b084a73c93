"""Structured logs: one JSON object a line, with the references of the main path and never a secret."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")

# Only these extras are written: whatever else a caller passes stays out of the log.
FIELDS = (
    "booking",
    "order",
    "payment",
    "meeting",
    "link",
    "event",
    "gateway",
    "kind",
    "state",
    "amount",
    "currency",
    "user",
    "reason",
    "count",
    "receiver",
    "method",
    "path",
    "status",
    "milliseconds",
    "task",
    "job",
    "attempt",
)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request"] = request_id.get()
        for name in FIELDS:
            if (value := getattr(record, name, None)) is not None:
                line[name] = value if isinstance(value, int | float | str) else str(value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
