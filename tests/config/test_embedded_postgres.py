"""The embedded PostgreSQL, with real servers and a real `kill -9`."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from config.embedded_postgres.accounts import Account
from config.embedded_postgres.postmaster import find_postmaster
from config.embedded_postgres.server import Server
from tests.config.servers import another_process, ask, kill, make_table, stop, wait_until

SAVE = "WITH made AS (INSERT INTO kept VALUES (1) RETURNING 1) SELECT count(*) FROM made"
STARTED = "SELECT pg_postmaster_start_time()::text"


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


def test_server_that_is_just_ending_is_started_again_at_once(server, data):
    guest = psycopg.connect(host=str(server.socket_folder), user="postgres", dbname="postgres")
    first = find_postmaster(data.resolve())
    assert first is not None
    os.kill(first, signal.SIGTERM)  # it takes in nobody any more, and ends when the last guest has gone
    wait_until(lambda: not server.answers())
    leaving = threading.Timer(1, guest.close)
    leaving.start()

    began = time.monotonic()
    server.ensure()

    leaving.join()
    assert time.monotonic() - began < 30
    assert find_postmaster(data.resolve()) not in (None, first)


def test_server_stays_while_anybody_uses_it(server, data):
    with another_process(data, STARTED) as process:
        process.stdout.readline()

        server.release()
        assert server.answers()

        process.stdin.close()
        process.wait()
    wait_until(lambda: not server.answers())


def test_killed_keeper_is_replaced_by_the_next_user(server, data):
    kill(keeper_of(data))
    with another_process(data, STARTED) as process:
        process.stdout.readline()
        server.release()

        process.kill()
        wait_until(lambda: find_postmaster(data.resolve()) is None)


def keeper_of(data) -> int | None:
    """Return the number of the process that waits to stop the server of a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"config.embedded_postgres.keeper" in words and os.fsencode(data.resolve()) in words:
                return int(process.name)
    return None


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


@pytest.mark.parametrize("name", ["deep" * 30, "it's, say, a folder"], ids=["too long", "with marks"])
def test_folder_whose_path_no_socket_can_have_serves_as_well(tmp_path, name):
    server = Server(tmp_path / name / "postgres")
    server.ensure()
    try:
        assert ask(server, "SELECT 1") == (1,)
    finally:
        stop(server.folder.path)
