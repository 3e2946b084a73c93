"""The database of a run: made for it, gone after it.

Without DATABASE_URL a PostgreSQL of its own is started in a new folder beside the site's data (the same disk, so
that a commit costs what it costs the site); with it, a new database is made on that server.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parent.parent
SERVER_KEY = "SB-Mid-server-only-for-measuring"
STRIPE_KEY = "sk_test_only-for-measuring"
STRIPE_WEBHOOK_SECRET = "whsec_only-for-measuring"


@contextmanager
def prepared_site(*, port: int, settings: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Set Django up on an empty, migrated database of its own, and yield a folder for logs.

    `settings` are the run's own, as the environment has them.
    """
    beside = (ROOT / os.environ.get("DATA_DIR", "var")).resolve()
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=beside))
    folder.chmod(0o755)  # PostgreSQL may run as another account
    try:
        _set_environment(folder, port=port)
        os.environ.update(settings or {})
        with _own_database(f"linkpool_bench_{os.getpid()}"):
            yield folder
    finally:
        _remove(folder)


def database_url() -> str:
    """Return the address of the run's database for child processes."""
    from django.db import connection

    known = connection.get_connection_params()
    login = quote(known["user"], safe="") if known.get("user") else ""
    if known.get("password"):
        login += f":{quote(known['password'], safe='')}"
    where = {name: known[name] for name in ("host", "port") if known.get(name)}
    return f"postgres://{login}@/{known['dbname']}?{urlencode(where)}"


def _set_environment(folder: Path, *, port: int) -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        ENV_FILE=os.devnull,
        DATA_DIR=str(folder),
        DEBUG="0",
        SECRET_KEY="only-for-measuring-0123456789-abcdefghijklmnopqrstuvwxyz",
        SITE_URL="https://bench.example",
        ALLOWED_HOSTS="127.0.0.1",
        EMAIL_URL="dummymail://",
        DEFAULT_FROM_EMAIL="site@bench.example",
        ADMINS="admin@bench.example",
        MIDTRANS_SERVER_KEY=SERVER_KEY,
        MIDTRANS_SNAP_URL=f"http://127.0.0.1:{port + 1}/snap/v1",
        MIDTRANS_API_URL=f"http://127.0.0.1:{port + 1}",
        STRIPE_SECRET_KEY=STRIPE_KEY,
        STRIPE_WEBHOOK_SECRETS=STRIPE_WEBHOOK_SECRET,
        STRIPE_API_URL=f"http://127.0.0.1:{port + 2}",
        LINK_BUFFER_MINUTES="10",
    )


@contextmanager
def _own_database(name: str) -> Iterator[None]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    connection.close()
    first, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
    try:
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        _require_durability()
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = first
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.close()
        server = getattr(connection, "server", None)
        if server is not None:
            server.release()


def _require_durability() -> None:
    """Figures of a server that forgets are no figures."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        if cursor.fetchone() != ("on", "on"):
            raise SystemExit("This server does not write commits to the disk (fsync and synchronous_commit must be on).")


def _remove(folder: Path) -> None:
    data = folder / "postgres"
    if data.is_symlink():  # where the server's own account could not reach the folder
        shutil.rmtree(data.resolve().parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
