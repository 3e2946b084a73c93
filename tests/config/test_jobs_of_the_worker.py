"""What a worker's thread does around each of its jobs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.jobs import enqueue, enqueue_once
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-25")
def test_job_that_a_job_makes_comes_and_goes_with_its_change():
    """A worker's own connector would store it beside the change: before its commit, and in spite of its end."""
    of_the_site: Any = app.connector
    with app.replace_connector(of_the_site.get_worker_connector()) as of_worker, of_worker.open():
        with transaction.atomic():
            enqueue("config.send_mail", mail={})
            enqueue_once("config.send_mail", mail={})
            transaction.set_rollback(True)
        assert not ProcrastinateJob.objects.exists()

        with transaction.atomic():
            enqueue("config.send_mail", mail={})
            with psycopg.connect(**_parameters()) as other:
                assert other.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)

    assert ProcrastinateJob.objects.count() == 1


def test_no_job_ends_for_good_because_the_database_was_away():
    """Those of a clock may: another comes with the next minute."""
    of_a_clock = {periodic.task.name for periodic in app.periodic_registry.periodic_tasks.values()}
    job: Any = SimpleNamespace(attempts=0)

    ended = {
        task.name
        for task in app.tasks.values()
        if task.name.split(".")[0] in ("bookings", "config", "meetings", "payments") and task.name not in of_a_clock
        for trouble in (OperationalError("the server closed the connection"), InterfaceError("the connection is closed"))
        if task.get_retry_exception(exception=trouble, job=job) is None
    }

    assert ended == set()


def _parameters() -> dict[str, Any]:
    parameters = connections["default"].get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "host", "password", "port") if name in parameters}
