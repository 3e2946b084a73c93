"""The embedded PostgreSQL, with real servers and a real `kill -9`."""

import contextlib
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from config.embedded_postgres import errors
from config.embedded_postgres.accounts import Account
from config.embedded_postgres.data_folder import DataFolder
from config.embedded_postgres.errors import EmbeddedPostgresError
from config.embedded_postgres.postmaster import find_postmaster
from config.embedded_postgres.server import PROJECT, Server

USE = """
import pathlib, psycopg, sys
from config.embedded_postgres.server import Server
server = Server(pathlib.Path(sys.argv[1]))
server.ensure()
with psycopg.connect(host=str(server.socket_folder), user="postgres", dbname="postgres") as connection:
    answer = connection.execute(sys.argv[2]).fetchone()
print(*answer, flush=True)
sys.stdin.read()
"""
SAVE = "WITH made AS (INSERT INTO kept VALUES (1) RETURNING 1) SELECT count(*) FROM made"
STARTED = "SELECT pg_postmaster_start_time()::text"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "postgres"
    yield path
    stop(path)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A data folder, made once; a copy of it saves the time to make another."""
    path = tmp_path_factory.mktemp("made") / "postgres"
    Server(path).ensure()
    Server(path).release()
    yield path.resolve()
    stop(path)


@pytest.fixture
def server(data, made):
    server = Server(data)
    server.folder.settle(Account.for_data(data))
    shutil.copytree(made, server.folder.real)
    server.ensure()
    return server


def stop(path: Path) -> None:
    Server(path).release()
    wait_until(lambda: find_postmaster(path.resolve()) is None)
    if path.is_symlink():
        shutil.rmtree(path.resolve().parent)


def wait_until(is_true) -> None:
    deadline = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def ask(server: Server, statement: str):
    with psycopg.connect(host=str(server.socket_folder), user="postgres", dbname="postgres") as connection:
        return connection.execute(statement).fetchone()


def make_table(server: Server) -> None:
    with psycopg.connect(host=str(server.socket_folder), user="postgres", dbname="postgres") as connection:
        connection.execute("CREATE TABLE kept (number int)")


@contextlib.contextmanager
def another_process(data: Path, statement: str):
    """Another process that uses the server until it is told to go, and what it was answered."""
    command = [sys.executable, "-c", USE, str(data), statement]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def an_ordinary_user():
    """Do without root's rights, which no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_server_is_stopped_and_keeps_what_was_committed_when_its_only_user_is_killed(server, data):
    make_table(server)
    server.release()
    with another_process(data, SAVE) as process:
        assert process.stdout.readline() == "1\n"
        assert find_postmaster(data.resolve()) is not None

        process.kill()
        wait_until(lambda: find_postmaster(data.resolve()) is None)

    server.ensure()
    assert ask(server, "SELECT number FROM kept") == (1,)


def test_server_that_was_killed_starts_again_with_what_was_committed(server, data):
    make_table(server)
    ask(server, SAVE)

    kill(find_postmaster(data.resolve()))
    server.ensure()

    assert ask(server, "SELECT number FROM kept") == (1,)


def test_server_stays_while_anybody_uses_it(server, data):
    with another_process(data, STARTED) as process:
        process.stdout.readline()

        server.release()
        assert server.answers()

        process.stdin.close()
        process.wait()
    wait_until(lambda: not server.answers())


def test_released_server_has_stopped_and_left_no_lock(server, data):
    server.release()

    assert not server.answers()
    assert not (data / "postmaster.pid").exists()


def test_number_of_a_dead_server_may_have_become_a_strangers(server, data):
    kill(find_postmaster(data.resolve()))
    account = Account.for_data(data)
    with subprocess.Popen(["sleep", "60"], **account.for_subprocess) as stranger:
        pid_file = data / "postmaster.pid"
        _, _, rest = pid_file.read_text().partition("\n")
        pid_file.write_text(f"{stranger.pid}\n{rest}")

        try:
            server.ensure()
            server.release()

            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_pid_file_that_was_never_finished_is_no_obstacle(server, data):
    kill(find_postmaster(data.resolve()))
    (data / "postmaster.pid").write_text("")

    server.ensure()

    assert server.answers()


def test_four_cold_starters_share_one_server(data):
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(another_process(data, STARTED)) for _ in range(4)]
        started = {process.stdout.readline() for process in processes}

    assert len(started) == 1
    assert started != {""}


def test_two_project_folders_have_two_servers(server, tmp_path):
    make_table(server)
    other = Server(tmp_path / "other" / "postgres")
    other.ensure()
    try:
        assert ask(other, "SELECT to_regclass('kept')") == (None,)
        assert ask(server, "SELECT to_regclass('kept')") == ("kept",)
    finally:
        stop(other.folder.path)


def test_deep_folder_is_not_too_long_for_a_socket(tmp_path):
    deep = Server(tmp_path / ("deep" * 20) / ("deeper" * 20) / "postgres")
    deep.ensure()
    try:
        assert ask(deep, "SELECT 1") == (1,)
    finally:
        stop(deep.folder.path)


def test_data_of_another_major_version_is_refused_untouched(data):
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 9, but embedded-postgres \d+ is"):
        Server(data).ensure()

    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_folder_with_something_else_in_it_is_refused_untouched(data):
    data.mkdir()
    (data / "letter.txt").write_text("dear diary")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(data).ensure()

    assert (data / "letter.txt").read_text() == "dear diary"


def test_file_in_place_of_a_folder_is_refused(data):
    data.write_text("")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(data).ensure()


def test_file_in_place_of_the_folder_above_is_refused(tmp_path):
    (tmp_path / "var").write_text("")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(tmp_path / "var" / "postgres").ensure()


def test_read_only_folder_is_named(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o555)
    try:
        with an_ordinary_user(), pytest.raises(EmbeddedPostgresError, match="cannot be written"):
            Server(tmp_path / "postgres").ensure()
    finally:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o700)


def test_folder_of_somebody_else_is_refused():
    folder = DataFolder(Path("/usr"))

    with an_ordinary_user(), pytest.raises(EmbeddedPostgresError, match="/usr belongs to the user root"):
        folder.is_made(Account.for_data(folder.path))


@pytest.mark.parametrize(("mode", "may_enter"), [(0o700, False), (0o755, True)])
def test_borrowed_account_enters_only_what_is_open_to_it(tmp_path, mode, may_enter):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(mode)
    stranger = Account(uid=os.getuid() + 12345, gid=12345, is_borrowed=True)
    owner = Account(uid=os.getuid(), gid=os.getgid(), is_borrowed=True)

    assert stranger.may_enter(closed) == may_enter
    assert owner.may_enter(closed)


def test_half_made_folder_is_made_anew(data):
    folder = DataFolder(data)
    folder.settle(Account.for_data(data))
    unfinished = folder.real.with_name(f"{folder.real.name}.unfinished")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    server = Server(data)
    server.ensure()

    assert server.answers()
    assert not unfinished.exists()


def test_making_that_failed_half_way_leaves_nothing_and_succeeds_next_time(data):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EmbeddedPostgresError, match="failed"):
            Server(data).ensure()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    real = DataFolder(data).real
    assert list(real.parent.glob(f"{real.name}*")) == []

    server = Server(data)
    server.ensure()

    assert server.answers()


@pytest.mark.parametrize(
    "said",
    [
        'initdb: error: could not write to file "pg_wal/xlogtemp.9": No space left on device',
        'FATAL:  could not write lock file "postmaster.pid": No space left on device',
        "PANIC:  could not write to file: Disk quota exceeded",
    ],
)
def test_full_disk_is_told_from_what_postgresql_says(said):
    sentence = str(errors.from_output("pg_ctl", f"waiting for server to start....\n{said}\nstopped", Path("/d")))

    assert sentence == "The disk that holds /d is full: free some space, then try again."


def test_full_disk_is_told_from_what_the_system_says():
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")

    sentence = str(errors.from_system(caught.value, Path("/d")))

    assert sentence == "The disk that holds /d is full: free some space, then try again."
