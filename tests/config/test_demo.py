"""`manage.py demo` as a person runs it: one command, real processes, Ctrl-C."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from config.embedded_postgres.postmaster import find_postmaster
from config.embedded_postgres.server import PROJECT
from tests.config.servers import kill, wait_until

OURS = {"DEBUG", "SITE_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
PLAIN = {name: value for name, value in os.environ.items() if name not in OURS}


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def demo(data, port, **environment):
    return subprocess.Popen(
        [sys.executable, "-u", "manage.py", "demo"],
        cwd=PROJECT,
        env={**PLAIN, "DATA_DIR": str(data.parent), "PORT": str(port), "ENV_FILE": os.devnull, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def page(port: int) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_demo_shows_the_way_in_serves_and_leaves_nothing_running(data, port):
    with demo(data, port) as process:
        shown = ""
        while "Ctrl-C" not in shown:
            line = process.stdout.readline()
            shown += line
            assert line, shown
        assert f"http://localhost:{port}" in shown
        assert "student@example.com" in shown
        status, html = page(port)
        assert (status, "Linkpool" in html) == (200, True)
        kill_server(data)
        assert page(port)[0] == 200

        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)

    assert rest.endswith("Stopped.\n")
    assert process.returncode == 0
    assert find_postmaster(data.resolve()) is None
    with socket.create_server(("127.0.0.1", port)):
        pass  # nobody listens there any more


def kill_server(data):
    """Kill the database the demo runs on, and see it gone."""
    pid = find_postmaster(data.resolve())
    kill(pid)
    wait_until(lambda: find_postmaster(data.resolve()) != pid)


def test_demo_tells_of_a_busy_port_before_it_touches_anything(data, port):
    with socket.create_server(("127.0.0.1", port)), demo(data, port) as process:
        said, _ = process.communicate(timeout=60)

    assert said.startswith(f"CommandError: Port {port} is in use")
    assert list(data.parent.iterdir()) == []


def test_demo_does_not_fill_somebodys_own_database(data, port):
    with demo(data, port, DATABASE_URL="postgres://localhost:1/shop") as process:
        said, _ = process.communicate(timeout=60)

    assert said.startswith("CommandError: The demo fills its database with people whose passwords everybody knows")


def test_demo_is_not_for_production(data, port):
    with demo(data, port, DEBUG="0") as process:
        said, _ = process.communicate(timeout=60)

    assert said.startswith("CommandError: The demo is for trying things out and needs DEBUG on")
