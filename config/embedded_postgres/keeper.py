"""A small process that waits until nobody uses the server any more, then stops it.

Every user holds a shared lock, which the kernel drops however the user dies, `kill -9` included. The keeper
queues for the exclusive one. Run as `python -S -m config.embedded_postgres.keeper LOCK DATA DESCRIPTOR`,
standard library only, so that it is light. The lock on DESCRIPTOR, an open file, says "there is a keeper".
"""

import fcntl
import os
import sys
from pathlib import Path

from config.embedded_postgres.postmaster import stop_postmaster


def keep(lock: Path, data: Path, keeper_descriptor: int) -> None:
    """Wait for the last user of the server to go, then stop the server."""
    users = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(users, fcntl.LOCK_EX)
    stop_postmaster(data)
    os.close(keeper_descriptor)  # before the other lock: whoever comes next must see that a new keeper is due
    os.close(users)


def main() -> None:
    lock, data, descriptor = sys.argv[1:]
    if os.fork():
        os._exit(0)  # the starter need not wait for us, nor bury us
    os.setsid()
    os.chdir("/")
    keep(Path(lock), Path(data), int(descriptor))


if __name__ == "__main__":
    main()
