"""The programs of a site on one machine, and what must be true before they start."""

import contextlib
import errno
import os
import socket

from django.core.management.base import CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from config.embedded_postgres.postgresql.base import DatabaseWrapper
from config.supervisor import PROJECT, Program, Supervisor

DEFAULT_PORT = 8000
THREADS = 4


def port_from_environment() -> int:
    """Return the port in PORT, 8000 by default. Raises CommandError if it is no port."""
    written = os.environ.get("PORT", "").strip() or str(DEFAULT_PORT)
    if not written.isascii() or not written.isdecimal() or not 0 < int(written) < 65536:
        raise CommandError("PORT must be a number from 1 to 65535.")
    return int(written)


def check_port_is_free(host: str, port: int) -> None:
    """Raise CommandError, with the next step, if the site cannot listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(
                    f"Port {port} is in use: stop what runs there, or choose another, such as PORT={port + 1}."
                ) from None
            raise CommandError(f"The site cannot listen on {host}, port {port}: {error.strerror}.") from None


def check_database() -> None:
    """Raise CommandError unless the database answers and has every table."""
    connection = connections["default"]
    connection.ensure_connection()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date: run manage.py migrate first.")


def web(host: str, port: int) -> Program:
    """Return the program that answers browsers: gunicorn, two processes (WEB_CONCURRENCY) of four threads."""
    os.environ.setdefault("WEB_CONCURRENCY", "2")
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Program(
        "web",
        (
            *("-m", "gunicorn", "config.wsgi", "-c", "python:config.gunicorn"),
            *("--bind", address),
            *("--worker-class", "gthread", "--threads", str(THREADS)),
            *("--graceful-timeout", "5", "--log-level", "warning", "--no-control-socket"),
        ),
    )


def worker() -> Program:
    """Return the program that does the jobs."""
    return Program(
        "worker",
        (str(PROJECT / "manage.py"), "procrastinate", "worker", "--shutdown-graceful-timeout", "8"),
    )


def serve(host: str, port: int) -> None:
    """Run web and worker until a signal asks to stop; the database stops too, if it is ours and unused."""
    connections.close_all()
    try:
        Supervisor([web(host, port), worker()]).run()
    finally:
        release_database()


def release_database() -> None:
    """Close the connections of this process, and stop the embedded database if nobody else uses it."""
    connections.close_all()
    connection = connections["default"]
    if isinstance(connection, DatabaseWrapper) and connection.server:
        with contextlib.suppress(OSError):
            connection.server.release()
