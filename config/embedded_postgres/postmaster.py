"""The server process of a data folder: found, stopped, forgotten. Standard library only, for the keeper."""

import contextlib
import os
import signal
import time
from pathlib import Path

STOP_SECONDS = 60
NO_SUCH_PROCESS = 2**31 - 2  # above every limit of process numbers


def find_postmaster(data: Path) -> int | None:
    """Return the process number of the running server of this folder, or None.

    The number in postmaster.pid is not believed by itself: after a crash or in a restarted container it can
    belong to a stranger, who must be neither mistaken for the server nor stopped in its place.
    """
    pid = _written_pid(data)
    if pid is None or not _is_alive(pid):
        return None
    command = _command_line(pid)
    if command is not None and os.fsencode(data) not in command:
        return None
    return pid


def stop_postmaster(data: Path) -> None:
    """Stop the server of this folder, if it runs: open transactions are lost, what is committed is kept."""
    pid = find_postmaster(data)
    if pid is None:
        return
    deadline = time.monotonic() + STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast shutdown"
    while find_postmaster(data) is not None and time.monotonic() < deadline:
        time.sleep(0.02)


def forget_dead_postmaster(data: Path, socket_folder: Path) -> None:
    """Clear what a server that is no more has left and the next would take for a living one.

    Call it only while no other process may start a server here. PostgreSQL takes any living process of the same
    user that bears its predecessor's number for the predecessor, and refuses to start. So postmaster.pid is made
    to name nobody; the rest of it stays, since by it PostgreSQL notices children of a killed server that still
    touch the data. The lock of the socket guards nothing else and goes.
    """
    if find_postmaster(data) is not None:
        return
    for lock in socket_folder.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)
    path = data / "postmaster.pid"
    pid = _written_pid(data)
    if pid is None:
        path.unlink(missing_ok=True)  # empty: killed while it was written
    elif _is_alive(pid):
        _, _, rest = path.read_text().partition("\n")
        with path.open("r+") as file:  # in place: the file keeps its owner
            file.write(f"{NO_SUCH_PROCESS}\n{rest}")
            file.truncate()


def _written_pid(data: Path) -> int | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return pid if pid > 0 else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _command_line(pid: int) -> list[bytes] | None:
    """Return the arguments a process was started with, or None where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
