"""The real programs, started for a measurement and ended after it: web, workers, and a Midtrans that says "settled"."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from django.db import connection

from bench.place import ROOT, SERVER_KEY, database_url
from bench.unpaid import settled
from config import serving

START_SECONDS = 30


@contextmanager
def running_site(*, port: int, workers: int, log: Path) -> Iterator[str]:
    """Run the site as `manage.py serve` does, with so many workers; yield its address."""
    programs = [serving.web("127.0.0.1", port), *[serving.worker()] * workers]
    with ExitStack() as running:
        running.enter_context(_midtrans(port + 1))
        for program in programs:
            running.enter_context(_program(program.command, settings="config.settings", log=log))
        _await(f"http://127.0.0.1:{port}/health/live/", log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_bare_view(*, port: int, log: Path) -> Iterator[str]:
    """Run the bare view under the same server; yield its address."""
    with _program(serving.web("127.0.0.1", port).command, settings="bench.bare_settings", log=log):
        _await(f"http://127.0.0.1:{port}/bare", log)
        yield f"http://127.0.0.1:{port}/bare"


@contextmanager
def _program(command: Sequence[str], *, settings: str, log: Path) -> Iterator[None]:
    """Run a program that ends with the block, or with this process however that one dies."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": settings}
    lifeline, own_end = os.pipe()
    starter = [sys.executable, "-m", "config.lifeline", str(lifeline)]
    with log.open("ab") as said:
        process = subprocess.Popen(
            [*starter, *command], cwd=ROOT, env=environment, stdout=said, stderr=said, pass_fds=[lifeline]
        )
    os.close(lifeline)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(own_end)


@contextmanager
def _midtrans(port: int) -> Iterator[None]:
    connection.close()  # a forked connection would be used by two
    process = multiprocessing.get_context("fork").Process(target=_answer_for_ever, args=(port,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(timeout=5)


def _answer_for_ever(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), _Midtrans).serve_forever()


class _Midtrans(BaseHTTPRequestHandler):
    """Answers GET /v2/<order>/status: settled, whatever is asked for."""

    def do_GET(self) -> None:
        body = settled(self.path.split("/")[2], server_key=SERVER_KEY).body
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _await(address: str, log: Path) -> None:
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
