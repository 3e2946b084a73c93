"""The supervisor, with real processes and a real `kill -9`."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from django.core.management.base import CommandError

from config.serving import check_port_is_free, port_from_environment
from config.supervisor import PROJECT, Child, Program

SUPERVISE = """
import sys
from config.supervisor import Program, Supervisor
Supervisor([Program(path, (path,)) for path in sys.argv[1:]]).run()
print("stopped in order")
"""
WORK = """
import os, pathlib, subprocess, sys, time
helper = subprocess.Popen(["sleep", "600"])
note = pathlib.Path(sys.argv[0]).with_suffix(".pids")
note.with_suffix(".new").write_text(f"{os.getpid()} {helper.pid}")
note.with_suffix(".new").rename(note)
time.sleep(600)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.fixture
def programs(tmp_path):
    paths = [tmp_path / "web.py", tmp_path / "worker.py"]
    for path in paths:
        path.write_text(WORK)
    return paths


@contextlib.contextmanager
def supervised(programs):
    command = [sys.executable, "-c", SUPERVISE, *map(str, programs)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as supervisor:
        try:
            yield supervisor
        finally:
            supervisor.terminate()
            supervisor.terminate()


def pids(program, *, other_than=()) -> list[int]:
    """Wait for a program to run, and return its own number and that of the process it started."""
    note = program.with_suffix(".pids")
    wait_until(lambda: note.exists() and note.read_text().split() != [str(pid) for pid in other_than])
    return [int(pid) for pid in note.read_text().split()]


def wait_until(is_true, *, seconds=10) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_program_starts_again_and_the_other_goes_on(programs):
    web, worker = programs
    with supervised(programs):
        first, untouched = pids(web), pids(worker)

        os.kill(first[0], signal.SIGKILL)

        second = pids(web, other_than=first)
        assert is_alive(second[0])
        assert not is_alive(first[1])
        assert pids(worker) == untouched
        assert is_alive(untouched[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything_in_order(programs, number):
    with supervised(programs) as supervisor:
        running = [pid for program in programs for pid in pids(program)]

        supervisor.send_signal(number)

        assert supervisor.communicate(timeout=5)[0] == "stopped in order\n"
        assert supervisor.returncode == 0
        assert not any(is_alive(pid) for pid in running)


def test_second_signal_stops_a_program_that_does_not_listen(programs):
    programs[0].write_text(STUBBORN + WORK)
    with supervised(programs) as supervisor:
        running = [pid for program in programs for pid in pids(program)]

        supervisor.terminate()
        wait_until(lambda: not is_alive(running[2]))
        assert is_alive(running[0])
        supervisor.terminate()

        supervisor.communicate(timeout=5)
        assert not any(is_alive(pid) for pid in running)


def test_programs_end_when_the_supervisor_is_killed(programs):
    with supervised(programs) as supervisor:
        running = [pid for program in programs for pid in pids(program)]

        supervisor.kill()

        wait_until(lambda: not any(is_alive(pid) for pid in running), seconds=5)


def test_pause_before_each_new_start_grows_to_ten_seconds(tmp_path):
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    child = Child(Program("broken", (str(tmp_path / "broken.py"),)))
    lifeline, own_end = os.pipe()
    pauses = []
    for _ in range(6):
        child.due_at = 0
        child.tend(lifeline)
        assert child.process is not None
        child.process.wait()
        pauses.append(child.pause)
        child.tend(lifeline)
        assert child.process is None
    os.close(lifeline)
    os.close(own_end)

    assert pauses == [0.5, 1, 2, 4, 8, 10]


def test_busy_port_is_told_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        with pytest.raises(CommandError, match=f"Port {port} is in use: stop what runs there, or choose another"):
            check_port_is_free("127.0.0.1", port)


@pytest.mark.parametrize("written", ["eighty", "0", "65536", "-1", "80.5", "٨٠"])
def test_port_that_is_none_is_refused(monkeypatch, written):
    monkeypatch.setenv("PORT", written)

    with pytest.raises(CommandError, match="PORT must be a number from 1 to 65535"):
        port_from_environment()
