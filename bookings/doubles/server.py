"""A vendor on a local port. Subclasses answer requests; this serves them, with the faults that networks and vendors have."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

BODY_LIMIT = 1024 * 1024  # bytes
CONTROL = "/_double/"
USUAL_VERBS = frozenset(["fail_next", "set_fault_rates", "take_time"])


class Fault(StrEnum):
    """What goes wrong with one request."""

    LOST = "lost"  # the work is done, the answer never comes: silence
    RESET = "reset"  # the work is done, then the connection breaks
    RESET_BEFORE = "reset_before"  # the connection breaks, nothing is done
    ERROR = "error"  # 500, nothing is done
    ERROR_AFTER = "error_after"  # 500 although the work is done
    BUSY = "busy"  # 429, nothing is done
    SLOW = "slow"  # the answer comes byte by byte
    HTML = "html"  # a page of a proxy in the answer's place, nothing is done
    CUT = "cut"  # the work is done, half of the answer comes: it is not JSON
    GARBLED = "garbled"  # the work is done, the answer is not UTF-8
    HUGE = "huge"  # the work is done, the answer does not end


_AFTER_WORK = (Fault.LOST, Fault.RESET, Fault.ERROR_AFTER, Fault.SLOW, Fault.CUT, Fault.GARBLED, Fault.HUGE)
_HUGE = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str  # still quoted
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """A JSON answer; without a body it is empty, as 204 is. Bytes are sent as they are, such as a page of HTML."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """What the vendor would post to the webhook address; `headers` signs it afresh at each try."""

    body: bytes
    headers: Callable[[], Mapping[str, str]]


class Double(ABC):
    """One vendor. Everything it knows is under `lock`; `messages` are those it wants to send, oldest first.

    Other processes drive it over HTTP: `POST /_double/VERB` with a JSON object calls that method with those keywords,
    one of `verbs`; `GET /_double/state`; `GET /_double/messages?from=N`, each signed as of now.
    """

    verbs: ClassVar[frozenset[str]] = frozenset()  # what others may call besides USUAL_VERBS

    def __init__(self, *, port: int = 0, silence: float = 60, seed: int = 1) -> None:
        """`silence` is how long a lost answer keeps the connection open, in seconds."""
        self.lock = threading.RLock()
        self.messages: list[Message] = []
        self.requests: list[Request] = []
        self.silence = silence
        self.faults: list[tuple[str, Fault]] = []  # for the next requests whose "METHOD /path" begins so
        self.fault_rates: dict[Fault, float] = {}  # of all requests
        self.seconds = 0.0  # that every answer takes
        self._random = random.Random(seed)  # noqa: S311 - for repeatable faults
        self._stopped = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Do what is asked; called under the lock."""

    @abstractmethod
    def error(self, status: int) -> Answer:
        """Return the vendor's own form of a 500 or a 429."""

    def fail_next(self, fault: Fault, asked: str = "") -> None:
        """Have the next request go wrong that begins so, such as "POST /v1/refunds"."""
        with self.lock:
            self.faults.append((asked, Fault(fault)))

    def set_fault_rates(self, **rates: float) -> None:
        """Have this share of all requests go wrong, as in `lost=0.01`."""
        with self.lock:
            self.fault_rates = {Fault(name): rate for name, rate in rates.items()}

    def take_time(self, seconds: float) -> None:
        """Have every answer take so long from now on, however many are asked for at once."""
        self.seconds = float(seconds)

    def state(self) -> dict[str, Any]:
        """Return what the vendor knows, for JSON; called under the lock."""
        return {}

    def signed_messages(self, begin: int = 0) -> list[dict[str, Any]]:
        """Return the messages from that number on, for JSON, their headers as of now."""
        return [
            {"number": number, "body": message.body.decode(), "headers": dict(message.headers())}
            for number, message in enumerate(self.messages[begin:], begin)
        ]

    def control(self, request: Request) -> Answer:
        """Do what another process asks of the double itself."""
        asked = request.path.removeprefix(CONTROL).strip("/")
        with self.lock:
            try:
                if (request.method, asked) == ("GET", "state"):
                    return Answer(200, self.state())
                if (request.method, asked) == ("GET", "messages"):
                    return Answer(200, self.signed_messages(int(request.query.get("from", ["0"])[0])))
                if request.method == "POST" and asked in self.verbs | USUAL_VERBS:
                    return Answer(200, getattr(self, asked)(**json.loads(request.body or b"{}")))
            except (LookupError, TypeError, ValueError) as error:
                return Answer(400, {"error": f"{type(error).__name__}: {error}"})
            return Answer(404, {"error": f"there is no {asked}"})

    def start(self) -> Self:
        """Serve from a thread."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def serve(self) -> None:
        """Serve until the process ends."""
        self._server.serve_forever()

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fault_of(self, request: Request) -> Fault | None:
        """Return what goes wrong with this request, if anything does."""
        with self.lock:
            asked = f"{request.method} {request.path}"
            for number, (beginning, fault) in enumerate(self.faults):
                if asked.startswith(beginning):
                    del self.faults[number]
                    return fault
            for fault, rate in self.fault_rates.items():
                if self._random.random() < rate:
                    return fault
            return None

    def respond(self, request: Request) -> tuple[Answer, Fault | None]:
        """Return the answer and how it goes wrong on its way."""
        fault = self.fault_of(request)
        with self.lock:
            self.requests.append(request)
            if fault is None or fault in _AFTER_WORK:
                answer = self.answer(request)
                return (self.error(500), None) if fault is Fault.ERROR_AFTER else (answer, fault)
        return self.error(429 if fault is Fault.BUSY else 500), fault

    def keep_silent(self) -> None:
        self._stopped.wait(self.silence)


def _bytes_of(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], double: Double) -> None:
        self.double = double
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, dict(self.headers.items()), self.rfile.read(length))
        double = self.server.double
        if request.path.startswith(CONTROL):
            answer, fault = double.control(request), None
        else:
            time.sleep(double.seconds)
            answer, fault = double.respond(request)
        if fault is Fault.LOST:
            double.keep_silent()
        if fault in (Fault.LOST, Fault.RESET, Fault.RESET_BEFORE):
            self._reset()
        elif fault is Fault.HTML:
            self._send(502, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"})
        else:
            raw = _spoilt(_bytes_of(answer.body), fault)
            headers = {"Content-Type": "application/json", **answer.headers}
            self._send(answer.status, raw, headers, pause=0.05 if fault is Fault.SLOW else 0)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _handle  # noqa: N815 - the names that http.server looks for

    def _send(self, status: int, raw: bytes, headers: Mapping[str, str], pause: float = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        for place in range(0, len(raw), 1 if pause else max(1, len(raw))):
            self.wfile.write(raw[place : place + 1] if pause else raw)
            if pause:
                time.sleep(pause)

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _spoilt(raw: bytes, fault: Fault | None) -> bytes:
    """Return the answer as it arrives with this fault."""
    if fault is Fault.CUT:
        return raw[: len(raw) // 2] or b"{"
    if fault is Fault.GARBLED:
        return raw.replace(b'"', b"\xff\xfe")
    return raw + b" " * _HUGE if fault is Fault.HUGE else raw
