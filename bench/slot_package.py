"""The package django-appointment beside ours: installed into an environment of its own, run in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import connection

from bench.busy_tutor import GAP, MINUTES, STEP, WEEK, ZONE, BusyTutor
from bench.place import ROOT

REQUIREMENTS = ROOT / "requirements" / "bench.txt"
PROGRAM = Path(__file__).with_name("package_program.py")


class PackageMissing(Exception):
    """The package cannot be installed here: no package index can be reached."""


class Package:
    """The running program: lists the slots when it is asked to."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def list_slots(self) -> tuple[float, list[datetime]]:
        """Return the seconds that one list took it, and the starts, sorted, in UTC."""
        told = self.ask("list")
        starts = [datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC) for text in told["slots"]]
        return told["seconds"], sorted(starts)

    def count_queries(self) -> int:
        """Return how many queries one list takes it."""
        return int(self.ask("count")["queries"])

    def ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        told = self._process.stdout.readline()
        if not told:
            raise RuntimeError(f"django-appointment ended. It said:\n{self._log.read_text()[-2000:]}")
        return json.loads(told)


@contextmanager
def running_package(busy: BusyTutor, *, folder: Path) -> Iterator[Package]:
    """Run the package on a database of its own that holds this tutor. Raises PackageMissing."""
    python = _installed()
    with _own_database() as database, (folder / "package.log").open("w") as log:
        process = subprocess.Popen(
            [python, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment()
        )
        try:
            package = Package(process, folder / "package.log")
            package.ask(json.dumps({**described(busy), "database": database}))
            yield package
        finally:
            process.kill()
            process.communicate()


def _installed() -> Path:
    """Return the Python that has the package, installing it if need be (once, half a minute)."""
    locked = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    folder = ROOT / "var" / "bench-package"
    python, mark = folder / "bin" / "python", folder / "installed"
    if mark.exists() and mark.read_text() == locked:
        return python
    print("Installing django-appointment into an environment of its own (once)", flush=True)
    venv.create(folder, clear=True, with_pip=True)
    quiet = ["-qq", "--disable-pip-version-check"]
    try:
        subprocess.run(
            [python, "-m", "pip", "install", *quiet, "--require-hashes", "--requirement", REQUIREMENTS], check=True
        )
    except subprocess.CalledProcessError as error:
        raise PackageMissing("django-appointment cannot be installed here: its figures are left out.") from error
    mark.write_text(locked)
    return python


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTHON"))}


@contextmanager
def _own_database() -> Iterator[dict[str, Any]]:
    known = connection.get_connection_params()
    name = f"{known['dbname']}_package"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    where = {key.upper(): str(known.get(key) or "") for key in ("host", "port", "user", "password")}
    try:
        yield {"ENGINE": "django.db.backends.postgresql", "NAME": name, **where}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def described(busy: BusyTutor) -> dict[str, Any]:
    """Tell of the tutor in the package's words: its week begins on Sunday, and its times are wall time."""
    lessons = [start.astimezone(ZONE).replace(tzinfo=None).isoformat() for start in busy.lessons]
    return {
        "zone": ZONE.key,
        "minutes": MINUTES,
        "step": STEP,
        "gap": GAP,
        "dates": [day.isoformat() for day in busy.dates],
        "hours": [
            ((day + 1) % 7, windows[0][0].isoformat(), windows[-1][1].isoformat()) for day, windows in enumerate(WEEK)
        ],
        "breaks": [_break(day, ends, starts) for day in busy.dates for ends, starts in _between(WEEK[day.weekday()])],
        "lessons": lessons,
    }


def _between(windows: list[tuple[time, time]]) -> list[tuple[time, time]]:
    return [(before[1], after[0]) for before, after in pairwise(windows)]


def _break(day: date, ends: time, starts: time) -> tuple[str, str, str]:
    """Return the break without the gap at both ends, which the package keeps around breaks as it does around lessons."""
    gap = timedelta(minutes=GAP)
    first, last = datetime.combine(day, ends) + gap, datetime.combine(day, starts) - gap
    return day.isoformat(), first.time().isoformat(), last.time().isoformat()
