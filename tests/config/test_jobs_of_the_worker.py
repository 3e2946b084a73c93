"""What a worker's thread does around each of its jobs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from config.logs import note_job

CONTEXT: Any = SimpleNamespace(job=SimpleNamespace(task_name="site.ask", id=1, attempts=0), app=SimpleNamespace(tasks={}))


def ask_database() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_job_runs_though_the_database_dropped_the_connection_since_the_last_one():
    first = note_job(ask_database, CONTEXT, None)
    with psycopg.connect(**_parameters()) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [first])

    assert note_job(ask_database, CONTEXT, None) != first


def _parameters() -> dict[str, Any]:
    parameters = connections["default"].get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "host", "password", "port") if name in parameters}
