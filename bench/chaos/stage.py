"""Lets many payers live at once in a few threads: each does a step, then waits for its next turn."""

from __future__ import annotations

import heapq
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import connection

from bench.chaos.payers import Steps
from bench.chaos.visitor import NobodyAnswers

THREADS = 8
MOST_JOBS_WAITING = 60  # nobody new comes while the workers have more than this before them


@dataclass(order=True)
class _Turn:
    due: float
    number: int
    steps: Steps = field(compare=False)


class Stage:
    """The payers on their way. `done` counts those who have finished, `troubles` are surprises: the run has failed."""

    def __init__(self, payers: Iterable[Steps], *, jobs_waiting: Callable[[], int]) -> None:
        self.troubles: list[str] = []
        self.done = self.gave_up = 0
        self._jobs_waiting, self._crowd = jobs_waiting, 0
        self._newcomers = deque(_Turn(0, number, steps) for number, steps in enumerate(payers))
        self._turns: list[_Turn] = []
        self._left = len(self._newcomers)
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._threads = [threading.Thread(target=self._act, daemon=True) for _ in range(THREADS)]
        self._threads.append(threading.Thread(target=self._look_at_crowd, daemon=True))

    @property
    def is_empty(self) -> bool:
        return self._left == 0

    def open(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Send everybody home who is still there."""
        self._is_closed.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _act(self) -> None:
        try:
            while not self._is_closed.is_set() and not self.is_empty:
                if (turn := self._next()) is None:
                    time.sleep(0.02)
                else:
                    self._step(turn)
        finally:
            connection.close()

    def _next(self) -> _Turn | None:
        with self._lock:
            if self._turns and self._turns[0].due <= time.monotonic():
                return heapq.heappop(self._turns)
            if self._newcomers and self._crowd <= MOST_JOBS_WAITING:
                return self._newcomers.popleft()
            return None

    def _step(self, turn: _Turn) -> None:
        try:
            wait = next(turn.steps)
        except StopIteration:
            self._finish("done")
        except NobodyAnswers:
            self._finish("gave_up")
        except Exception:
            self.troubles.append(traceback.format_exc(limit=-4))
            self._finish("done")
        else:
            with self._lock:
                heapq.heappush(self._turns, _Turn(time.monotonic() + wait, turn.number, turn.steps))

    def _finish(self, how: str) -> None:
        with self._lock:
            setattr(self, how, getattr(self, how) + 1)
            self._left -= 1

    def _look_at_crowd(self) -> None:
        try:
            while not self._is_closed.wait(0.3) and not self.is_empty:
                self._crowd = self._jobs_waiting()
        finally:
            connection.close()
