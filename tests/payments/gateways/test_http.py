"""Answers as servers really send them: whole or in chunks, packed, cut short, too slow or too large."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from payments.errors import GatewayUnavailable
from payments.gateways.http import ANSWER_LIMIT, Patience, call_json

ANSWER = b'{"status_code": "200"}'
PACKED = gzip.compress(ANSWER)
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that sends these pieces to whoever asks, and return its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(*pieces: bytes, pause: float = 0) -> str:
        def run() -> None:
            with suppress(OSError):
                connection, _address = listener.accept()
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(pause)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    listener.close()


def ask(address: str, patience: Patience | None = None) -> dict[str, object]:
    return call_json("GET", address, auth=("key", ""), patience=patience or Patience())[1]


def head(*headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    "pieces",
    [
        [head(f"Content-Length: {len(ANSWER)}"), ANSWER],
        [head(f"Content-Length: {len(ANSWER)}"), ANSWER[:5], ANSWER[5:]],
        [head("Transfer-Encoding: chunked"), b"5\r\n", ANSWER[:5], b"\r\n11\r\n", ANSWER[5:], b"\r\n0\r\n\r\n"],
        [head(f"Content-Length: {len(PACKED)}", "Content-Encoding: gzip"), PACKED[:12], PACKED[12:]],
        [head(), ANSWER],
    ],
    ids=["whole", "two pieces", "chunked", "packed", "without a length"],
)
def test_answer_is_read_however_it_is_sent(serve: Serve, pieces: list[bytes]):
    assert ask(serve(*pieces, pause=0.01)) == {"status_code": "200"}


@pytest.mark.parametrize(
    "pieces",
    [
        [head("Content-Length: 500"), b"{}"],
        [head("Transfer-Encoding: chunked"), b"5\r\n{}"],
        [head("Content-Encoding: gzip"), b"no gzip at all"],
        [head("Content-Encoding: gzip"), gzip.compress(b" " * 50 * ANSWER_LIMIT)],
        [head("Content-Length: x"), b""],
        [b"nonsense\r\n\r\n"],
        [],
    ],
    ids=["cut short", "cut in a chunk", "not packed", "a bomb", "no length", "not HTTP", "nothing"],
)
def test_answer_that_is_none_is_unknown(serve: Serve, pieces: list[bytes]):
    with pytest.raises(GatewayUnavailable):
        ask(serve(*pieces))


def test_trickle_ends_at_the_limit_of_the_whole_answer(serve: Serve):
    address = serve(head("Content-Length: 2000"), *[b" "] * 400, pause=0.02)
    began = time.monotonic()
    with pytest.raises(GatewayUnavailable):
        ask(address, Patience((1, 1), 0.5))
    assert time.monotonic() - began < 4
