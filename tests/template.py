"""A database with every table and no row, from which each process that tests copies its own.

Migrating takes seconds, copying a blink. It is kept from run to run, until a migration differs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from config.settings import CACHES

LOCK = 0x74656D70  # the word "temp": of several processes one makes it


def make_template() -> str:
    """Return the name of the template, made if there is none for these migrations."""
    prefix = f"{connection.settings_dict['NAME']}_template_"
    name = prefix + _digest()
    with connection.creation._nodb_cursor() as cursor:  # type: ignore[attr-defined] # as Django makes test databases
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until this connection is closed
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        known = {found for (found,) in cursor.fetchall()}
        if name not in known:
            for old in known:
                cursor.execute(f'DROP DATABASE "{old}"')
            cursor.execute(f'CREATE DATABASE "{prefix}"')
            _migrate(prefix)
            cursor.execute(f'ALTER DATABASE "{prefix}" RENAME TO "{name}"')  # so one that is half done is never taken
    return name


def _digest() -> str:
    """Return a mark of everything that makes tables."""
    seen = hashlib.sha256(Path(__file__).read_bytes())
    for app in apps.get_app_configs():
        for file in sorted(Path(app.path, "migrations").rglob("*.*")) if Path(app.path, "migrations").is_dir() else []:
            if file.suffix in (".py", ".sql"):
                seen.update(file.name.encode() + file.read_bytes())
    return seen.hexdigest()[:12]


def _migrate(name: str) -> None:
    database = connection.settings_dict
    usual, database["NAME"] = database["NAME"], name
    connection.close()
    try:
        call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
        call_command("createcachetable", CACHES["default"]["LOCATION"], verbosity=0)  # for workers of their own
        with connection.cursor() as cursor:
            # Nobody counts rows between two tests: who plans for empty tables takes minutes over fifty rows.
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = off)')
    finally:
        connection.close()
        database["NAME"] = usual
