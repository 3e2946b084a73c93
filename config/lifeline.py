"""Run a Python program that ends when the process that started it is gone, however that one died.

`python -m config.lifeline DESCRIPTOR PROGRAM [ARGUMENT...]`, where DESCRIPTOR is the reading end of a pipe whose
writing end only the starter holds, and PROGRAM a file, or a module after `-m`. The process leads a group of its
own, which ends with it.
"""

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

LAST_SECONDS = 15


def hold_on(descriptor: int) -> None:
    """Ask this process to end as soon as nobody holds the other end of the pipe."""
    threading.Thread(target=_wait_for_the_end, args=[descriptor], daemon=True).start()


def run(program: Sequence[str]) -> None:
    """Run a Python program in this process, as the interpreter would."""
    if program[0] == "-m":
        sys.argv = list(program[1:])
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(program)
        runpy.run_path(program[0], run_name="__main__")


def _wait_for_the_end(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(LAST_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        os.setpgrp()  # the end of this group must not be the end of others
    hold_on(int(sys.argv[1]))
    run(sys.argv[2:])
