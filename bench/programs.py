"""The real programs, started for a measurement and ended after it: web and workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import requests
from procrastinate.contrib.django.models import ProcrastinateWorker

from bench.place import ROOT, database_url
from config import serving

START_SECONDS = 30


@contextmanager
def running_site(*, port: int, workers: int, log: Path) -> Iterator[str]:
    """Run the site as `manage.py serve` does, with so many workers; yield its address."""
    programs = [serving.web("127.0.0.1", port), *[serving.worker()] * workers]
    with ExitStack() as running:
        for program in programs:
            running.enter_context(_program(program.command, settings="config.settings", log=log))
        await_answer(f"http://127.0.0.1:{port}/health/live/", log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_workers(workers: int, *, log: Path) -> Iterator[None]:
    """Run so many workers as `manage.py serve` does, and nothing else, once each has given a sign of life."""
    ProcrastinateWorker.objects.all().delete()
    program = serving.worker()
    with ExitStack() as running:
        for _ in range(workers):
            running.enter_context(_program(program.command, settings="config.settings", log=log))
        deadline = time.monotonic() + START_SECONDS * workers
        while ProcrastinateWorker.objects.count() < workers:
            if time.monotonic() > deadline:
                raise RuntimeError(f"The workers did not start. They said:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield


@contextmanager
def running_bare_view(*, port: int, log: Path) -> Iterator[str]:
    """Run the bare view under the same server; yield its address."""
    command = ["bench.bare_wsgi" if part == "config.wsgi" else part for part in serving.web("127.0.0.1", port).command]
    with _program(command, settings="bench.bare_settings", log=log):
        await_answer(f"http://127.0.0.1:{port}/bare", log)
        yield f"http://127.0.0.1:{port}/bare"


class Running:
    """A program in a process group of its own. It ends with this process, however that one dies."""

    def __init__(self, name: str, command: Sequence[str], *, settings: str, log: Path) -> None:
        self.name = name
        self._command, self._log = command, log
        self._environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._own_end = -1
        self._started_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_at

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it, for the first time or again; what is left of the last time must not keep its port."""
        self.kill()
        self._let_go()
        self._started_at = time.monotonic()
        lifeline, self._own_end = os.pipe()
        starter = [sys.executable, "-m", "config.lifeline", str(lifeline)]
        with self._log.open("ab") as said:
            self._process = subprocess.Popen(
                [*starter, *self._command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=[lifeline],
                start_new_session=True,
            )
        os.close(lifeline)

    def kill(self) -> None:
        """Kill it with -9, and all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._let_go()

    def _let_go(self) -> None:
        if self._own_end >= 0:
            os.close(self._own_end)
            self._own_end = -1


@contextmanager
def _program(command: Sequence[str], *, settings: str, log: Path) -> Iterator[None]:
    program = Running("program", command, settings=settings, log=log)
    program.start()
    try:
        yield
    finally:
        program.stop()


def await_answer(address: str, log: Path) -> None:
    """Wait until something answers there. Raises RuntimeError, with the end of the log, if nothing does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(address, timeout=START_SECONDS)
            return
        except requests.RequestException:
            if time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{address} did not come up in {START_SECONDS} seconds. It said:\n{said}") from None
            time.sleep(0.1)
