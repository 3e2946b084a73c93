"""Run one of PostgreSQL's own programs, such as pg_dump, on the database of the site."""

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from config.embedded_postgres.postgresql.base import DatabaseWrapper

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


class Command(BaseCommand):
    help = "Run a program of PostgreSQL on this site's database, such as: postgres pg_dump --format=custom"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", help="psql, pg_dump, pg_restore ...")
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program is given")

    def handle(self, *args: Any, program: str, arguments: list[str], **options: Any) -> None:
        connection = connections["default"]
        given = connection.get_connection_params()  # starts the embedded server
        environment = {VARIABLES[name]: str(value) for name, value in given.items() if name in VARIABLES}
        path = find_program(connection, program)
        done = subprocess.run([path, *arguments], env={**os.environ, **environment}, check=False)
        if done.returncode:
            raise CommandError(f"{program} failed.", returncode=done.returncode)


def find_program(connection: Any, program: str) -> Path:
    """Return the path of a program: the embedded server's own, else the machine's. Raises CommandError."""
    if isinstance(connection, DatabaseWrapper) and connection.server:
        path = connection.server.program(program)
        found = path if path.exists() else None
    else:
        on_path = shutil.which(program)
        found = Path(on_path) if on_path else None
    if found is None or Path(program).name != program:
        raise CommandError(f"There is no program {program} here: name one of PostgreSQL's, such as pg_dump.")
    return found
