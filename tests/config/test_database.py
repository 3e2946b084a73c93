"""Whatever is wrong with the database reaches a person as one sentence."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from config.embedded_postgres.errors import UnusableDatabaseError
from config.embedded_postgres.postgresql import base
from tests.config.manage import manage


@pytest.mark.django_db
def test_older_postgresql_is_refused_with_the_next_step(monkeypatch):
    monkeypatch.setattr(base, "OLDEST", (99,))
    elsewhere = base.DatabaseWrapper(dict(connection.settings_dict), alias="elsewhere")

    with pytest.raises(
        UnusableDatabaseError, match=r"^PostgreSQL 99 or newer is needed, DATABASE_URL leads to \d+\.\d+: upgrade"
    ):
        elsewhere.ensure_connection()
    elsewhere.close()


def test_unreachable_database_is_trouble_of_the_database_for_pages_too():
    assert issubclass(UnusableDatabaseError, OperationalError)


def test_command_without_a_database_ends_with_one_sentence():
    done = manage("migrate", DATABASE_URL="postgres://nobody:pAsSwOrD@127.0.0.1:1/nothing")

    assert done.returncode == 1
    assert done.stderr.startswith("UnusableDatabaseError: The database cannot be reached: ")
    assert len(done.stderr.splitlines()) == 1
    assert "pAsSwOrD" not in done.stderr


def test_command_with_an_address_of_another_database_ends_with_one_sentence():
    done = manage("migrate", DATABASE_URL="mysql://root@localhost/shop")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "DATABASE_URL must start with postgres://" in done.stderr


@pytest.mark.django_db
def test_programs_of_postgresql_run_on_the_database_of_the_site(capfd):
    call_command("postgres", "psql", "-At", "--command=SELECT current_database()")

    assert capfd.readouterr().out == f"{connection.settings_dict['NAME']}\n"


@pytest.mark.django_db
@pytest.mark.parametrize("program", ["pg_nothing", "../../../bin/ls"])
def test_program_that_is_not_postgresqls_is_refused(program):
    with pytest.raises(CommandError, match="There is no program"):
        call_command("postgres", program)
