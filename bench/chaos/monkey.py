"""Kills programs with -9 at any moment, has the database fall over, and starts everything again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bench.programs import Running
from config.embedded_postgres.postmaster import find_postmaster, stop_postmaster
from config.embedded_postgres.server import Server

DOWN = (0.2, 1.5)  # seconds that the database stays away


class Monkey:
    """A thread that breaks things until it is told to stop; `counts` tells what."""

    def __init__(self, programs: Sequence[Running], server: Server, *, pause: float, seed: int) -> None:
        """`pause` is the usual time between two kills, in seconds; `spared` how long a program lives at least."""
        self.spared = 5.0
        self.counts: Counter[str] = Counter()
        self._programs, self._server, self._pause = programs, server, pause
        self._dice = random.Random(seed)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Break nothing more, and leave everything running."""
        self._is_over.set()
        self._thread.join()
        self.tend()

    def tend(self) -> None:
        """Start again whatever has ended."""
        for program in self._programs:
            if not program.is_running:
                program.start()
                self.counts["starts"] += 1

    def restart_database(self) -> None:
        """Have the database go down, by turns in order and all of a sudden, and come back."""
        data = self._server.folder.real
        if self.counts["database stopped"] > self.counts["database killed"]:
            postmaster = find_postmaster(data)
            if postmaster is not None:
                os.kill(postmaster, signal.SIGKILL)
            self.counts["database killed"] += 1
        else:
            stop_postmaster(data)
            self.counts["database stopped"] += 1
        time.sleep(self._dice.uniform(*DOWN))
        self._server.ensure()

    def _live(self) -> None:
        while not self._is_over.wait(self._pause * self._dice.uniform(0.5, 1.5)):
            self._kill_something()
            if self._is_over.wait(self._dice.uniform(0, 0.3)):
                return
            self.tend()

    def _kill_something(self) -> None:
        grown_up = [one for one in self._programs if one.is_running and one.age > self.spared]
        if not grown_up:
            return
        program = self._dice.choice(grown_up)
        children = _children(program.pid)
        if children and self._dice.random() < 0.5:
            with suppress(ProcessLookupError):
                os.kill(self._dice.choice(children), signal.SIGKILL)
            self.counts[f"{program.name}: one process"] += 1
            return
        program.kill()
        self.counts[program.name] += 1


def watch(count: int, *, progress: Callable[[], float], monkey: Monkey, is_over: threading.Event) -> threading.Thread:
    """Restart the database so many times, spread evenly over the run's progress (0 to 1)."""

    def wait_and_restart() -> None:
        for number in range(1, count + 1):
            while progress() < number / (count + 1):
                if is_over.wait(0.1):
                    return
            monkey.restart_database()

    thread = threading.Thread(target=wait_and_restart, daemon=True)
    thread.start()
    return thread


def _children(pid: int) -> list[int]:
    """Return the processes that this one started, where the system tells."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []
