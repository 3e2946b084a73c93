"""Embedded servers for the tests: asked, shared with another process, killed, stopped."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg

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


def stop(path: Path) -> None:
    Server(path).release()
    wait_until(lambda: find_postmaster(path.resolve()) is None)
    socket_folder = Server(path).socket_folder
    if socket_folder != path and socket_folder.exists():
        socket_folder.rmdir()
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
