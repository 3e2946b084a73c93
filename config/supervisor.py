"""Keep a few programs running side by side: start them, start them again when they die, stop them together."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).parents[1]
TICK_SECONDS = 0.1
STOP_SECONDS = 10
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_SECONDS = 30
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Program:
    """A Python program to keep running: a file and its arguments, or `-m`, a module and its arguments."""

    name: str
    command: tuple[str, ...]


@dataclass
class Child:
    """A program and the process that runs it now, if one does."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause: float = field(default=FIRST_PAUSE_SECONDS)

    def start(self, lifeline: int) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.lifeline", str(lifeline), *self.program.command],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            pass_fds=[lifeline],
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the others in order
        )
        logger.info("%s started", self.program.name, extra={"state": "started"})

    def tend(self, lifeline: int) -> None:
        """Start the program if it is due, and note it if it has died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due_at:
                self.start(lifeline)
        elif (code := self.process.poll()) is not None:
            self.signal(signal.SIGTERM)  # what it started itself must not keep the port
            if now - self.started_at > HEALTHY_SECONDS:
                self.pause = FIRST_PAUSE_SECONDS
            logger.warning("%s ended with code %s and starts again in %s s", self.program.name, code, self.pause)
            self.process = None
            self.due_at, self.pause = now + self.pause, min(self.pause * 2, LONGEST_PAUSE_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def ask_to_stop(self) -> None:
        """Let the process end in its own time; it tells what it started itself."""
        if self.process is not None:
            self.process.terminate()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs programs until a signal asks to stop: Ctrl-C, SIGTERM or SIGHUP; a second one stops at once.

    The programs hold the other end of a pipe (lifeline.py), so none of them outlives the supervisor.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = [Child(program) for program in programs]
        self.requests_to_stop = 0

    def run(self) -> None:
        """Keep the programs running; return when all have stopped. Only the main thread may call this."""
        lifeline, own_end = os.pipe()
        try:
            with self._listening():
                while not self.requests_to_stop:
                    for child in self.children:
                        child.tend(lifeline)
                    time.sleep(TICK_SECONDS)
                self._stop()
        finally:
            os.close(own_end)
            os.close(lifeline)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requests_to_stop += 1

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.ask_to_stop()
        while any(child.is_running() for child in self.children):
            if self.requests_to_stop > 1 or time.monotonic() > deadline:
                break
            time.sleep(TICK_SECONDS / 5)
        for child in self.children:
            child.signal(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
