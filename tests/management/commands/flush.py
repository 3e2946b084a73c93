"""Django's `flush`, in a fraction of the time: after a test that commits, most tables are empty and stay as they are."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

# Made with the tables, and the same in every test.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "django_site"}
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


class Command(flush.Command):
    """Delete the rows there are, jobs too, instead of making every table anew. That takes a superuser."""

    def handle(self, **options: Any) -> None:
        with transaction.atomic(using=options["database"]), connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT current_setting('is_superuser')::bool")
            if not cursor.fetchone()[0]:
                cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")  # not known to Django
                super().handle(**options)
                return
            cursor.execute(TABLES)
            looks = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for (table,) in cursor.fetchall()]  # noqa: S608
            cursor.execute(" UNION ALL ".join(looks))
            filled = {table for (table,) in cursor.fetchall()} - KEPT
            cursor.execute("SET LOCAL session_replication_role = replica")  # neither keys nor triggers are in the way
            for table in filled:
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
