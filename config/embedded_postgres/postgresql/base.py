"""The database backend: ENGINE "config.embedded_postgres.postgresql".

With EMBEDDED_DATA (a folder) among the settings of the database, the server of that folder is started with
the first connection: commands that need no database start none. Without, this is Django's own backend, with
PostgreSQL 15 as the oldest version and with sentences in place of tracebacks.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client, features
from psycopg import OperationalError

from config.embedded_postgres.errors import UnusableDatabaseError
from config.embedded_postgres.server import PORT, Server

OLDEST = (15,)


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`: the embedded server comes with its own psql."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        if data := settings_dict.get("EMBEDDED_DATA"):
            server = Server(Path(data))
            server.ensure()
            arguments[0] = str(server.program("psql"))
        return arguments, environment


class DatabaseFeatures(features.DatabaseFeatures):
    minimum_database_version = OLDEST


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient
    features_class = DatabaseFeatures

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        data = settings_dict.get("EMBEDDED_DATA")
        self.server = Server(Path(data)) if data else None
        if self.server:
            settings_dict.update(HOST=str(self.server.socket_folder), PORT=PORT, USER="postgres", PASSWORD="")

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters to connect with. The worker asks here too, so this starts the server."""
        if self.server:
            self.server.ensure()
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except OperationalError as error:
            raise UnusableDatabaseError(f"The database cannot be reached: {_first_line(error)}") from error

    def check_database_version_supported(self) -> None:
        """Refuse a server that is too old. Asked once per process, with the first connection."""
        if self.get_database_version() < OLDEST:
            found = ".".join(map(str, self.get_database_version()))
            raise UnusableDatabaseError(
                f"PostgreSQL {OLDEST[0]} or newer is needed, DATABASE_URL leads to {found}: "
                "upgrade that server, or point DATABASE_URL at another."
            )


def _first_line(error: OperationalError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "it gave no reason."
